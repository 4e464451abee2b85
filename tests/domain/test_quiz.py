"""What is asked next, what an answer earns, what carries over, and when a topic counts as explained."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from agent.domain.asking import next_question, unfit, upcoming
from agent.domain.attempt import Attempt, Question, Turn
from agent.domain.note import Note
from agent.domain.pass_rule import unmet
from agent.domain.quiz import CARRY_OVER, History, Policy, for_recheck, history_of, standings
from tests.helpers.fakes import START
from tests.helpers.notes import block
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
    judged,
    later,
    play,
    quiz_note,
    right,
    wrong,
)

NOTE = quiz_note()


def status(steps: Sequence[Step], claim: str, history: History | None = None, policy: Policy = POLICY) -> str:
    turns = play(NOTE, steps, history, policy)
    table = standings(NOTE, turns, history or History(), policy)
    return table[claim].status if claim in table else "unheard"


def reasons(steps: Sequence[Step]) -> tuple[str, ...]:
    turns = play(NOTE, steps)
    return unmet(NOTE, standings(NOTE, turns, History(), POLICY))


class TestPlan:
    def test_core_then_a_boundary_a_term_and_every_misconception(self) -> None:
        turns = play(NOTE, [right] * 20)
        assert asked(turns) == ["c0", "c1", "c2", "c3", "b1", "gqa", "probe m1", "probe m2"]
        assert unmet(NOTE, standings(NOTE, turns, History(), POLICY)) == ()

    def test_what_an_answer_covered_unasked_is_not_asked(self) -> None:
        turns = play(NOTE, [answer("c0", "c2", "b2"), *[right] * 9])
        assert asked(turns) == ["c0", "c1", "c3", "gqa", "probe m1", "probe m2"]

    def test_the_misconception_that_the_answers_came_closest_to_is_probed_first(self) -> None:
        turns = play(NOTE, [answer("c0", ("m2", "missing", 0.6)), *[right] * 9])
        assert asked(turns)[-2:] == ["probe m2", "probe m1"]

    def test_one_left_standing_ends_the_quiz(self) -> None:
        turns = play(NOTE, [answer(*ENOUGH), wrong, wrong, right])
        assert asked(turns) == ["c0", "probe m1", "follow_up m1"]
        table = standings(NOTE, turns, History(), POLICY)
        assert unmet(NOTE, table) == ("The misconception ^m1 was put to you and not set right.",)

    def test_no_probe_where_the_quiz_cannot_pass_any_more(self) -> None:
        assert asked(play(NOTE, [act("skip"), *[right] * 9])) == ["c0", "c1", "c2", "c3", "b1", "gqa"]

    def test_a_second_boundary_and_term_are_tried_but_no_third(self) -> None:
        turns = play(NOTE, [*[right] * 4, *[act("skip")] * 9])
        assert asked(turns) == [*CORE, "b1", "b2", "gqa", "ttft"]

    def test_upcoming_names_what_comes_after_the_open_question(self) -> None:
        turns = play(NOTE, [right])
        now = next_question(NOTE, turns, History(), POLICY)
        assert now is not None
        assert [q.claim for q in upcoming(NOTE, turns, History(), POLICY, now=now)] == ["c2", "c3", "b1", "gqa"]

    def test_the_turn_limit_counts_answers(self) -> None:
        turns = play(NOTE, [act("hint"), *[wrong] * 20], policy=Policy(max_turns=4))
        assert [t.action for t in turns] == ["hint", *["answer"] * 4]

    def test_the_misconceptions_are_put_beyond_the_turn_limit(self) -> None:
        turns = play(NOTE, [right] * 20, policy=Policy(max_turns=len(ENOUGH)))
        assert asked(turns)[-2:] == ["probe m1", "probe m2"]

    def test_a_note_without_misconceptions_ends_after_the_term(self) -> None:
        note = quiz_note(misconceptions="")
        assert asked(play(note, [right] * 20))[-1] == "gqa"


class TestHearing:
    @pytest.mark.parametrize(
        ("p", "abstain", "expected"),
        [(0.89, False, "open"), (0.9, False, "covered"), (0.99, True, "open")],
    )
    def test_unasked_claims_need_more_certainty(self, p: float, abstain: bool, expected: str) -> None:
        step = answer("c0", ("c1", "covered", p), abstain=abstain)
        assert status([step], "c1", policy=Policy(unasked=0.9, unasked_share=0.0)) == expected

    @pytest.mark.parametrize(
        ("quote", "expected"),
        [
            ("Grouped heads shrink what we have to store.", "covered"),
            ("The heads are what a lay person calls the memory of the model.", "open"),
            ("", "open"),
        ],
    )
    def test_unasked_claims_need_words_of_their_own(self, quote: str, expected: str) -> None:
        def step(of: Note, question: Question) -> Turn:
            turn = answer(("c1", "covered", 0.99))(of, question)
            quoted = tuple(v.model_copy(update={"quote": quote}) for v in turn.verdicts)
            return turn.model_copy(update={"verdicts": quoted})

        assert status([step], "c1", policy=Policy()) == expected

    @pytest.mark.parametrize(
        ("step", "expected"),
        [
            (answer(("c0", "covered", 0.55)), "covered"),
            (answer("c0", abstain=True), "missing"),
            (answer(("c0", "contradicted")), "contradicted"),
            (wrong, "missing"),
            (act("skip"), "missing"),
            (act("explain"), "helped"),
            (act("hint"), "open"),
            (answer(copied=True), "missing"),  # a copy is not judged,
            (answer("c0", copied=True), "missing"),  # and if it were, it would earn nothing
        ],
    )
    def test_the_claim_asked(self, step: Step, expected: str) -> None:
        assert status([step], "c0") == expected

    def test_an_unasked_claim_is_not_marked_as_missed(self) -> None:
        assert status([answer("c0", ("c1", "missing"), ("c2", "contradicted"))], "c1") == "open"
        assert status([answer("c0", ("c1", "missing"), ("c2", "contradicted"))], "c2") == "open"

    def test_a_cover_is_not_lost_to_a_later_answer(self) -> None:
        assert status([right, answer("c1", ("c0", "contradicted"))], "c0") == "covered"

    def test_a_verdict_on_a_text_that_was_edited_since_counts_for_nothing(self) -> None:
        turns = play(NOTE, [right])
        edited = quiz_note(claims=claims_with("The cache shrinks with the sequence length."))
        assert standings(edited, turns, History(), POLICY)["c0"].status == "open"


class TestFollowUp:
    def test_one_with_the_claims_other_question(self) -> None:
        turns = play(NOTE, [wrong, wrong, wrong])
        assert asked(turns) == ["c0", "follow_up c0", "c1"]
        claim = NOTE.claim("c0")
        assert claim is not None
        assert [t.question.text for t in turns[:2]] == list(claim.questions)

    @pytest.mark.parametrize("step", [answer("c0", abstain=True), answer(("c0", "contradicted")), wrong])
    def test_where_the_answer_left_it_undecided(self, step: Step) -> None:
        assert asked(play(NOTE, [step, right, right])) == ["c0", "follow_up c0", "c1"]

    def test_none_after_a_skip_or_an_explanation(self) -> None:
        assert asked(play(NOTE, [act("skip"), act("explain"), right])) == ["c0", "c1", "c2"]

    def test_a_copy_is_asked_for_in_own_words_once(self) -> None:
        copy = answer(copied=True)
        turns = play(NOTE, [copy, copy, right])
        assert asked(turns) == ["c0", "own_words c0", "c1"]
        assert turns[1].question.text == turns[0].question.text
        assert status([copy, right], "c0") == "covered"

    def test_a_hint_keeps_the_question(self) -> None:
        turns = play(NOTE, [wrong, act("hint"), act("hint"), right, right])
        assert asked(turns) == ["c0", "follow_up c0", "follow_up c0", "follow_up c0", "c1"]


class TestHelp:
    @pytest.mark.parametrize("help_", ["hint", "explain"])
    def test_a_helped_claim_does_not_count_in_this_sitting(self, help_: str) -> None:
        turns = play(NOTE, [act("hint" if help_ == "hint" else "explain"), *[answer("c0", *ENOUGH)] * 2])
        table = standings(NOTE, turns, History(), POLICY)
        assert table["c0"].status == "helped"
        assert unmet(NOTE, table) == ("The core claim ^c0 is explained with help, so it counts in a later sitting.",)

    def test_an_appeal_does_not_undo_a_hint(self) -> None:
        assert status([act("hint"), wrong, act("appeal")], "c0") == "helped"

    def test_it_counts_in_a_later_sitting_with_another_question(self) -> None:
        first = attempt(NOTE, [act("hint"), *[right] * 9])
        assert first.state == "not_passed"
        second = attempt(NOTE, [right, right], [first], start=later(1))
        assert second.turns[0].question.claim == "c0"
        assert second.turns[0].question.index == 1
        assert second.passed

    def test_the_question_that_was_helped_never_counts(self) -> None:
        first = attempt(NOTE, [act("hint"), *[right] * 9])
        history = history_of(NOTE, [first], later(1), POLICY)
        question = play(NOTE, [wrong], history)[0].question.model_copy(update={"index": 0})
        turns = [right(NOTE, question)]
        assert standings(NOTE, turns, history, POLICY)["c0"].status == "helped"

    def test_the_follow_up_of_a_later_sitting_avoids_the_helped_question(self) -> None:
        # Two questions: one was helped, the other was asked; the other is put again, since only it can count.
        first = attempt(NOTE, [act("hint"), wrong])
        second = attempt(NOTE, [wrong, wrong], [first], start=later(1))
        assert [t.question.index for t in second.turns] == [1, 1]


class TestAppeal:
    def test_the_quiz_goes_on_with_the_next_claim(self) -> None:
        assert asked(play(NOTE, [wrong, act("appeal"), right])) == ["c0", "c0", "c1"]

    def test_one_core_claim_may_rest_on_it(self) -> None:
        steps = [wrong, act("appeal"), *[right] * 9]
        assert status(steps, "c0") == "appealed"
        assert reasons(steps) == ()

    def test_a_second_one_does_not_count_and_does_not_spoil_the_attempt(self) -> None:
        steps = [wrong, act("appeal"), wrong, act("appeal"), *[right] * 9]
        assert status(steps, "c1") == "covered"
        assert reasons(steps) == ()
        assert reasons([*steps[:4], wrong, *[right] * 9]) == ("The core claim ^c1 is not explained.",)

    def test_a_boundary_may_not(self) -> None:
        steps = [*[right] * 4, wrong, act("appeal"), *[act("skip")] * 9]
        assert "No boundary was explained." in reasons(steps)

    def test_it_leaves_the_question_that_is_open(self) -> None:
        # c0 is covered, c1 is open and was hinted; an appeal about c0 must not lose c1.
        turns = play(NOTE, [right, act("hint"), act("appeal"), right])
        assert asked(turns) == ["c0", "c1", "c0", "c1"]

    def test_nor_does_it_end_the_question_of_a_hinted_claim(self) -> None:
        turns = play(NOTE, [wrong, act("hint"), act("appeal"), right])
        assert asked(turns) == ["c0", "follow_up c0", "c0", "follow_up c0"]


class TestTwoAnswers:
    @pytest.mark.parametrize(
        ("first", "second", "expected"),
        [
            (0.62, 0.6, "covered"),
            (0.62, 0.56, "missing"),
            (0.51, 0.68, "missing"),
        ],
    )
    def test_unsure_twice_the_mean_decides(self, first: float, second: float, expected: str) -> None:
        def unsure(p: float) -> Step:
            return answer(("c0", "covered", p), abstain=True)

        policy = Policy(both=0.6)
        assert status([unsure(first)], "c0", policy=policy) == "missing"
        assert status([unsure(first), unsure(second)], "c0", policy=policy) == expected

    def test_a_mere_suspicion_of_contradiction_does_not_outweigh_them(self) -> None:
        suspected = answer(("c0", "contradicted", 0.55), abstain=True)
        assert status([suspected, suspected], "c0", policy=Policy(both=0.4)) == "covered"
        assert status([suspected, suspected], "c0", policy=Policy(both=0.5)) == "missing"

    def test_a_contradiction_is_not_outweighed(self) -> None:
        unsure = answer(("c0", "covered", 0.49), abstain=True)
        against = answer(("c0", "contradicted", 0.6))
        assert status([unsure, against], "c0", policy=Policy(both=0.2)) == "contradicted"
        assert status([against, unsure], "c0", policy=Policy(both=0.2)) == "missing"


class TestMisconceptions:
    def voiced(self, *then: Step) -> list[Step]:
        return [answer("c0", "m1"), *then]

    def test_a_voiced_one_is_probed_at_once(self) -> None:
        assert asked(play(NOTE, self.voiced(right, right))) == ["c0", "probe m1", "c1"]

    @pytest.mark.parametrize(
        ("step", "expected"),
        [
            (answer(("m1", "contradicted")), "corrected"),
            (answer(("m1", "missing"), "m1.correction"), "corrected"),
            # Both share their words: what the answer is nearer to counts, also where neither is heard for sure.
            (answer(("m1", "covered", 0.85), ("m1.correction", "covered", 0.95)), "corrected"),
            (answer(("m1", "covered", 0.95), ("m1.correction", "covered", 0.6)), "voiced"),
            (answer(("m1", "missing", 0.7), ("m1.correction", "covered", 0.45), abstain=True), "corrected"),
            (answer(("m1", "missing", 0.6), ("m1.correction", "covered", 0.15), abstain=True), "voiced"),
            (answer(("m1", "missing")), "voiced"),
            (answer(("m1", "contradicted"), copied=True), "voiced"),
            (act("skip"), "voiced"),
            (act("explain"), "voiced"),
        ],
    )
    def test_what_takes_it_back(self, step: Step, expected: str) -> None:
        assert status(self.voiced(step), "m1") == expected

    @pytest.mark.parametrize(("p", "expected"), [(0.79, "unheard"), (0.8, "voiced")])
    def test_how_sure_the_judge_must_be(self, p: float, expected: str) -> None:
        assert status([answer("c0", ("m1", "covered", p))], "m1", policy=Policy(voiced=0.8)) == expected

    @pytest.mark.parametrize(
        ("text", "p", "contrary", "expected"),
        [
            # As far apart in log-odds as the opening of the answer allows, and a little further.
            ("DFS finds some path.", 0.5, 0.28, "corrected"),
            ("DFS finds some path.", 0.5, 0.26, "voiced"),
            ("No, DFS finds some path.", 0.5, 0.13, "corrected"),
            ("No, DFS finds some path.", 0.5, 0.11, "missing"),
            ("Yes, DFS finds some path.", 0.5, 0.63, "corrected"),
            ("Yes, DFS finds some path.", 0.5, 0.61, "voiced"),
            # Not heard as asserted, and yet not set right either.
            ("DFS finds some path.", 0.3, 0.05, "missing"),
        ],
    )
    def test_put_to_the_learner_it_counts_by_contrast(
        self, text: str, p: float, contrary: float, expected: str
    ) -> None:
        step = answer(("m1", "covered", p), ("m1.correction", "covered", contrary), abstain=True, text=text)
        turns = play(NOTE, [answer(*ENOUGH), step])
        assert turns[-1].question.kind == "probe"
        assert standings(NOTE, turns, History(), Policy(unasked_share=0))["m1"].status == expected

    @pytest.mark.parametrize("step", [wrong, act("skip"), act("explain"), answer(("m1", "contradicted"), copied=True)])
    def test_what_says_nothing_about_it_leaves_it_standing(self, step: Step) -> None:
        turns = play(NOTE, [answer(*ENOUGH), step, step])
        assert standings(NOTE, turns, History(), POLICY)["m1"].status == "missing"
        assert reasons([answer(*ENOUGH), step, step])[-1] == "The misconception ^m1 was put to you and not set right."

    def test_a_copied_correction_without_a_verdict_is_asked_once_more(self) -> None:
        turns = play(NOTE, [answer(*ENOUGH), answer(copied=True), right, right])
        assert asked(turns) == ["c0", "probe m1", "follow_up m1", "probe m2"]

    def test_what_was_taken_back_when_asked_is_not_heard_again_in_passing(self) -> None:
        assert status(self.voiced(answer(("m1", "contradicted")), answer("c1", "m1")), "m1") == "corrected"

    @pytest.mark.parametrize(("p", "expected"), [(0.79, "voiced"), (0.85, "corrected")])
    def test_in_passing_the_correction_must_be_sure(self, p: float, expected: str) -> None:
        in_passing = answer("c1", ("m1", "missing"), ("m1.correction", "covered", p))
        assert status(self.voiced(answer("m1"), answer("m1"), in_passing), "m1", policy=Policy(voiced=0.8)) == expected

    def test_it_is_asked_once_more_and_then_blocks(self) -> None:
        again = answer("m1")
        turns = play(NOTE, self.voiced(again, again, *[right] * 9))
        assert asked(turns)[1:4] == ["probe m1", "follow_up m1", "c1"]
        table = standings(NOTE, turns, History(), POLICY)
        assert unmet(NOTE, table) == ("The misconception ^m1 was voiced and not taken back.",)

    def test_leaving_before_it_was_put_passes_nobody(self) -> None:
        turns = play(NOTE, [answer(*ENOUGH), right])
        table = standings(NOTE, turns, History(), POLICY)
        assert unmet(NOTE, table, turns=turns) == ("The misconception ^m2 was not put to you yet.",)
        assert unmet(NOTE, table) == ()

    def test_taken_back_it_passes(self) -> None:
        assert reasons(self.voiced(*[right] * 9)) == ()

    def test_it_is_not_forgotten_by_starting_a_new_quiz(self) -> None:
        first = attempt(NOTE, [answer(*ENOUGH, "m1")])
        second = attempt(NOTE, [right, right], [first], start=later(1))
        assert asked(second.turns) == ["probe m1", "probe m2"]
        assert second.passed
        ducked = attempt(NOTE, [act("skip"), wrong], [first], start=later(1))
        assert ducked.reasons[-1] == "The misconception ^m1 was voiced and not taken back."

    def test_taken_back_in_a_later_sitting_it_is_gone(self) -> None:
        first = attempt(NOTE, [answer("c0", "m1")])
        second = attempt(NOTE, [right], [first], start=later(1))
        carried = history_of(NOTE, [first, second], later(2), POLICY).carried
        assert {id: standing.status for id, standing in carried.items()} == {"c0": "covered", "m1": "corrected"}

    def test_it_expires_with_the_covers(self) -> None:
        first = attempt(NOTE, [answer("c0", "m1")])
        assert history_of(NOTE, [first], first.finished + CARRY_OVER, POLICY).carried.keys() >= {"m1"}
        late = first.finished + CARRY_OVER + timedelta(seconds=1)
        assert history_of(NOTE, [first], late, POLICY).carried == {}

    def test_one_that_was_reworded_is_not_carried_over(self) -> None:
        first = attempt(NOTE, [answer("c0", "m1")])
        edited = quiz_note(misconceptions=MISCONCEPTIONS.replace("compute-bound", "bound by arithmetic"))
        assert asked(attempt(edited, [right], [first], start=later(1)).turns) == ["c1"]


class TestSetRight:
    """A misconception set right in an earlier sitting."""

    def halfway(self, *steps: Step, days: float = 0) -> Attempt:
        """A sitting that covers all claims; the steps answer the misconceptions, m1 first."""
        return attempt(NOTE, [answer(*ENOUGH), *steps], start=later(days))

    def carried(self, *earlier: Attempt, days: float = 1, note: Note = NOTE) -> dict[str, str]:
        table = history_of(note, earlier, later(days), POLICY).carried
        return {id: standing.status for id, standing in table.items() if id in ("m1", "m2")}

    def test_it_is_not_put_again_and_names_its_attempt(self) -> None:
        first = self.halfway(right, wrong, wrong)
        assert first.reasons == ("The misconception ^m2 was put to you and not set right.",)
        second = attempt(NOTE, [right], [first], start=later(1))
        assert (asked(second.turns), second.passed) == (["probe m2"], True)
        standing = next(s for s in second.standings if s.claim == "m1")
        assert (standing.status, standing.origin, standing.covered_at) == ("corrected", first.id, first.turns[1].at)

    @pytest.mark.parametrize(
        ("after", "carried"),
        [
            (timedelta(0), True),
            (CARRY_OVER, True),
            (CARRY_OVER + timedelta(seconds=1), False),
            (timedelta(seconds=-1), False),  # the clock went backwards
        ],
    )
    def test_fourteen_days_from_the_answer(self, after: timedelta, carried: bool) -> None:
        first = self.halfway(right, act("skip"))
        history = history_of(NOTE, [first], first.turns[1].at + after, POLICY)
        assert ("m1" in history.carried) is carried

    def test_it_does_not_prolong_itself(self) -> None:
        first = self.halfway(right, wrong, wrong)
        second = attempt(NOTE, [right], [first], start=later(10))
        assert self.carried(first, second, days=15) == {"m2": "corrected"}

    @pytest.mark.parametrize("words", ["decoding compute-bound", "bound by memory bandwidth"])
    def test_not_once_its_statement_or_its_correction_was_edited(self, words: str) -> None:
        first = self.halfway(right, right)
        edited = quiz_note(misconceptions=MISCONCEPTIONS.replace(words, "something else"))
        assert self.carried(first, note=edited) == {"m2": "corrected"}

    def test_not_where_nothing_tells_what_the_correction_said(self) -> None:
        assert self.carried(self.halfway(answer(("m1", "contradicted")))) == {}

    def test_not_with_a_hint(self) -> None:
        helped = self.halfway(act("hint"), right, right)
        assert helped.passed
        assert self.carried(helped) == {"m2": "corrected"}

    def test_not_from_a_changed_attempt_or_what_its_turns_did_not_earn(self) -> None:
        first = self.halfway(wrong, wrong)
        forged = tuple(s.model_copy(update={"status": "corrected", "covered_at": START}) for s in first.standings)
        changed = first.model_copy(update={"standings": forged})
        assert self.carried(changed) == self.carried(changed.sealed()) == {}

    def test_voiced_later_it_is_heard_put_and_lost(self) -> None:
        first = self.halfway(right, wrong, wrong)
        second = attempt(NOTE, [answer("m2", "m1"), *[wrong] * 3], [first], start=later(1))
        assert asked(second.turns) == ["probe m2", "follow_up m2", "probe m1", "follow_up m1"]
        assert "The misconception ^m1 was voiced and not taken back." in second.reasons
        assert self.carried(first, second, days=2) == {"m1": "voiced", "m2": "voiced"}

    def test_voiced_later_and_taken_back_it_counts_from_then(self) -> None:
        first = self.halfway(right, wrong, wrong)
        second = attempt(NOTE, [answer("m2", "m1"), right, right], [first], start=later(10))
        assert asked(second.turns) == ["probe m2", "follow_up m2", "probe m1"]
        assert second.passed
        assert self.carried(first, second, days=20) == {"m1": "corrected", "m2": "corrected"}

    @pytest.mark.parametrize("step", [wrong, act("skip"), answer(copied=True)])
    def test_put_again_elsewhere_and_left_standing_it_is_lost(self, step: Step) -> None:
        # A second machine, which did not have the first sitting yet.
        assert self.carried(self.halfway(right), self.halfway(step, step, days=1), days=2) == {}

    def test_alone_it_passes_nobody_so_one_is_put_again(self) -> None:
        first = self.halfway(right, right)
        assert first.passed
        again = attempt(NOTE, [right] * 3, [first], start=later(1))
        assert (asked(again.turns), again.passed) == (["probe m1"], True)
        left = attempt(NOTE, [wrong] * 3, [first], start=later(1))
        assert asked(left.turns) == ["probe m1", "follow_up m1"]
        assert left.reasons == (
            "Nothing was explained in this sitting.",
            "The misconception ^m1 was put to you and not set right.",
        )
        skipped = attempt(NOTE, [act("skip")], [first], start=later(1))
        assert skipped.reasons == left.reasons

    def test_nor_does_it_beside_an_appeal(self) -> None:
        first = attempt(NOTE, [answer("c0", "c1", "c2", "b1", "gqa", "m1", "m2"), right, right, wrong, wrong])
        assert first.reasons == ("The core claim ^c3 is not explained.",)
        second = attempt(NOTE, [wrong, act("appeal"), right], [first], start=later(1))
        assert asked(second.turns) == ["c3", "c3", "probe m1"]
        assert second.passed

    def test_a_re_check_starts_without_it(self) -> None:
        history = history_of(NOTE, [self.halfway(right, right)], later(1), POLICY)
        assert history.carried.keys() >= {"c0", "m1", "m2"}
        again = for_recheck(history)
        assert again.carried == {}
        # It asks for its claims only, and what is voiced in passing has to be taken back as ever.
        turns: list[Turn] = []
        for step in (answer("c0", "m1"), right, right):
            question = next_question(NOTE, turns, again, POLICY, ["c0", "c1"])
            assert question is not None
            turns.append(step(NOTE, question))
        assert asked(turns) == ["c0", "probe m1", "c1"]
        assert next_question(NOTE, turns, again, POLICY, ["c0", "c1"]) is None
        assert unmet(NOTE, standings(NOTE, turns, again, POLICY), scope=["c0", "c1"], turns=turns) == ()

    def test_a_re_check_keeps_what_is_voiced(self) -> None:
        history = history_of(NOTE, [attempt(NOTE, [answer("c0", "m1")])], later(1), POLICY)
        assert for_recheck(history).carried.keys() == {"m1"}


class TestCarryOver:
    @pytest.mark.parametrize(
        ("after", "carried"),
        [
            (timedelta(0), True),
            (CARRY_OVER, True),
            (CARRY_OVER + timedelta(seconds=1), False),
            (timedelta(seconds=-1), False),  # the clock went backwards
        ],
    )
    def test_fourteen_days(self, after: timedelta, carried: bool) -> None:
        first = attempt(NOTE, [right])
        history = history_of(NOTE, [first], START + after, POLICY)
        assert ("c0" in history.carried) is carried

    def test_a_carried_claim_is_not_asked_and_names_its_attempt(self) -> None:
        first = attempt(NOTE, [right, right, *[act("skip")] * 9])
        second = attempt(NOTE, [right] * 9, [first], start=later(3))
        assert asked(second.turns) == ["c2", "c3", "b1", "gqa", "probe m1", "probe m2"]
        assert {s.claim: s.origin for s in second.standings}["c0"] == first.id
        assert second.passed

    def test_it_does_not_prolong_itself(self) -> None:
        first = attempt(NOTE, [right])
        second = attempt(NOTE, [right], [first], start=later(10))
        history = history_of(NOTE, [first, second], later(15), POLICY)
        assert history.carried.keys() == {"c1"}

    def test_not_for_an_edited_claim(self) -> None:
        first = attempt(NOTE, [right, right])
        edited = quiz_note(claims=claims_with("The cache grows with the square of the sequence."))
        assert history_of(edited, [first], later(1), POLICY).carried.keys() == {"c1"}

    def test_not_from_an_attempt_on_another_topic_or_a_changed_one(self) -> None:
        first = attempt(NOTE, [right])
        other = first.model_copy(update={"topic": "rope"}).sealed()
        forged = first.model_copy(update={"standings": all_covered(first)})
        assert history_of(NOTE, [other, forged], later(1), POLICY) == History()

    def test_nor_what_its_turns_did_not_earn(self) -> None:
        first = attempt(NOTE, [wrong])
        forged = first.model_copy(update={"standings": all_covered(first)}).sealed()
        assert history_of(NOTE, [forged], later(1), POLICY).carried == {}

    def test_nothing_answered_in_this_sitting_never_passes(self) -> None:
        first = attempt(NOTE, [answer(*ENOUGH)])
        second = attempt(NOTE, [act("skip")], [first], start=later(1))
        assert asked(second.turns) == ["probe m1"]
        left = "The misconception ^m1 was put to you and not set right."
        assert second.reasons == ("Nothing was explained in this sitting.", left)
        copied = attempt(NOTE, [answer(copied=True)] * 2, [first], start=later(1))
        assert copied.reasons == ("Nothing was explained in this sitting.", left)

    def test_a_misconception_set_right_is_an_explanation(self) -> None:
        first = attempt(NOTE, [answer(*ENOUGH)])
        second = attempt(NOTE, [right, right], [first], start=later(1))
        assert (asked(second.turns), second.passed) == (["probe m1", "probe m2"], True)


@pytest.mark.parametrize(
    ("sections", "fault"),
    [
        ({}, ""),
        ({"claims": block("A side claim.", "c0")}, "it has no core claim"),
        ({"boundaries": ""}, "it has no boundary"),
        ({"terms": ""}, "it has no term"),
        ({"terms": block("**GQA**: TODO.", "gqa")}, "^gqa still says TODO"),
        ({"terms": block("**GQA**: heads.", "gqa", "TODO?")}, "^gqa still says TODO"),
        ({"terms": "- **GQA**: heads. ^gqa"}, "^gqa has no question"),
    ],
)
def test_which_notes_can_be_quizzed_from(sections: dict[str, str], fault: str) -> None:
    assert unfit(quiz_note(**sections)) == fault


def test_verdicts_on_unknown_claims_are_ignored() -> None:
    stray = judged(NOTE, "c0").model_copy(update={"claim": "gone"})
    turn = play(NOTE, [right])[0].model_copy(update={"verdicts": (stray,)})
    assert {s.status for s in standings(NOTE, [turn], History(), POLICY).values()} == {"open"}
