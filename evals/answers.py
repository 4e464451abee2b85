"""Cited answers to the golden questions: what the shipped graph shows, and whether every citation holds.

    python -m evals.answers --cache FILE [--seconds N]

Runs `ask` with the chat model of the settings on every question of `evals.golden`, over `tracks/` alone, so that a
learner's own files move no figure. Replies are cached by the whole prompt: a run may be cut short and goes on with the
next call, and a change behind the model (parsing, verification, abstention) is measured again without it. A question
without a reply yet is unmeasured and in no figure.

A case belongs to the half `dev` or `held` by its source note. Thresholds are chosen on `dev` alone.
"""

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from agent.adapters.retrieval import HybridRetriever, NoteIndex, similar_by
from agent.adapters.retrieval.files import WorkspaceFiles
from agent.domain.errors import ModelError, StudyError
from agent.ports import Chat, Prompt, Retriever
from agent.ports.retriever import Similar
from evals.golden import Case, block_line, load_cases
from evals.retrieve import Measure, bootstrap
from graphs.ask import AskContext, AskInput, build_ask

T = TypeVar("T", bound=BaseModel)
HALVES = ("dev", "held")


class NotCachedError(StudyError):
    """The reply is not there and the run's time is over."""


class CachedChat:
    """A chat model whose streamed replies are kept in a JSON lines file, keyed by model and whole prompt.

    Without a model, or past `deadline` (of `time.monotonic`), only what is cached is answered.
    """

    def __init__(self, path: Path, chat: Chat | None, model: str, deadline: float = float("inf")) -> None:
        self._path, self._chat, self._model, self._deadline = path, chat, model, deadline
        rows = path.read_text("utf-8").splitlines() if path.is_file() else []
        self._replies: dict[str, str] = {row["key"]: row["reply"] for row in map(json.loads, rows)}

    @property
    def name(self) -> str:
        """See `agent.ports.Chat`."""
        return self._model

    def structured(self, prompt: Prompt, schema: type[T], *, max_tokens: int) -> T | None:
        """See `agent.ports.Chat`; golden questions have no follow-ups."""
        raise NotImplementedError

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """See `agent.ports.Chat`.

        Raises:
            NotCachedError: see the class.
        """
        text = "\0".join((self._model, prompt.system, prompt.user, str(max_tokens)))
        key = hashlib.sha256(text.encode()).hexdigest()[:24]
        if key not in self._replies:
            if self._chat is None or time.monotonic() > self._deadline:
                raise NotCachedError("there is no reply to this prompt yet")
            start = time.monotonic()
            reply = "".join(self._chat.stream(prompt, max_tokens=max_tokens))
            row = {"key": key, "reply": reply, "seconds": round(time.monotonic() - start, 1)}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            self._replies[key] = reply
        yield self._replies[key]


@dataclass(frozen=True, slots=True)
class Shown:
    """A sentence that was shown: `resolves` is whether its quote stands at its lines, `right` whether it is gold."""

    text: str
    path: str
    start_line: int
    end_line: int
    quote: str
    resolves: bool
    right: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """What the learner saw for a case; `outcome` as in `graphs.ask.state`.

    `nearest` is whether a gold line is among those held up as nearest where there is no answer.
    """

    case: Case
    outcome: str
    shown: tuple[Shown, ...]
    nearest: bool = False


def half(case: Case) -> str:
    """`dev` or `held`: by the note that answers it (a note's questions stay together), else by its own id."""
    key = case.expected[0][0] if case.expected else case.id
    return HALVES[hashlib.blake2b(key.encode(), digest_size=1).digest()[0] % 2]


def run(root: Path, retriever: Retriever, similar: Similar, chat: Chat, cases: Iterable[Case]) -> Iterator[Answered]:
    """Ask every question of a fresh conversation; a case whose reply is not there yet is left out."""
    graph = build_ask().compile()
    context = AskContext(retriever, WorkspaceFiles(root), chat, similar=similar)
    for case in cases:
        try:
            given: AskInput = {"question": case.question, "filters": {"folders": ["tracks"]}}
            steps: list[Any] = list(graph.stream(given, context=context, stream_mode=["custom", "values"]))
        except NotCachedError:
            continue
        state: dict[str, Any] = [value for mode, value in steps if mode == "values"][-1]
        told = [value for mode, value in steps if mode == "custom" and value["event"] == "nearest"]
        near = any(_is_gold(root, case, line) for value in told for line in value["statements"])
        if state["outcome"] == "passages":
            raise ModelError(state["notice"])
        yield Answered(case, state["outcome"], tuple(_shown(root, case, item) for item in state["answer"]), near)


