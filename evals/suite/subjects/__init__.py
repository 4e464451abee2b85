"""What is under test: one module a subject, listed in the order of the report."""

from collections.abc import Callable, Mapping

from evals.suite.contract import Subject


def _writing() -> Subject:
    from evals.suite.subjects.writing import Writing

    return Writing()


def _grading() -> Subject:
    from evals.suite.subjects.grading import Grading

    return Grading()


def _answering() -> Subject:
    from evals.suite.subjects.answering import Answering

    return Answering()


def _drafting() -> Subject:
    from evals.suite.subjects.drafting import Drafting

    return Drafting()


def _rationale() -> Subject:
    from evals.suite.subjects.rationale import Levels

    return Levels()


SUBJECTS: Mapping[str, Callable[[], Subject]] = {
    "writing": _writing,
    "grading": _grading,
    "answering": _answering,
    "drafting": _drafting,
    "rationale": _rationale,
}
"""Name → maker; a subject loads what it needs when it is made."""
