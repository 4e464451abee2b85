"""What is under test: one module a subject, listed in the order of the report."""

from collections.abc import Callable, Mapping

from evals.suite.contract import Subject


def _grading() -> Subject:
    from evals.suite.subjects.grading import Grading

    return Grading()


SUBJECTS: Mapping[str, Callable[[], Subject]] = {
    "grading": _grading,
}
"""Name → maker; a subject loads what it needs when it is made."""
