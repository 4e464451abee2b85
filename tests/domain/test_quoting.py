from dataclasses import replace

import pytest

from agent.domain import quoting
from agent.domain.quoting import Signals, chance, compared, evidence, nearest, quote, shares, signals
from agent.domain.statement import statements

NOTE = """# KV cache

- (core) KV-cache memory grows linearly with the batch size: each sequence has its own cache. ^linear
  - Q: What happens to memory with more users?
- Decoding is bound by memory bandwidth, not by arithmetic. ^bandwidth
- One token of this model takes 131072 bytes. ^bytes
"""
GIVEN = statements(NOTE, "a.md", heading="KV cache")
SOURCES = {"a.md": NOTE}
LIKELY = Signals(near=0.7, words=0.6, passage=0.95, asked=True, said=0.5, silent=False, evidence=0.9)


def test_the_likeliest_statement_speaks_for_itself() -> None:
    found = quote(GIVEN, [0.1, 0.9, 0.2], SOURCES)
    assert found is not None
    assert found.text == "Decoding is bound by memory bandwidth, not by arithmetic."
    assert found.citation.start_line == 5
    assert quote(GIVEN, [0.1, quoting.FLOOR - 0.01, 0.0], SOURCES) is None
    assert quote([], [], SOURCES) is None


def test_a_file_that_changed_is_not_quoted() -> None:
    assert quote(GIVEN, [0.0, 0.0, 1.0], {"a.md": NOTE.replace("131072", "262144")}) is None


@pytest.mark.parametrize(
    "less",
    [
        replace(LIKELY, near=0.2),
        replace(LIKELY, words=0.0),
        replace(LIKELY, passage=0.5),
        replace(LIKELY, asked=False),
        replace(LIKELY, said=0.0),
    ],
)
def test_every_signal_counts(less: Signals) -> None:
    assert chance(less) < chance(LIKELY)
    assert chance(LIKELY) > quoting.FLOOR


def test_what_is_best_of_a_poor_lot_is_no_answer() -> None:
    """Some passage is the best of any search; with a cosine of .2 and hardly a word its fused score is about .7."""
    assert chance(Signals(0.2, 0.1, 0.7, True, 0.0, True, 0.25)) < quoting.FLOOR / 2


def test_a_statement_is_as_near_as_its_own_quiz_question() -> None:
    assert compared(GIVEN)[1] == f"KV cache\n\n{GIVEN[1].plain}"
    assert compared(GIVEN)[3:] == ["What happens to memory with more users?"]
    assert nearest(GIVEN, [0.1, 0.2, 0.3, 0.7]) == [0.7, 0.2, 0.3]


def test_a_rare_word_counts_more() -> None:
    common, rare = (shares(question, GIVEN, GIVEN) for question in ("memory zebra", "arithmetic zebra"))
    assert common[0] > 0, "the first statement holds the word too"
    assert rare[0] == rare[2] == 0
    assert rare[1] > common[1]


def test_signals_of_a_search() -> None:
    pool = [(GIVEN[1], 0.9), (GIVEN[0], 0.7), (GIVEN[1], 0.5)]
    found = signals("arithmetic", GIVEN[:2], pool, [0.3, 0.4, 0.6], None, [(0.2, None), (0.1, 0.3)])
    assert [(each.near, each.passage, each.asked) for each in found] == [(0.6, 0.7, True), (0.4, 0.9, False)]
    assert all(each.silent and each.said == 0.0 and each.evidence == pytest.approx(0.5) for each in found)
    spoken = signals("arithmetic", GIVEN[:2], pool, [0.3, 0.4, 0.6], [0.1, 0.8], [])
    assert [(each.said, each.silent) for each in spoken] == [(0.1, False), (0.8, False)]


def test_evidence_looks_at_the_first_passages_only() -> None:
    assert evidence([(0.1, 0.1)] * 3 + [(0.9, 0.9)]) == pytest.approx(0.2)
    assert evidence([]) == 0.0
