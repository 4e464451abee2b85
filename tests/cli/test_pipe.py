"""A quiz without a terminal: answers on a pipe, plain lines or JSON events out."""

import json
from pathlib import Path

import pytest

from agent.cli.output import print_json
from tests.helpers.notes import CLAIMS, PATH, note_text
from tests.helpers.study import (
    ANSWERS_TO_PASS,
    PASSING,
    TOPIC,
    Ran,
    answers,
    make_workspace,
    start,
    study,
    study_process,
    tree,
)

RESULT_KEYS = ["event", "topic", "state", "passed", "verdicts", "proposal", "session"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "work")


def quiz(root: Path, given: str | bytes, *args: str) -> Ran:
    return study(root, "quiz", TOPIC, "--json", *args, given=given)


def questions(ran: Ran) -> list[str]:
    return [event["text"] for event in ran.events if event["event"] == "question"]


def test_a_passed_quiz_ends_with_exactly_the_documented_result(root: Path) -> None:
    ran = quiz(root, PASSING)
    assert ran.code == 0
    assert ran.err == ""
    result = ran.result
    assert list(result) == RESULT_KEYS
    assert (result["topic"], result["state"], result["passed"]) == (TOPIC, "passed", True)
    assert result["session"] in tree(root)
    assert any(result["proposal"] in path for path in tree(root) if path.startswith("progress/proposals/"))
    assert all(list(verdict) == ["claim", "verdict", "p", "quote"] for verdict in result["verdicts"])
    by_claim = {verdict["claim"]: verdict for verdict in result["verdicts"]}
    assert by_claim["c0"] == {"claim": "c0", "verdict": "covered", "p": 0.97, "quote": "good"}
    assert by_claim["c4"]["verdict"] == "open"


def test_events_are_one_json_value_a_line_and_number_the_answers(root: Path) -> None:
    ran = quiz(root, PASSING)
    assert [e["n"] for e in ran.events if e["event"] == "question"] == list(range(1, ANSWERS_TO_PASS + 1))
    judged = [e for e in ran.events if e["event"] == "judged"]
    assert len(judged) == ANSWERS_TO_PASS
    assert judged[0]["verdicts"][0]["claim"] == "c0"
    assert len({e["thread"] for e in ran.events if e["event"] == "question"}) == 1


def test_a_quiz_that_is_not_passed_exits_1_and_proposes_nothing(root: Path) -> None:
    ran = quiz(root, answers(*["no idea"] * 30))
    assert ran.code == 1
    assert (ran.result["state"], ran.result["passed"], ran.result["proposal"]) == ("not_passed", False, None)
    assert ran.result["session"] in tree(root)
    assert not any(path.startswith("progress/proposals/") for path in tree(root))


def test_quit_closes_the_quiz_with_what_was_said(root: Path) -> None:
    ran = quiz(root, answers("good", "/quit"))
    assert ran.code == 1
    assert ran.result["state"] == "stopped"
    assert ran.result["session"] in tree(root)


def test_quit_before_any_answer_leaves_no_files(root: Path) -> None:
    before = tree(root)
    ran = quiz(root, "/quit")
    assert (ran.code, ran.result["state"], ran.result["session"]) == (1, "stopped", None)
    assert tree(root) == before


@pytest.mark.parametrize("given", ["", "\n \n", "---\n---\n", "\n---\n  \n---\n"], ids=repr)
def test_the_end_of_the_input_pauses(root: Path, given: str) -> None:
    before = tree(root)
    ran = quiz(root, given)
    assert ran.code == 0
    assert list(ran.result) == RESULT_KEYS
    assert (ran.result["state"], ran.result["passed"], ran.result["verdicts"]) == ("paused", False, [])
    assert set(questions(ran)) == {"Why would anyone care about point c0?"}
    assert tree(root) == before


