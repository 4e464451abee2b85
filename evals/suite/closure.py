"""Which of our own modules decide what a subject puts out and how it is scored: the imports, followed.

Read from the source, so that nothing is listed by hand and nothing runs. Followed are the imports at the head of a
module, and in the subject's own module those inside functions too: it imports late what it runs. In every other module
an import inside a function is how the product keeps commands and pages out of what it loads, and they decide nothing.
A name that a package passes on leads to the module that defines it, not to everything beside it.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_OWN = ("agent", "graphs", "evals")
_APART = ("agent.app.container", "agent.app.hooks", "evals.suite")
"""Not followed: wiring, whose choice of an embedder or model is an axis of its own; and the suite, which measures."""


@cache
def deciding(module: str) -> tuple[str, ...]:
    """The modules that `module` is made of, sorted, itself left out: its own source counts as the scorer's."""
    found: set[str] = set()
    open_ = list(_followed(module, late=True))
    while open_:
        name = open_.pop()
        if name not in found and name != module:
            found.add(name)
            open_ += _followed(name, late=False)
    return tuple(sorted(found))


def source_of(module: str) -> Path | None:
    """The file of one of our own modules; None for anybody else's."""
    if module.split(".")[0] not in _OWN:
        return None
    stem = _ROOT.joinpath(*module.split("."))
    return next((path for path in (stem / "__init__.py", stem.with_suffix(".py")) if path.is_file()), None)


def _followed(module: str, *, late: bool) -> Iterator[str]:
    for origin, name, is_late in _imports(module):
        home = _home(origin, name)
        if (late or not is_late) and source_of(home) and not _is_apart(home):
            yield home


def _is_apart(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in _APART) or module in _OWN


def _home(module: str, name: str) -> str:
    """The module that defines what `from module import name` gives."""
    if source_of(f"{module}.{name}"):
        return f"{module}.{name}"
    path = source_of(module)
    if path is not None and path.name == "__init__.py":
        for origin, passed_on, _ in _imports(module):
            if passed_on == name and source_of(origin):
                return _home(origin, name)
    return module


@cache
def _imports(module: str) -> tuple[tuple[str, str, bool], ...]:
    """(module, name or "", whether inside a function) of every import that is there when the code runs."""
    path = source_of(module)
    return tuple(_read(ast.parse(path.read_text(encoding="utf-8")), inside=False)) if path else ()


def _read(node: ast.AST, *, inside: bool) -> Iterator[tuple[str, str, bool]]:
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.Import):
            yield from ((alias.name, "", inside) for alias in part.names)
        elif isinstance(part, ast.ImportFrom):
            assert part.module is not None, "relative imports are not used here"
            yield from ((part.module, alias.name, inside) for alias in part.names)
        elif isinstance(part, ast.If) and "TYPE_CHECKING" in ast.dump(part.test):
            yield from (line for other in part.orelse for line in _read(other, inside=inside))
        else:
            function = isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _read(part, inside=inside or function)
