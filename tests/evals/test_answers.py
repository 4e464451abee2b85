"""Answers to golden questions: the graph over a real index, the model scripted or cached."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agent.adapters.retrieval import HybridRetriever, NoteIndex, similar_by
from agent.ports import Prompt
from evals.answers import Answered, CachedChat, NotCachedError, figures, half, run, table
from evals.golden import Case, load_cases
from tests.helpers.embedders import HashingEmbedder
from tests.helpers.scripted_chat import ScriptedChat

NOTE = "# Cats\n\n- Cats sleep for most of the day. ^sleep\n- Cats hunt at dusk and at dawn. ^hunt\n"
SLEEP, HUNT = ("tracks/a.md", "sleep"), ("tracks/a.md", "hunt")
CASES = [
    Case("1", "how long do cats sleep in a day?", "near", (SLEEP,)),
    Case("2", "when do cats hunt?", "near", (SLEEP,), (HUNT,)),
    Case("3", "what does quantum zebra eat?", "unanswerable", ()),
]
PROMPT = Prompt("ask/answer@1", "system", "user")


@pytest.fixture
def retriever(tmp_path: Path) -> Iterator[HybridRetriever]:
    (tmp_path / "tracks").mkdir()
    (tmp_path / "tracks/a.md").write_text(NOTE)
    for number in range(8):  # a word is rare only among others
        (tmp_path / f"tracks/{number}.md").write_text(f"# Other {number}\n\nSomething else number {number} entirely.\n")
    with NoteIndex(tmp_path, tmp_path / "index", HashingEmbedder()) as index:
        index.sync()
        retriever = HybridRetriever(index)
        yield retriever
        retriever.close()


def test_answers_are_looked_up_in_the_files_and_scored(retriever: HybridRetriever, tmp_path: Path) -> None:
    chat = ScriptedChat("Cats sleep for most of the day. [1]", "Cats hunt at dusk and at dawn.")

    def similar(query: str, texts: Sequence[str]) -> list[float]:
        return [0.9 if "cats" in query else 0.1] * len(texts)

    answers = list(run(tmp_path, retriever, similar, chat, CASES))
    assert [(a.outcome, [(s.start_line, s.resolves, s.right) for s in a.shown]) for a in answers] == [
        ("answered", [(3, True, True)]),
        ("answered", [(4, True, True)]),
        ("abstained", []),
    ]
    measured = {name: measure.mean for name, measure in figures(answers).items()}
    assert measured == {
        "resolves": 1.0,
        "precision": 1.0,
        "precision, answerable": 1.0,
        "recall": 1.0,
        "recall, or nearest lines": 1.0,
        "abstained, unanswerable": 1.0,
        "abstained, answerable": 0.0,
    }
    assert table(answers, 3).startswith("3 of 3 questions answered, 2 citations shown")


def test_silence_on_an_answerable_question_costs_recall_and_nothing_counts_twice() -> None:
    measured = figures([Answered(CASES[0], "abstained", (), nearest=True)])
    assert {name: measure.mean for name, measure in measured.items()} == {
        "recall": 0.0,
        "recall, or nearest lines": 1.0,
        "abstained, answerable": 1.0,
    }


def test_a_reply_is_kept_and_asked_for_once(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    first = CachedChat(path, ScriptedChat("a reply"), "m")
    assert "".join(first.stream(PROMPT, max_tokens=9)) == "a reply"
    again = CachedChat(path, None, "m")
    assert "".join(again.stream(PROMPT, max_tokens=9)) == "a reply"
    with pytest.raises(NotCachedError):
        list(again.stream(Prompt("ask/answer@1", "system", "another"), max_tokens=9))
    with pytest.raises(NotCachedError):
        list(CachedChat(path, None, "another model").stream(PROMPT, max_tokens=9))


def test_past_the_deadline_no_model_is_asked(tmp_path: Path, retriever: HybridRetriever) -> None:
    chat = CachedChat(tmp_path / "replies.jsonl", ScriptedChat(), "m", time.monotonic() - 1)
    answers = list(run(tmp_path, retriever, similar_by(None), chat, CASES))
    assert [a.case.id for a in answers] == ["3"], "what needs the model is unmeasured"


def test_a_notes_questions_are_in_one_half() -> None:
    cases = load_cases()
    halves: dict[str, set[str]] = {}
    for case in cases:
        halves.setdefault(case.expected[0][0] if case.expected else case.id, set()).add(half(case))
    assert all(len(found) == 1 for found in halves.values())
    assert 0.4 < sum(half(case) == "dev" for case in cases) / len(cases) < 0.6