def test_resume_goes_on_at_the_same_question(root: Path) -> None:
    paused = quiz(root, answers("good", "good"))
    assert paused.result["state"] == "paused"
    resumed = study(root, "resume", "--json", given=answers(*["good"] * (ANSWERS_TO_PASS - 2)))
    assert resumed.code == 0
    assert questions(resumed)[0] == questions(paused)[-1]
    assert resumed.events[0]["n"] == 3
    assert resumed.result["passed"] is True
    quotes = [verdict["claim"] for verdict in resumed.result["verdicts"] if verdict["verdict"] == "covered"]
    assert quotes[:4] == ["c0", "c1", "c2", "c3"]


def test_quiz_without_new_goes_on_and_with_new_starts_again(root: Path) -> None:
    first = quiz(root, "good")
    again = quiz(root, "")
    assert questions(again) == questions(first)[-1:]
    new = quiz(root, "", "--new")
    assert new.events[0]["n"] == 1
    assert new.events[0]["thread"] != first.events[0]["thread"]


def test_quiz_without_a_topic_goes_on_with_the_paused_one(root: Path) -> None:
    first = quiz(root, "good")
    ran = study(root, "quiz", "--json")
    assert questions(ran) == questions(first)[-1:]
    assert ran.err == f"Going on with the paused quiz on {TOPIC} (--new starts another one).\n"


def test_quiz_without_a_topic_names_the_one_that_it_chose(root: Path) -> None:
    ran = study(root, "quiz", "--json")
    assert ran.err.startswith("Topic: KV cache scaling (batch/seq/heads) (")
    assert ran.result["topic"] == TOPIC


def test_resume_lists_what_is_paused(root: Path) -> None:
    assert study(root, "resume").out == "No quiz is paused; `study quiz` starts one.\n"
    thread = quiz(root, "good").events[0]["thread"]
    listed = study(root, "resume", "--list").out
    assert listed.startswith(f"{thread[:8]}  {TOPIC}  1 answers, begun ")
    rows = study(root, "resume", "--list", "--json").events
    assert [(row["thread"], row["topic"], row["answers"]) for row in rows] == [(thread, TOPIC, 1)]
    assert study(root, "resume", thread[:8], "--json").events[0]["n"] == 2


def test_a_finished_quiz_is_not_paused(root: Path) -> None:
    quiz(root, PASSING)
    assert study(root, "resume", "--list", "--json").out == ""


@pytest.mark.parametrize("paused", [True, False])
def test_resuming_what_does_not_exist(root: Path, paused: bool) -> None:
    if paused:
        quiz(root, "good")
    ran = study(root, "resume", "nonsense")
    assert (ran.code, ran.err) == (
        2,
        "study: There is no paused quiz 'nonsense'; `study resume --list` lists them.\n",
    )


SENTENCES = {
    "unknown": ("nonsense", 2, "No topic matches 'nonsense'; `study status` lists all of them."),
    "several": ("cach", 2, "'cach' could be any of response-caching, kv-cache-scaling, kv-cache; give one id."),
    "without note": (
        "paged-attention",
        1,
        "'Paged attention' has no note yet, so there is nothing to quiz from; "
        "`study note new paged-attention` drafts tracks/02-infra/paged-attention.md for you to finish.",
    ),
}


@pytest.mark.parametrize(("query", "code", "sentence"), SENTENCES.values(), ids=SENTENCES)
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["plain", "json"])
def test_topics_that_cannot_be_quizzed(root: Path, query: str, code: int, sentence: str, flags: list[str]) -> None:
    ran = study(root, "quiz", query, *flags)
    assert (ran.code, ran.out, ran.err) == (code, "", f"study: {sentence}\n")
    assert study(root, "resume", "--list", "--json").out == ""


def test_an_exact_id_wins_over_several_matches(root: Path) -> None:
    ran = study(root, "quiz", "kv-cache")
    assert "`study note new kv-cache` drafts" in ran.err