def _shown(root: Path, case: Case, item: dict[str, Any]) -> Shown:
    """Look the citation up in the file anew, not by the code that made it."""
    path, first, last, quote = item["path"], item["start_line"], item["end_line"], item["quote"]
    lines = (root / path).read_text("utf-8").split("\n")
    resolves = 1 <= first <= last <= len(lines) and quote in "\n".join(lines[first - 1 : last]) and bool(quote.strip())
    return Shown(item["text"], path, first, last, quote, resolves, _is_gold(root, case, item))


def _is_gold(root: Path, case: Case, item: dict[str, Any]) -> bool:
    gold = ((path, block_line(root, path, block)) for path, block in (*case.expected, *case.also))
    return any(path == item["path"] and item["start_line"] <= line <= item["end_line"] for path, line in gold)


def figures(answers: Sequence[Answered]) -> dict[str, Measure]:
    """Each figure as a mean with its 95 % bootstrap interval over questions; none where nothing counts for it."""
    answerable = [a for a in answers if a.case.expected]
    none = [a for a in answers if not a.case.expected]
    shown = [a for a in answers if a.shown]
    values = {
        "resolves": [float(all(s.resolves for s in a.shown)) for a in shown],
        # An answer to what the notes do not say is wrong with every citation it shows.
        "precision": [sum(s.right for s in a.shown) / len(a.shown) for a in shown],
        "precision, answerable": [sum(s.right for s in a.shown) / len(a.shown) for a in shown if a.case.expected],
        "recall": [float(any(s.right for s in a.shown)) for a in answerable],
        "recall, or nearest lines": [float(a.nearest or any(s.right for s in a.shown)) for a in answerable],
        "abstained, unanswerable": [float(a.outcome == "abstained") for a in none],
        "abstained, answerable": [float(a.outcome == "abstained") for a in answerable],
    }
    return {name: bootstrap(each) for name, each in values.items() if each}


def table(answers: Sequence[Answered], of: int) -> str:
    """The figures by half and wording."""
    groups = {
        "all": list(answers),
        **{name: [a for a in answers if half(a.case) == name] for name in HALVES},
        **{wording: [a for a in answers if a.case.wording == wording] for wording in ("near", "away")},
    }
    lines = [f"{len(answers)} of {of} questions answered, {sum(len(a.shown) for a in answers)} citations shown"]
    for group, members in groups.items():
        for name, measure in figures(members).items():
            lines.append(
                f"{group:<6} n={len(members):<4} {name:<24} {measure.mean:.3f} [{measure.low:.3f}, {measure.high:.3f}]"
            )
    return "\n".join(lines)


def main() -> None:
    """Answer what is not cached yet, for at most `--seconds`, and print the table."""
    from agent.app import App

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="JSON lines file of replies; made if need be")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="ask the model for at most so long")
    parser.add_argument("--index", type=Path, help="keeps the index for the next run")
    parser.add_argument("--out", type=Path, help="every answer as JSON lines")
    options = parser.parse_args()
    # In no order of the file, so that what a run cut short has measured stands for the whole.
    cases = sorted(load_cases(), key=lambda case: hashlib.sha256(case.id.encode()).digest())
    with (
        tempfile.TemporaryDirectory(prefix="study-answers-") as temporary,
        App.load_anywhere() as app,
        NoteIndex(Path.cwd(), options.index or Path(temporary), app.embedder) as index,
    ):
        index.sync()
        retriever = HybridRetriever(index)
        chat = app.chat
        cached = CachedChat(options.cache, chat, chat.name if chat else "none", time.monotonic() + options.seconds)
        answers = list(run(Path.cwd(), retriever, similar_by(app.embedder), cached, cases))
        retriever.close()
    if options.out:
        rows = [{**asdict(a), "half": half(a.case)} for a in answers]
        options.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    print(table(answers, len(cases)))


if __name__ == "__main__":
    main()
