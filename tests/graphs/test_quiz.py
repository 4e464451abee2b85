"""The quiz graph on a real checkpoint database: messages in, questions and verdicts out."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.domain.errors import WorkspaceError
from agent.domain.note import Note
from graphs.quiz.message import MAX_ANSWER, kind_of, text_of
from tests.helpers.fakes import MarkGrader
from tests.helpers.notes import block
from tests.helpers.quiz_bench import THREAD, ListedWordings, MemoryJournal, MemoryNotes, QuizBench, quiz_bench
from tests.helpers.sittings import CORE, DENIALS, ENOUGH, INTRO, attempt, later, quiz_note, right, say, wrong


@pytest.fixture
def grader() -> MarkGrader:
    return MarkGrader()


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal(())


@pytest.fixture
def quiz(tmp_path: Path, grader: MarkGrader, journal: MemoryJournal) -> Iterator[QuizBench]:
    with quiz_bench(tmp_path, grader=grader, journal=journal) as bench:
        bench.begin()
        yield bench


def verdicts(state: dict[str, Any]) -> dict[str, str]:
    return {v["claim"]: v["verdict"] for v in state["result"]["verdicts"]}


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ("an answer", "answer", "an answer"),
        ("  two\nlines  ", "answer", "two\nlines"),
        ("//etc is a folder", "answer", "/etc is a folder"),
        ("///", "answer", "//"),
        ("", "nothing", ""),
        (" \n\t ", "nothing", ""),
        ("/hint", "hint", ""),
        ("/HINT please", "hint", "please"),
        ("/appeal I said so\ntwice", "appeal", "I said so\ntwice"),
        ("/quit", "quit", ""),
        ("/hints", "unknown", ""),
        ("/", "unknown", ""),
        ("/edit", "unknown", ""),
        ("and/or", "answer", "and/or"),
    ],
)
def test_messages(message: str, kind: str, text: str) -> None:
    assert (kind_of(message), text_of(message)) == (kind, text)


@pytest.mark.parametrize("start", ["", "//", "/appeal "])
def test_a_pasted_book_is_cut(start: str) -> None:
    assert len(text_of(start + "x" * 10 * MAX_ANSWER)) == MAX_ANSWER


class TestAPass:
    def test_from_the_first_question_to_the_result(self, quiz: QuizBench, journal: MemoryJournal) -> None:
        asked = []
        for claim in ENOUGH:
            asked.append(quiz.asked)
            quiz.send(say(claim))
        assert asked == [f"ask {claim}" for claim in ENOUGH]
        assert quiz.asked == "probe m1"
        quiz.send(say("m1", mark="-"))
        assert quiz.asked == "probe m2"
        state = quiz.send(say("m2", mark="-"))
        assert state["phase"] == "closed"
        assert (state["result"]["passed"], state["result"]["state"], state["result"]["reasons"]) == (True, "passed", [])
        assert state["result"]["session"] == "sessions/s.md"
        (recorded,) = journal.recorded
        assert recorded.passed
        assert recorded.sha256 == recorded.computed_hash()
        assert recorded.versions == {"grader": "marks@1"}
        said = [*[say(c) for c in ENOUGH], *DENIALS]
        assert [turn.text for turn in recorded.turns] == said

    def test_one_long_answer_may_cover_everything(self, quiz: QuizBench) -> None:
        quiz.send(say(*ENOUGH))
        assert quiz.asked == "probe m1"
        assert quiz.send("no, that is wrong -m1", "wrong again -m2")["result"]["passed"]

    def test_verdicts_name_words_and_block(self, quiz: QuizBench) -> None:
        state = quiz.send(say(*ENOUGH), *DENIALS)
        verdict = next(v for v in state["result"]["verdicts"] if v["claim"] == "c0")
        assert verdict == {
            "claim": "c0",
            "kind": "core",
            "verdict": "covered",
            "p": 0.97,
            "quote": "the cache grows with the sequence +c0",
            "origin": "quiz",
            "carries": True,
            "note": "tracks/02-infra/kv-cache-scaling.md#^c0",
            "line": quiz_note().claims[0].line,
        }

    def test_the_state_is_plain_and_holds_no_note(self, quiz: QuizBench) -> None:
        state = quiz.send(say("c0"), "/hint", say("c1", "m1"))
        text = json.dumps(state)
        assert INTRO not in text
        assert quiz_note().core[3].text not in text


class TestJudging:
    def test_every_claim_that_the_answer_touches(self, quiz: QuizBench, grader: MarkGrader) -> None:
        quiz.send(say("c0", "c1"))
        assert grader.calls[0][:2] == ("Why would anyone care about point c0?", ("c0", "c1"))
        assert quiz.asked == "ask c2"

    def test_the_claim_asked_even_where_nothing_is_shared(self, quiz: QuizBench, grader: MarkGrader) -> None:
        quiz.send("no idea")
        assert grader.calls[0][1] == ("c0",)

    def test_what_is_settled_is_not_judged_again(self, quiz: QuizBench, grader: MarkGrader) -> None:
        quiz.send(say("c0"), say("c0", "c1"))
        assert grader.calls[1][1] == ("c1",)

    @pytest.mark.parametrize(("p", "asked"), [(0.89, "ask c1"), (0.9, "ask c2")])
    def test_unasked_claims_need_more_certainty(self, quiz: QuizBench, p: float, asked: str) -> None:
        quiz.send(f"{say('c0')} and {say('c1', p=p)}")
        assert quiz.asked == asked

    def test_a_statement_of_one_word_is_touched_by_it(self, tmp_path: Path, grader: MarkGrader) -> None:
        note = quiz_note(misconceptions='- "It is quadratic." The cache grows with the sequence. ^m1')
        with quiz_bench(tmp_path, note=note, grader=grader) as bench:
            bench.begin()
            bench.send("it is quadratic, clearly")
        assert grader.calls[0][1] == ("c0", "m1")

    def test_a_suspected_misconception_is_weighed_against_its_correction(
        self, quiz: QuizBench, grader: MarkGrader
    ) -> None:
        quiz.send(say("c0", "m1"))
        assert [ids for _, ids, _ in grader.calls] == [("c0", "m1"), ("m1.correction",)]

    def test_quotes_that_the_learner_never_said_are_dropped(self, quiz: QuizBench) -> None:
        state = quiz.send("a good answer !c0")
        (verdict,) = state["turns"][0]["verdicts"]
        assert verdict["name"] == "covered"
        assert verdict["quote"] == ""

    def test_abstaining_is_asked_again_in_other_words(self, quiz: QuizBench) -> None:
        first = quiz.state["question"]["text"]
        quiz.send("perhaps ?c0")
        assert quiz.asked == "follow_up c0"
        assert quiz.state["question"]["text"] != first
        quiz.send("still perhaps ?c0")
        assert quiz.asked == "ask c1"


class TestCopying:
    def test_it_earns_nothing_and_is_asked_in_own_words_once(self, quiz: QuizBench, grader: MarkGrader) -> None:
        state = quiz.send(f"{INTRO} +c0")
        assert "say it in your own" in state["notice"]
        assert (state["turns"][0]["copied"], state["turns"][0]["verdicts"]) == (True, [])
        assert grader.calls == []
        assert quiz.asked == "own_words c0"
        state = quiz.send(f"{INTRO} +c0")
        assert quiz.asked == "ask c1"

    def test_own_words_afterwards_count(self, quiz: QuizBench) -> None:
        quiz.send(INTRO, say("c0"))
        assert quiz.asked == "ask c1"
        assert verdicts(quiz.send("/quit"))["c0"] == "covered"

    def test_a_misconceptions_correction_is_the_notes_words_too(self, tmp_path: Path, grader: MarkGrader) -> None:
        correction = "Decoding with a cache is bound by memory bandwidth because every step reads all of it again."
        note = quiz_note(misconceptions=f'- "The cache makes decoding compute-bound." {correction} ^m1')
        with quiz_bench(tmp_path, note=note, grader=grader) as bench:
            bench.begin()
            bench.send(say("c0", "m1"), correction)
            assert verdicts(bench.send("/quit"))["m1"] == "voiced"


class TestCommands:
    def test_skip_leaves_the_claim(self, quiz: QuizBench) -> None:
        quiz.send("/skip")
        assert quiz.asked == "ask c1"
        assert verdicts(quiz.send("/quit"))["c0"] == "missing"

    def test_explain_says_it_and_it_counts_later(self, quiz: QuizBench) -> None:
        state = quiz.send("/explain")
        assert state["notice"].startswith("The cache grows in proportion to the sequence length. It counts in a later")
        assert quiz.asked == "ask c1"
        quiz.send(say("c0", *ENOUGH))
        state = quiz.send("/quit")
        assert verdicts(state)["c0"] == "helped"
        assert not state["result"]["passed"]

    def test_hints_without_a_model_come_from_another_side(self, quiz: QuizBench) -> None:
        state = quiz.send("/hint")
        assert state["notice"] == "Come at it from another side: What if c0 were otherwise?"
        assert quiz.asked == "ask c0"
        state = quiz.send("/hint")
        assert "afterwards read tracks/02-infra/kv-cache-scaling.md at ^c0" in state["notice"]
        assert "proportion" not in state["notice"]
        assert verdicts(quiz.send(say("c0"), "/quit"))["c0"] == "helped"

    def test_hints_with_a_model_are_its_first(self, tmp_path: Path) -> None:
        with quiz_bench(tmp_path, wordings=ListedWordings(hints=["What grows?", "never used"])) as bench:
            bench.begin()
            assert bench.send("/hint")["notice"] == "What grows?"
            assert bench.send("/hint")["notice"].startswith("Take one case")
            assert bench.state["turns"][0]["shown"] == "What grows?"

    def test_an_unknown_one_names_those_that_exist(self, quiz: QuizBench) -> None:
        before = quiz.state["question"]
        state = quiz.send("/approve")
        assert state["notice"].startswith("Commands are /hint, /skip")
        assert (state["question"], state["turns"]) == (before, [])

    @pytest.mark.parametrize("message", ["", "   ", "\n"])
    def test_nothing_changes_nothing(self, quiz: QuizBench, grader: MarkGrader, message: str) -> None:
        before = quiz.state
        assert quiz.send(message) == before | {"message": message}
        assert grader.calls == []

    def test_two_slashes_stand_for_one(self, quiz: QuizBench) -> None:
        assert quiz.send("//quit +c0")["turns"][0]["text"] == "/quit +c0"
        assert quiz.asked == "ask c1"

    def test_quit_closes_with_what_was_said(self, quiz: QuizBench, journal: MemoryJournal) -> None:
        state = quiz.send(say("c0"), "/quit")
        assert state["result"]["state"] == "stopped"
        assert not state["result"]["passed"]
        assert journal.recorded[0].state == "stopped"
        assert journal.recorded[0].reasons[0] == "The core claim ^c1 is not reached yet."

    def test_quit_at_once_leaves_nothing(self, quiz: QuizBench, journal: MemoryJournal) -> None:
        state = quiz.send("/quit")
        assert state["result"]["attempt"] is None
        assert state["result"]["session"] is None
        assert journal.recorded == []

    def test_quit_when_everything_was_said_leaves_the_misconceptions_open(self, quiz: QuizBench) -> None:
        result = quiz.send(say(*ENOUGH), say("m1", mark="-"), "/quit")["result"]
        assert result["reasons"] == ["The misconception ^m2 was not put to you yet."]
        assert (result["state"], result["passed"]) == ("stopped", False)

    def test_after_the_end_nothing_is_taken(self, quiz: QuizBench, journal: MemoryJournal) -> None:
        before = quiz.send(say("c0"), "/quit")
        after = quiz.send(say(*ENOUGH))
        assert after == before | {"message": say(*ENOUGH)}
        assert len(journal.recorded) == 1


class TestAppeals:
    def test_one_is_noted_and_counts(self, quiz: QuizBench, journal: MemoryJournal) -> None:
        state = quiz.send("it depends", "/appeal it does depend")
        assert quiz.asked == "ask c1"
        assert "One core claim of a quiz may rest on an appeal" in state["notice"]
        (appeal,) = journal.appeals
        assert appeal["question"].claim == "c0"
        assert (appeal["answer"], appeal["verdict"], appeal["case"]) == ("it depends", "missing", "it does depend")
        state = quiz.send(say(*ENOUGH[1:]), *DENIALS)
        assert state["result"]["passed"]
        assert verdicts(state)["c0"] == "appealed"

    def test_a_second_core_claim_is_told_so_and_can_still_be_explained(
        self, quiz: QuizBench, journal: MemoryJournal
    ) -> None:
        state = quiz.send("no", "/appeal", "no", "/appeal it does")
        assert state["notice"] == (
            "Noted in progress/appeals/, but it does not count here: ^c0 rests on an appeal already, and only one core "
            "claim of a quiz may. The verdict stays."
        )
        assert [appeal["question"].claim for appeal in journal.appeals] == ["c0", "c1"]
        assert quiz.asked == "follow_up c1"
        state = quiz.send(say(*ENOUGH[1:]), *DENIALS)
        assert state["result"]["passed"]

    def test_a_boundary_is_told_that_it_does_not_count(self, quiz: QuizBench) -> None:
        state = quiz.send(say(*CORE), "no", "/appeal")
        assert "a boundary or term has to be explained" in state["notice"]

    def test_a_misconception_heard_in_passing(self, quiz: QuizBench, journal: MemoryJournal) -> None:
        quiz.send(say("c0", "m1"))
        assert quiz.asked == "probe m1"
        state = quiz.send("/appeal I said the opposite")
        (appeal,) = journal.appeals
        assert (appeal["question"].claim, appeal["verdict"], appeal["answer"]) == ("m1", "covered", say("c0", "m1"))
        assert "One misconception of a quiz may rest on an appeal" in state["notice"]
        assert quiz.asked == "ask c1"
        # It is put all the same, and taken back it needs no appeal.
        state = quiz.send(say(*ENOUGH), *DENIALS)
        assert state["result"]["passed"]
        assert verdicts(state)["m1"] == "corrected"

    def test_a_misconception_that_was_put(self, quiz: QuizBench) -> None:
        quiz.send(say("c0", "m1"), "yes +m1", "/appeal")
        assert quiz.asked == "ask c1"
        assert "m1" not in str(quiz.send(say(*ENOUGH), "/quit")["result"]["reasons"])

    def test_said_again_it_is_voiced_again(self, quiz: QuizBench) -> None:
        quiz.send(say("c0", "m1"), "/appeal", say(*ENOUGH), "of course +m1", "yes +m1")
        assert verdicts(quiz.state)["m1"] == "voiced"
        assert not quiz.state["result"]["passed"]

    @pytest.mark.parametrize("before", [[], ["/skip"], [INTRO]])
    def test_there_has_to_be_a_verdict(self, quiz: QuizBench, journal: MemoryJournal, before: list[str]) -> None:
        asked = (quiz.send(*before), quiz.asked)[1]
        assert quiz.send("/appeal because")["notice"].startswith("There is no verdict")
        assert quiz.asked == asked
        assert journal.appeals == []

    def test_the_question_that_is_open_stays(self, quiz: QuizBench) -> None:
        quiz.send("no", "no")
        assert quiz.asked == "ask c1"
        quiz.send("/hint", "/appeal of c0")
        assert quiz.asked == "ask c1"


class TestMisconceptions:
    def test_voiced_probed_and_taken_back(self, quiz: QuizBench) -> None:
        quiz.send(say("c0", "m1"))
        assert quiz.asked == "probe m1"
        assert "The cache makes decoding compute-bound" in quiz.state["question"]["text"]
        quiz.send("no, memory is what it waits for -m1")
        assert quiz.asked == "ask c1"
        state = quiz.send(say(*ENOUGH), say("m2", mark="-"))
        assert verdicts(state)["m1"] == "corrected"
        assert state["result"]["passed"]

    def test_held_on_to_it_blocks(self, quiz: QuizBench) -> None:
        quiz.send(say("c0", "m1"), "yes of course +m1", "yes +m1")
        assert quiz.asked == "ask c1"
        state = quiz.send(say(*ENOUGH), "/quit")
        assert state["result"]["reasons"] == ["The misconception ^m1 was voiced and not taken back."]


class TestSettled:
    """What the learner is told of a false statement that was put."""

    def test_set_right_with_the_words_that_did_it(self, quiz: QuizBench) -> None:
        state = quiz.send(say(*ENOUGH), "It waits for memory +m1.correction and that is it")
        assert state["settled"] == [
            {"claim": "m1", "set_right": True, "again": False, "quote": "It waits for memory +m1.correction"}
        ]
        state = quiz.send("it costs precision -m2")
        assert state["settled"][0]["quote"] == "-m2"
        kept = {v["claim"]: v["quote"] for v in state["result"]["verdicts"]}
        assert kept["m1"] == "It waits for memory +m1.correction"

    @pytest.mark.parametrize("answer", ["hard to say", "yes +m1", INTRO])
    def test_left_standing_it_is_asked_again_and_then_left(self, quiz: QuizBench, answer: str) -> None:
        left = {"claim": "m1", "set_right": False, "quote": ""}
        assert quiz.send(say(*ENOUGH), answer)["settled"] == [left | {"again": True}]
        assert quiz.asked == "follow_up m1"
        assert quiz.send(answer)["settled"] == [left | {"again": False}]

    def test_what_holds_instead_is_not_given_away(self, quiz: QuizBench) -> None:
        quiz.send(say(*ENOUGH), "hard to say")
        assert "memory bandwidth" not in json.dumps(quiz.state)

    def test_one_voiced_in_passing_is_put_without_a_word(self, quiz: QuizBench) -> None:
        assert quiz.send(say("c0", "m1"))["settled"] == []
        assert quiz.asked == "probe m1"

    def test_one_taken_back_in_passing_is_told(self, quiz: QuizBench) -> None:
        quiz.send(say("c0", "m1"), "yes +m1", "yes +m1")
        state = quiz.send(f"{say('c1')} and {say('m1', mark='-')}")
        assert [(item["claim"], item["set_right"]) for item in state["settled"]] == [("m1", True)]
        assert quiz.send(say("c2"))["settled"] == []

    def test_an_explanation_says_that_it_is_put_again(self, quiz: QuizBench) -> None:
        notice = quiz.send(say(*ENOUGH), "/explain")["notice"]
        assert notice == "Decoding with a cache is bound by memory bandwidth. A later sitting puts it to you again."


class TestWordings:
    def test_a_ready_one_is_used_for_a_first_question_only(self, tmp_path: Path) -> None:
        with quiz_bench(tmp_path, wordings=ListedWordings(["Fresh zero?", "Fresh one?"])) as bench:
            question = bench.begin()["question"]
            assert (question["text"], question["source"]) == ("Fresh zero?", "model")
            assert bench.send("no")["question"]["source"] == "authored"
            assert bench.send("no")["question"]["text"] == "Fresh one?"

    @pytest.mark.parametrize("message", ["/hint", "/nonsense", "", "/appeal"])
    def test_the_same_words_stay_while_the_question_stays(self, tmp_path: Path, message: str) -> None:
        with quiz_bench(tmp_path, wordings=ListedWordings(["Fresh?", "Other?", "Third?"])) as bench:
            bench.begin()
            assert bench.send(message)["question"]["text"] == "Fresh?"

    def test_the_learners_words_are_judged_against_what_was_really_asked(
        self, tmp_path: Path, grader: MarkGrader
    ) -> None:
        with quiz_bench(tmp_path, grader=grader, wordings=ListedWordings(["Fresh?"])) as bench:
            bench.begin()
            bench.send(say("c0"))
        assert grader.calls[0][0] == "Fresh?"


class TestLimits:
    def test_the_turn_limit(self, tmp_path: Path, journal: MemoryJournal) -> None:
        with quiz_bench(tmp_path, journal=journal) as bench:
            bench.context = replace(bench.context, policy=replace(bench.context.policy, max_turns=4))
            bench.begin()
            state = bench.send("no", "no", "no", "no")
        assert state["phase"] == "closed"
        assert state["result"]["state"] == "not_passed"
        assert len(journal.recorded[0].turns) == 4

    @pytest.mark.parametrize(
        ("sections", "message"),
        [({"terms": ""}, "it has no term"), ({"boundaries": block("TODO", "b1")}, r"\^b1 still says TODO")],
    )
    def test_a_note_that_cannot_be_quizzed_from(self, tmp_path: Path, sections: dict[str, str], message: str) -> None:
        with quiz_bench(tmp_path, note=quiz_note(**sections)) as bench:
            with pytest.raises(WorkspaceError, match=f"cannot be quizzed from: {message}"):
                bench.begin()
            assert "phase" not in bench.state


class TestCarriedOver:
    def test_covers_of_an_earlier_sitting(self, tmp_path: Path) -> None:
        first = attempt(quiz_note(), [right, right, wrong], start=later(-3))
        with quiz_bench(tmp_path, earlier=[first]) as bench:
            bench.begin()
            assert bench.asked == "ask c2"
            state = bench.send(say("c2", "c3", "b1", "gqa"), *DENIALS)
        assert state["result"]["passed"]
        origins = {v["claim"]: v["origin"] for v in state["result"]["verdicts"]}
        assert (origins["c0"], origins["c2"]) == (first.id, "quiz")

    def test_misconceptions_set_right_in_an_earlier_sitting(self, tmp_path: Path) -> None:
        first = attempt(quiz_note(), [*[right] * 7, wrong, wrong], start=later(-3))
        with quiz_bench(tmp_path, earlier=[first]) as bench:
            bench.begin()
            assert bench.asked == "probe m2"
            state = bench.send("it costs precision +m2.correction")
        assert state["result"]["passed"]
        assert {v["claim"]: v["origin"] for v in state["result"]["verdicts"]}["m1"] == first.id

    def test_one_set_right_is_put_again_where_this_sitting_explained_nothing_else(self, tmp_path: Path) -> None:
        first = attempt(quiz_note(), [*[right] * 7, wrong, wrong], start=later(-3))
        with quiz_bench(tmp_path, earlier=[first]) as bench:
            bench.begin()
            # Denied, but nearer to neither: it is not left standing, and it is no explanation either.
            state = bench.send("no -m2")
            assert state["settled"][0]["set_right"]
            assert bench.asked == "probe m1"
            assert bench.send("it waits for memory +m1.correction")["result"]["passed"]

    def test_a_re_check_puts_no_misconception_and_carries_none(self, tmp_path: Path) -> None:
        first = attempt(quiz_note(), [right] * 9, start=later(-3))
        with quiz_bench(tmp_path, earlier=[first]) as bench:
            bench.run({"topic": quiz_note().id, "quiz_id": THREAD, "scope": ["c0", "c1"]})
            state = bench.send(say("c0"), say("c1"))
        assert state["result"]["passed"]
        assert not {"m1", "m2"} & verdicts(state).keys()

    def test_alone_they_pass_nobody(self, tmp_path: Path) -> None:
        first = attempt(quiz_note(), [right] * 6, start=later(-3))
        with quiz_bench(tmp_path, earlier=[first]) as bench:
            bench.begin()
            assert bench.asked == "probe m1"
            state = bench.send("/skip")
        assert state["result"]["reasons"] == [
            "Nothing was explained in this sitting.",
            "The misconception ^m1 was put to you and not set right.",
        ]


class TestCrash:
    def test_the_attempt_is_the_same_when_it_is_closed_twice(self, quiz: QuizBench, journal: MemoryJournal) -> None:
        quiz.send(say(*ENOUGH))
        journal.dies = True
        with pytest.raises(RuntimeError, match="died"):
            quiz.send(*DENIALS)
        state = quiz.run(None)
        assert state["result"]["passed"]
        first, second = journal.recorded
        assert first == second
        assert state["result"]["attempt"] == first.id

    def test_a_judge_that_fails_is_asked_again_for_the_same_answer_only(self, tmp_path: Path) -> None:
        class Failing(MarkGrader):
            fails = 0

            def judge(self, *args: Any) -> Any:
                if self.fails:
                    self.fails -= 1
                    raise RuntimeError("died")
                return super().judge(*args)

        grader = Failing()
        with quiz_bench(tmp_path, grader=grader) as bench:
            bench.begin()
            bench.send(say("c0"))
            grader.fails = 1
            with pytest.raises(RuntimeError, match="died"):
                bench.send(say("c1"))
        # Another process.
        with quiz_bench(tmp_path, grader=grader) as bench:
            state = bench.run(None)
            assert bench.asked == "ask c2"
        assert [turn["question"]["claim"] for turn in state["turns"]] == ["c0", "c1"]
        assert [answer for _, _, answer in grader.calls] == [say("c0"), say("c1")]

    def test_another_process_goes_on_at_the_same_question(self, tmp_path: Path) -> None:
        with quiz_bench(tmp_path, wordings=ListedWordings(["Fresh?", "Second?"])) as bench:
            bench.begin()
            before = bench.send(say("c0"))
        with quiz_bench(tmp_path) as bench:
            assert bench.state == before
            assert bench.state["question"]["text"] == "Second?"
            bench.send(say("c1"))
            assert bench.asked == "ask c2"


def test_an_edited_note_is_read_anew(tmp_path: Path) -> None:
    with quiz_bench(tmp_path) as bench:
        bench.begin()
        bench.send(say("c0"), say("c1"))
        notes = bench.context.notes
        assert isinstance(notes, MemoryNotes)
        notes.current = _with_other_first_claim(notes.current)
        bench.send(say(*CORE[2:], "b1", "gqa"))
        state = bench.send("/quit")
    # What was said about the old text of c0 is no cover of the new one, and it is not asked again in this sitting.
    assert state["result"]["reasons"] == ["The core claim ^c0 is not reached yet."]


def _with_other_first_claim(note: Note) -> Note:
    first = replace(note.claims[0], text="The cache grows with the square of the sequence.")
    return replace(note, claims=(first, *note.claims[1:]))