UNFINISHED = {
    "todo": ({"claims": "- (core) TODO: write me. ^c0\n  - Q: What?"}, "^c0 still says TODO"),
    "no core": ({"claims": "- A claim. ^c0\n  - Q: What?"}, "it has no core claim"),
    "no boundary": ({"boundaries": ""}, "it has no boundary"),
    "no term": ({"terms": ""}, "it has no term"),
    "no question": ({"claims": "- (core) A claim. ^c0"}, "^c0 has no question"),
}


@pytest.mark.parametrize(("sections", "fault"), UNFINISHED.values(), ids=UNFINISHED)
def test_an_unfinished_note_is_refused_and_leaves_no_paused_quiz(
    root: Path, sections: dict[str, str], fault: str
) -> None:
    (root / PATH).write_text(note_text(**sections), encoding="utf-8")
    ran = quiz(root, PASSING)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"study: {PATH} cannot be quizzed from: {fault}; finish it and try again.\n"
    assert study(root, "resume", "--list", "--json").out == ""


def test_empty_answers_ask_the_same_question_again(root: Path) -> None:
    ran = quiz(root, answers("/hint", "", "  \n\t", "good"))
    assert len(set(questions(ran)[:4])) == 1
    hints = [event for event in ran.events if event["event"] == "notice"]
    assert len(hints) == 1  # the hint is not given again for an empty answer


def test_a_huge_answer_is_cut_and_judged(root: Path) -> None:
    ran = quiz(root, answers("good " + "word " * 2_000_000, "/quit"))
    assert ran.result["state"] == "stopped"
    attempt = next(data for path, data in tree(root).items() if path.startswith("progress/attempts/"))
    assert len(attempt) < 100_000
    assert {v["claim"]: v["verdict"] for v in ran.result["verdicts"]}["c0"] == "covered"


def test_a_separator_within_a_long_line_is_none(root: Path) -> None:
    ran = quiz(root, "x" * 100_000 + "---\n" + "x" * 99_997 + "---\nstill the first answer\n---\ngood")
    assert sum(event["event"] == "judged" for event in ran.events) == 2


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=repr)
def test_line_endings_of_the_separator(root: Path, newline: str) -> None:
    ran = quiz(root, newline.join(["good", "---", "good", "---", ""]))
    assert sum(event["event"] == "judged" for event in ran.events) == 2


def test_answers_of_several_lines(root: Path) -> None:
    quiz(root, answers("first line\n\n- - -\n --- \ngood", "/quit"))
    session = next(data.decode() for path, data in tree(root).items() if path.startswith("sessions/"))
    assert "> first line\n>\n> - - -\n>  ---\n> good\n" in session


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_invalid_utf8_on_stdin_is_an_answer_like_any_other(root: Path, locale: str) -> None:
    given = b"good \xff\xfe\x80 \xc3\n---\n\xed\xa0\x80 good\n---\n/quit"
    ran = study_process(root, "quiz", TOPIC, "--json", given=given, env={"LC_ALL": locale})
    assert (ran.code, ran.err) == (1, "")
    assert "good \ufffd" in ran.result["verdicts"][0]["quote"]


def test_an_output_that_cannot_hold_our_characters(root: Path) -> None:
    ran = study_process(root, "quiz", TOPIC, given="no", env={"PYTHONIOENCODING": "ascii"})
    assert (ran.code, ran.err) == (0, "")
    assert "? The point of the question is not in there yet." in ran.out


def test_plain_lines(root: Path) -> None:
    ran = study(root, "quiz", TOPIC, given=PASSING)
    assert ran.code == 0
    assert "\x1b" not in ran.out
    assert "1. Why would anyone care about point c0?" in ran.out
    assert "  ✓ c0 “good”" in ran.out
    assert "  ✓ m1 set right “good”" in ran.out
    assert "in your words; 2 misconceptions set right." in ran.out
    assert "A promotion is proposed; decide on it with `study review`." in ran.out


