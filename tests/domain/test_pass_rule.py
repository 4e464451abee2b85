"""When a topic counts as explained, and what a recheck finds in a stored attempt."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.asking import next_question
from agent.domain.attempt import Attempt, Standing
from agent.domain.note import Note
from agent.domain.pass_rule import recheck, unmet
from agent.domain.quiz import History, standings
from tests.helpers.fakes import START
from tests.helpers.sittings import (
    CORE,
    ENOUGH,
    MISCONCEPTIONS,
    POLICY,
    Step,
    act,
    all_covered,
    answer,
    asked,
    attempt,
    claims_with,
    later,
    play,
    quiz_note,
    right,
    wrong,
)

NOTE = quiz_note()
MADE_UP = "As the note reads now, no attempt on file set ^m1 right; a new quiz puts it again."


def reasons(steps: Sequence[Step]) -> tuple[str, ...]:
    turns = play(NOTE, steps)
    return unmet(NOTE, standings(NOTE, turns, History(), POLICY))


class TestPassRule:
    @pytest.mark.parametrize(
        ("without", "reason"),
        [
            ("c0", "The core claim ^c0 is not reached yet."),
            ("b1", "No boundary was explained."),
            ("gqa", "No term was explained."),
        ],
    )
    def test_each_part_is_needed(self, without: str, reason: str) -> None:
        turns = play(NOTE, [answer("c0", *(set(ENOUGH) - {without, "c0"}))] if without != "c0" else [])
        table = standings(NOTE, turns, History(), POLICY)
        if without == "c0":
            table = {
                claim: standing.model_copy(update={"status": "covered"}) if claim != "c0" else standing
                for claim, standing in table.items()
            }
        assert unmet(NOTE, table) == (reason,)

    def test_side_claims_are_not_needed(self) -> None:
        assert reasons([answer(*ENOUGH)]) == ()

    @pytest.mark.parametrize(
        ("step", "phrase"),
        [(wrong, "not explained"), (answer(("c0", "contradicted")), "contradicted"), (act("skip"), "not explained")],
    )
    def test_the_reason_says_how_it_stands(self, step: Step, phrase: str) -> None:
        assert reasons([step])[0] == f"The core claim ^c0 is {phrase}."

    @given(st.lists(st.sampled_from([right, wrong, act("skip"), act("hint"), act("explain"), answer("c0", "m1")])))
    def test_every_quiz_ends_and_passes_only_by_the_rule(self, steps: list[Step]) -> None:
        turns = play(NOTE, [*steps, *[right] * 40])
        assert next_question(NOTE, turns, History(), POLICY) is None
        assert sum(t.action == "answer" and t.question.claim not in ("m1", "m2") for t in turns) <= POLICY.max_turns
        table = standings(NOTE, turns, History(), POLICY)
        put = [q for q, t in zip(asked(turns), turns, strict=True) if t.action != "hint"]
        assert len(put) == len(set(put)), "a claim has one question and one follow-up"
        if not unmet(NOTE, table):
            covered = {claim for claim, standing in table.items() if standing.status == "covered"}
            helped = {t.question.claim for t in turns if t.action in ("hint", "explain")}
            assert set(CORE) <= covered
            assert not covered & helped
            assert {table[id].status for id in ("m1", "m2")} == {"corrected"}


class TestRecheck:
    def check(self, of: Attempt, *earlier: Attempt, note: Note = NOTE) -> tuple[str, ...]:
        return recheck(of, note, {a.id: a for a in earlier}, POLICY)

    def test_a_passed_attempt_holds(self) -> None:
        assert self.check(attempt(NOTE, [right] * 9)) == ()

    def test_one_with_carried_covers_holds_while_they_are_on_file(self) -> None:
        first = attempt(NOTE, [right, *[act("skip")] * 9])
        second = attempt(NOTE, [right] * 9, [first], start=later(3))
        assert self.check(second, first, second) == ()
        # Months later as well: the covers were good when the quiz was taken, and later sittings change nothing.
        third = attempt(NOTE, [act("hint")], [first, second], start=later(100))
        assert self.check(second, first, second, third) == ()

    def test_a_missing_carried_attempt(self) -> None:
        first = attempt(NOTE, [right, *[act("skip")] * 9])
        second = attempt(NOTE, [right] * 9, [first], start=later(3))
        assert "The core claim ^c0 is not reached yet." in self.check(second, second)

    def test_a_carried_attempt_that_does_not_bear_it_out(self) -> None:
        first = attempt(NOTE, [wrong, *[act("skip")] * 9])
        forged = first.model_copy(update={"standings": all_covered(first)}).sealed()
        second = attempt(NOTE, [act("skip"), *[right] * 9], start=later(3))
        kept = tuple(
            s.model_copy(update={"status": "covered", "origin": forged.id, "covered_at": START})
            if s.claim == "c0"
            else s
            for s in second.standings
        )
        second = second.model_copy(update={"standings": kept, "state": "passed", "reasons": ()}).sealed()
        assert self.check(second, forged) == (
            "The attempt says of ^c0 what its answers do not bear out.",
            "The core claim ^c0 is not explained.",
        )

    def test_one_with_carried_misconceptions_holds_while_they_are_on_file(self) -> None:
        first = attempt(NOTE, [answer(*ENOUGH), right, wrong, wrong])
        second = attempt(NOTE, [right], [first], start=later(1))
        assert second.passed
        assert self.check(second, first, second) == ()
        # Months later as well, whatever later sittings make of it.
        third = attempt(NOTE, [answer("c0", "m1"), wrong], start=later(100))
        assert self.check(second, first, second, third) == ()

    def test_a_missing_attempt_that_set_a_misconception_right(self) -> None:
        first = attempt(NOTE, [answer(*ENOUGH), right, wrong, wrong])
        second = attempt(NOTE, [right], [first], start=later(1))
        without = first.model_copy(update={"id": "0" * 36, "turns": first.turns[:1]}).sealed()
        assert self.check(second, without) == (MADE_UP,)

    @pytest.mark.parametrize("origin", ["quiz", "an attempt"])
    def test_a_misconception_that_no_answer_set_right(self, origin: str) -> None:
        first = attempt(NOTE, [answer(*ENOUGH), wrong, wrong])
        second = attempt(NOTE, [answer(*ENOUGH)], start=later(1))
        standing = Standing.model_validate(
            {"claim": "m1", "kind": "misconception", "status": "corrected", "covered_at": START}
            | {"origin": first.id if origin == "an attempt" else origin}
        )
        forged = second.model_copy(update={"standings": (*second.standings, standing)}).sealed()
        own = "The attempt says of ^m1 what its answers do not bear out."
        assert self.check(forged, first) == (MADE_UP if origin == "an attempt" else own,)

    @pytest.mark.parametrize("words", ["decoding compute-bound", "bound by memory bandwidth"])
    def test_a_carried_misconception_that_was_edited_since(self, words: str) -> None:
        first = attempt(NOTE, [answer(*ENOUGH), right, wrong, wrong])
        second = attempt(NOTE, [right], [first], start=later(1))
        edited = quiz_note(misconceptions=MISCONCEPTIONS.replace(words, "something else"))
        assert self.check(second, first, note=edited) == (MADE_UP,)

    @pytest.mark.parametrize("reseal", [True, False])
    def test_an_edited_passed_flag(self, reseal: bool) -> None:
        forged = attempt(NOTE, [wrong]).model_copy(update={"state": "passed", "reasons": ()})
        faults = self.check(forged.sealed() if reseal else forged)
        assert ("hash does not match" in faults[0]) is not reseal
        assert "The core claim ^c0 is not explained." in faults

    def test_edited_standings(self) -> None:
        failed = attempt(NOTE, [wrong] * 20)
        forged = failed.model_copy(update={"standings": all_covered(failed), "state": "passed"}).sealed()
        faults = self.check(forged)
        assert faults[0].startswith("The attempt says of ^c0, ^c1")
        assert "The core claim ^c3 is not explained." in faults

    def test_an_appeal_that_the_standings_hide(self) -> None:
        appealed = attempt(NOTE, [wrong, act("appeal"), *[right] * 9])
        assert self.check(appealed) == ()
        hidden = appealed.model_copy(update={"standings": all_covered(appealed)}).sealed()
        assert "^c0" in self.check(hidden)[0]

    def test_a_hint_given_in_an_earlier_sitting(self) -> None:
        first = attempt(NOTE, [act("hint"), *[right] * 9])
        alone = attempt(NOTE, [right] * 9, start=later(20))
        assert self.check(alone) == ()
        assert "The core claim ^c0 is explained with help" in " ".join(self.check(alone, first))

    def test_a_not_passed_one(self) -> None:
        assert self.check(attempt(NOTE, [wrong]))[0] == "The attempt was not passed."

    def test_another_topic(self) -> None:
        other = attempt(NOTE, [right] * 9).model_copy(update={"topic": "rope"}).sealed()
        assert self.check(other) == ("The attempt is on 'rope', not on 'kv-cache-scaling'.",)

    def test_a_note_that_was_edited_since(self) -> None:
        edited = quiz_note(claims=claims_with("The cache grows with the square of the sequence."))
        faults = self.check(attempt(NOTE, [right] * 9), note=edited)
        assert faults[0].startswith("The note's ^c0 was edited after the attempt")

    def test_all_carried_and_nothing_answered(self) -> None:
        first = attempt(NOTE, [answer(*ENOUGH)])
        second = attempt(NOTE, [act("skip")], [first], start=later(1))
        forged = second.model_copy(update={"state": "passed", "reasons": ()}).sealed()
        assert self.check(forged, first)[0] == "Nothing was explained in this sitting."
