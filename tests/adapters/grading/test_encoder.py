"""The shipped encoder: it loads, is deterministic, does not care for order, and beats words on paraphrase."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.adapters.grading import load_grader
from agent.adapters.grading.encoder import COLUMNS, CrossEncoderScorer
from agent.adapters.grading.local import LocalGrader
from agent.adapters.grading.prepare import prepare
from agent.domain.verdict import ClaimText

QUESTION = "How does the sound change when the string is made tighter?"
CLAIM = "When the string is tighter, the pitch will be higher."
CLAIMS = [ClaimText("pitch", CLAIM, "core"), ClaimText("water", "Water flows downhill, from the mountain.", "claim")]


@pytest.fixture(scope="module")
def scorer() -> CrossEncoderScorer:
    return CrossEncoderScorer(threads=1)


@pytest.fixture(scope="module")
def grader(scorer: CrossEncoderScorer) -> LocalGrader:
    return LocalGrader(scorer)


def test_rows_do_not_depend_on_order_or_neighbours(scorer: CrossEncoderScorer) -> None:
    triples = [
        (CLAIM, QUESTION, a)
        for a in ("the pitch gets higher", "it gets lower", "the sound is louder " * 9, "no idea at all")
    ]
    together = scorer.logits(triples)
    assert np.array_equal(together[::-1], scorer.logits(triples[::-1]))
    assert np.array_equal(CrossEncoderScorer(threads=1).logits(triples[:1])[0], together[0])


def test_a_paraphrase_stands_above_other_answers(grader: LocalGrader) -> None:
    answers = ["A tight string makes a higher pitched sound.", "The sound gets lower.", "It is made of metal and long."]
    p = [grader.judge(QUESTION, CLAIMS[:1], a)[0].p_covered for a in answers]
    assert p[0] > 0.5 > p[2]
    assert p[0] == max(p)


def test_the_same_input_gives_the_same_verdicts(grader: LocalGrader) -> None:
    answer = "The pitch is higher when you make it tight. I saw that at home. Rivers run down from the mountain."
    again = LocalGrader(CrossEncoderScorer(threads=1))
    assert grader.judge(QUESTION, CLAIMS, answer) == again.judge(QUESTION, CLAIMS, answer)
    assert grader.version == again.version


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answer=st.lists(
        st.one_of(st.sampled_from(["The pitch is higher. ", "Tighter strings; ", "not lower\n"]), st.text(max_size=20)),
        max_size=6,
    ).map("".join)
)
def test_quotes_are_exact_substrings(grader: LocalGrader, answer: str) -> None:
    for verdict in grader.judge(QUESTION, CLAIMS, answer):
        assert verdict.quote in answer
        assert 0 <= verdict.p_covered <= 1
        assert verdict.p_covered + verdict.p_contradicted <= 1.000002


def test_importing_and_naming_load_no_runtime() -> None:
    assert CrossEncoderScorer()._sessions == {}


def test_the_question_is_context_for_the_claim_that_it_asks_for_only(grader: LocalGrader) -> None:
    said, other = "It becomes higher.", "What do they make guitars of, and what colour do they paint them?"
    asked, elsewhere = (grader.judge(q, CLAIMS, said) for q in (QUESTION, other))
    assert asked[0].p_covered > elsewhere[0].p_covered
    alone = CrossEncoderScorer(threads=1)
    assert not np.array_equal(alone.logits([(CLAIM, QUESTION, said)]), alone.logits([(CLAIM, "", said)]))


def test_marks_are_a_calibration_of_their_own() -> None:
    marks, quiz = (load_grader("local", threads=1, marks=m) for m in (True, False))
    assert isinstance(marks, LocalGrader)
    assert isinstance(quiz, LocalGrader)
    assert marks.version != quiz.version
    answer = "A tight string makes a higher pitched sound."
    p = [g.judge(QUESTION, CLAIMS[:1], answer)[0].p_covered for g in (marks, quiz)]
    assert p[0] != p[1]
    assert min(p) > 0.5


def test_columns_that_no_head_asks_for_are_not_made(scorer: CrossEncoderScorer) -> None:
    prepared = prepare("The pitch is higher. Strings are made of metal.", QUESTION)
    assert prepared is not None
    pairs = [(0, window) for window in prepared.sentences]
    whole = scorer.columns(QUESTION, [CLAIM], prepared, pairs)
    some = ["covered", "length_ratio", "align_recall", "negation_mismatch"]
    assert np.array_equal(
        scorer.columns(QUESTION, [CLAIM], prepared, pairs, some), whole[:, [COLUMNS.index(name) for name in some]]
    )


@pytest.mark.parametrize(("more", "times"), [("", 1), (" And so on, as we saw in the lesson with the strings" * 4, 3)])
def test_for_marks_a_short_answer_is_read_once_and_its_nearest_sentence_quoted(
    scorer: CrossEncoderScorer, monkeypatch: pytest.MonkeyPatch, more: str, times: int
) -> None:
    read: list[str] = []
    logits = scorer.logits

    def spy(triples: list[tuple[str, str, str]]) -> object:
        read.extend(answer for _, _, answer in triples)
        return logits(triples)

    monkeypatch.setattr(scorer, "logits", spy)
    answer = "I pulled the string. The pitch gets higher when it is tighter. It is made of metal." + more
    (verdict,) = LocalGrader(scorer, marks=True).judge(QUESTION, CLAIMS[:1], answer)
    assert len(read) == times
    assert verdict.quote == "The pitch gets higher when it is tighter."


def test_products_do_not_overflow_on_a_processor_without_vnni(scorer: CrossEncoderScorer) -> None:
    """Where they do, these logits are 1.76, -3.00 and 2.40."""
    claim = (
        "Expert parallelism places different experts on different devices, so the forward pass of each MoE layer "
        "usually needs one all-to-all exchange to send tokens to their experts and another to bring the results back."
    )
    answer = (
        "Amortised is total cost over the number of operations and holds for any sequence, you don't need random "
        "inputs for it."
    )
    assert scorer.logits([(claim, "", answer)])[0] == pytest.approx([1.48, -3.34, 3.03], abs=0.3)