def test_plain_lines_of_a_miss_say_where_to_read(root: Path) -> None:
    ran = study(root, "quiz", TOPIC, given=answers(*["no"] * 30))
    assert ran.code == 1
    assert "✗ not yet The cache grows in proportion to the sequence length." in ran.out
    assert f"    read {PATH}:12 (#^c0)" in ran.out


def test_plain_lines_of_a_misconception_left_standing(root: Path) -> None:
    ran = study(root, "quiz", TOPIC, given=answers(*["good"] * 7, "no", "no"))
    assert ran.code == 1
    told = (
        "? I am not sure that this sets it right; it is put again.",
        "Stay with this",
        "? It is left standing; where to read about it comes at the end.",
    )
    assert sorted(told, key=ran.out.index) == list(told)
    assert "Counts for 14 days: 4 core claims explained, 1 misconception set right; a new quiz asks" in ran.out
    second = study(root, "quiz", TOPIC, given="good")
    assert second.code == 0
    assert second.out.count("A colleague says") == 1
    assert "✓ corrected, carried over" in second.out


def test_a_copied_answer_earns_nothing(root: Path) -> None:
    statement = "The good old cache grows in strict proportion to the length of the sequence that it belongs to."
    text = (root / PATH).read_text(encoding="utf-8")
    (root / PATH).write_text(text.replace(CLAIMS[0], statement), encoding="utf-8")
    ran = quiz(root, answers(statement, "/quit"))
    judged = next(event for event in ran.events if event["event"] == "judged")
    assert judged["copied"] is True
    assert judged["verdicts"] == []
    assert {v["claim"]: v["verdict"] for v in ran.result["verdicts"]}["c0"] != "covered"
    assert any("in your own" in event["text"] for event in ran.events if event["event"] == "notice")


def test_an_unknown_command_is_refused_and_a_double_slash_answers(root: Path) -> None:
    ran = quiz(root, answers("/approve", "//good", "/quit"))
    assert "Commands are" in next(event["text"] for event in ran.events if event["event"] == "notice")
    assert sum(event["event"] == "judged" for event in ran.events) == 1


def test_events_come_as_they_happen(root: Path) -> None:
    """A script that waits for the question before it answers must not wait for ever."""
    with start(root, "quiz", TOPIC, "--json") as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert '"event": "question"' in child.stdout.readline()
        child.stdin.write("good\n---\n")
        child.stdin.flush()
        assert '"event": "judged"' in child.stdout.readline()
        assert '"n": 2' in child.stdout.readline()
        child.stdin.close()
        assert '"state": "paused"' in child.stdout.readline()
    assert child.returncode == 0


@pytest.mark.parametrize("args", [("status",), ("quiz", TOPIC, "--json")])
def test_a_reader_that_goes_away_is_no_error(root: Path, args: tuple[str, ...]) -> None:
    with start(root, *args) as child:
        assert child.stdout is not None
        child.stdout.close()
        _, err = child.communicate("good\n---\ngood")
    assert (child.returncode, err) == (0, "")


def test_a_kill_loses_no_answer_and_asks_nothing_twice(root: Path) -> None:
    with start(root, "quiz", TOPIC, "--json") as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        child.stdin.write("good\n---\n")
        child.stdin.flush()
        child.stdout.readline()  # judged: acknowledged
        child.kill()
    resumed = study(root, "resume", "--json", given=answers(*["good"] * (ANSWERS_TO_PASS - 1)))
    assert resumed.events[0]["n"] == 2
    assert resumed.result["passed"] is True
    seen = [event["claim"] for event in resumed.events if event["event"] == "question"]
    assert len(seen) == len(set(seen))
    assert "c0" not in seen


def test_json_is_safe_to_show_and_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": "a\x1b[2J\u202eb\u200bc\x9b\x00\ud800 é 漢 🧠\U000e0001"}
    print_json(value)
    shown = capsys.readouterr().out
    assert shown.rstrip("\n").isprintable()
    assert "é 漢 🧠" in shown
    assert json.loads(shown) == value
