"""What a model may say of evidence: nothing that contradicts the gate, counts wrongly or tells a change as made."""

import pytest

from agent.domain.gate import Requirement
from agent.domain.level import Level
from agent.domain.rationale import Exhibit, GateReport, Rationale, rationale_fault

ATTEMPT = "3f2a9c1e-0000-4000-8000-000000000001"
EXHIBITS = (
    Exhibit("E1", "sessions/2026-11-23-kv-cache-quiz-3f2a.md", "quiz passed, 7 answers, 4 of 4 core claims explained"),
    Exhibit("E2", "lab/kv-cache/runs/20261123T110000Z-ab12.json", "run of lab/kv-cache, exit code 0 after 41.2 s"),
)


def report(*, missing: str = "") -> GateReport:
    return GateReport(
        topic="kv-cache",
        topic_text="KV cache: definition",
        from_level=Level.L1,
        to_level=Level.L2,
        requirements=(
            Requirement(Level.L1, "a session whose quiz attempt passed"),
            Requirement(Level.L2, "a recorded run of lab/kv-cache that exited 0", missing),
        ),
        exhibits=EXHIBITS,
        attempt=ATTEMPT,
    )


def said(comment: str, *, gate: str = "open", cites: tuple[str, ...] = ("E1",)) -> Rationale:
    return Rationale.model_validate({"gate": gate, "cites": list(cites), "strength": "fair", "comment": comment})


@pytest.mark.parametrize(
    "comment",
    [
        "The quiz covers 4 of 4 core claims in 7 answers, which is convincing for the concepts.",
        "E2 shows one run that exited 0 after 41.2 s; a single run says little about variance.",
        "The session sessions/2026-11-23-kv-cache-quiz-3f2a.md is specific, the run is thin for L2.",
        "The attempt 3f2a9c1e holds the learner's own words.",
    ],
)
def test_an_opinion_that_agrees_with_the_records_is_shown(comment: str) -> None:
    assert rationale_fault(said(comment, cites=("E1", "E2")), report()) == ""


@pytest.mark.parametrize("name", ["E1", "[E2]", EXHIBITS[0].path, ATTEMPT])
def test_evidence_may_be_cited_by_name_path_or_attempt(name: str) -> None:
    assert rationale_fault(said("The quiz answers are specific and short.", cites=(name,)), report()) == ""


@pytest.mark.parametrize(
    ("comment", "fault"),
    [
        ("The quiz covers 5 of 5 core claims.", "number 5"),
        ("The run took 41.3 s, which is plausible.", "number 41.3"),
        ("E3 is the most convincing piece here.", "no E3"),
        ("The file lab/other/RESULTS.md is convincing.", "in no evidence"),
        ("The attempt deadbeef is convincing here.", "in no evidence"),
        ("The evidence would carry L4 as well.", "level 4"),
        ("The topic has been promoted on good evidence.", "a change as made"),
        ("The level was raised to L2 on good evidence.", "a change as made"),
        ("KV cache is now at L2, and rightly so.", "a change as made"),
        ("KV cache is L2 on this evidence.", "a change as made"),
        ("I approve this change on the evidence given.", "a change as made"),
        ("Congratulations, the evidence is good.", "a change as made"),
        ("The gate does not hold on this evidence.", "the gate is open"),
        ("Good.", "says nothing"),
    ],
)
def test_one_fault_drops_it(comment: str, fault: str) -> None:
    assert fault in rationale_fault(said(comment), report())


def test_the_decision_has_to_be_the_gates() -> None:
    assert "it says that the gate is open" in rationale_fault(
        said("The quiz is specific and short."), report(missing="none")
    )
    closed = said("The quiz is specific, but no run is recorded.", gate="closed")
    assert rationale_fault(closed, report(missing="there is none")) == ""
    assert "the gate is closed" in rationale_fault(closed, report()) or rationale_fault(closed, report())


@pytest.mark.parametrize(
    "comment",
    ["The evidence is sufficient for a promotion.", "It is ready for the next level.", "All of it meets the bar."],
)
def test_a_closed_gate_is_not_talked_open(comment: str) -> None:
    assert "the gate is closed" in rationale_fault(said(comment, gate="closed"), report(missing="there is none"))


def test_citing_what_is_no_evidence_of_the_change_drops_it() -> None:
    assert "no evidence of this change" in rationale_fault(
        said("The quiz is specific and short.", cites=("E9",)), report()
    )


def test_control_characters_and_capitals_hide_nothing() -> None:
    assert rationale_fault(said("The topic has been PRO\u200bMOTED on good evidence."), report())


def test_the_gates_own_reason_may_be_repeated() -> None:
    closed = report(missing="The attempt was changed after it was recorded: its hash does not match")
    told = "The attempt was changed after it was recorded, which makes E1 worthless."
    assert rationale_fault(said(told, gate="closed"), closed) == ""
    assert "as made" in rationale_fault(said("The level was changed after the quiz in E1.", gate="closed"), closed)
    assert "as made" in rationale_fault(said(told), report()), "no reason says so"


def test_a_comment_that_is_too_long_is_cut_after_a_whole_sentence() -> None:
    first = "E1 has 7 answers in own words, and each of them names its claim."
    shown = said(f"{first} " + "It goes on about it " * 40)
    assert shown.comment == first
    assert rationale_fault(shown, report()) == ""


def test_what_is_left_of_a_long_comment_is_checked() -> None:
    shown = said("The learner was promoted after E1. " + "It goes on about it " * 40)
    assert "tells a change as made" in rationale_fault(shown, report())


def test_a_long_comment_without_a_sentence_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 500 characters"):
        said("on and on " * 60)
