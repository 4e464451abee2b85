"""What is asked next, what an answer earns, what carries over, and when a topic counts as explained."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.asking import next_question, unfit, upcoming
from agent.domain.attempt import Attempt, Question, Standing, Turn
from agent.domain.note import Note
from agent.domain.pass_rule import recheck, unmet
from agent.domain.quiz import CARRY_OVER, History, Policy, history_of, standings
from tests.helpers.fakes import START
from tests.helpers.notes import block
from tests.helpers.sittings import (
    CORE,
    ENOUGH,
    MISCONCEPTIONS,
    POLICY,
    Step,
    act,
    answer,
    asked,
    attempt,
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
        edited = quiz_note(claims=_claims("The cache shrinks with the sequence length."))
        assert standings(edited, turns, History(), POLICY)["c0"].status == "open"


def _claims(first: str) -> str:
    lines = [block(f"(core) {first}", "c0")]
    lines += [block(("(core) " if c.kind == "core" else "") + c.text, c.id) for c in NOTE.claims if c.id[0] == "c"][1:]
    return "\n".join(lines)


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
        assert history_of(NOTE, [first, second], later(2), POLICY).carried.keys() == {"c0"}

    def test_it_expires_with_the_covers(self) -> None:
        first = attempt(NOTE, [answer("c0", "m1")])
        assert history_of(NOTE, [first], first.finished + CARRY_OVER, POLICY).carried.keys() >= {"m1"}
        late = first.finished + CARRY_OVER + timedelta(seconds=1)
        assert history_of(NOTE, [first], late, POLICY).carried == {}

    def test_one_that_was_reworded_is_not_carried_over(self) -> None:
        first = attempt(NOTE, [answer("c0", "m1")])
        edited = quiz_note(misconceptions=MISCONCEPTIONS.replace("compute-bound", "bound by arithmetic"))
        assert asked(attempt(edited, [right], [first], start=later(1)).turns) == ["c1"]


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
        edited = quiz_note(claims=_claims("The cache grows with the square of the sequence."))
        assert history_of(edited, [first], later(1), POLICY).carried.keys() == {"c1"}

    def test_not_from_an_attempt_on_another_topic_or_a_changed_one(self) -> None:
        first = attempt(NOTE, [right])
        other = first.model_copy(update={"topic": "rope"}).sealed()
        forged = first.model_copy(update={"standings": _all_covered(first)})
        assert history_of(NOTE, [other, forged], later(1), POLICY) == History()

    def test_nor_what_its_turns_did_not_earn(self) -> None:
        first = attempt(NOTE, [wrong])
        forged = first.model_copy(update={"standings": _all_covered(first)}).sealed()
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


def _all_covered(of: Attempt) -> tuple[Standing, ...]:
    return tuple(s.model_copy(update={"status": "covered", "covered_at": START}) for s in of.standings)


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
        forged = first.model_copy(update={"standings": _all_covered(first)}).sealed()
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

    @pytest.mark.parametrize("reseal", [True, False])
    def test_an_edited_passed_flag(self, reseal: bool) -> None:
        forged = attempt(NOTE, [wrong]).model_copy(update={"state": "passed", "reasons": ()})
        faults = self.check(forged.sealed() if reseal else forged)
        assert ("hash does not match" in faults[0]) is not reseal
        assert "The core claim ^c0 is not explained." in faults

    def test_edited_standings(self) -> None:
        failed = attempt(NOTE, [wrong] * 20)
        forged = failed.model_copy(update={"standings": _all_covered(failed), "state": "passed"}).sealed()
        faults = self.check(forged)
        assert faults[0].startswith("The attempt says of ^c0, ^c1")
        assert "The core claim ^c3 is not explained." in faults

    def test_an_appeal_that_the_standings_hide(self) -> None:
        appealed = attempt(NOTE, [wrong, act("appeal"), *[right] * 9])
        assert self.check(appealed) == ()
        hidden = appealed.model_copy(update={"standings": _all_covered(appealed)}).sealed()
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
        edited = quiz_note(claims=_claims("The cache grows with the square of the sequence."))
        faults = self.check(attempt(NOTE, [right] * 9), note=edited)
        assert faults[0].startswith("The note's ^c0 was edited after the attempt")

    def test_all_carried_and_nothing_answered(self) -> None:
        first = attempt(NOTE, [answer(*ENOUGH)])
        second = attempt(NOTE, [act("skip")], [first], start=later(1))
        forged = second.model_copy(update={"state": "passed", "reasons": ()}).sealed()
        assert self.check(forged, first)[0] == "Nothing was explained in this sitting."


def test_verdicts_on_unknown_claims_are_ignored() -> None:
    stray = judged(NOTE, "c0").model_copy(update={"claim": "gone"})
    turn = play(NOTE, [right])[0].model_copy(update={"verdicts": (stray,)})
    assert {s.status for s in standings(NOTE, [turn], History(), POLICY).values()} == {"open"}
