"""A note gap from the learner's side: `/note` in a quiz, `study note add`, and the decision at a terminal."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.notes import PATH
from tests.helpers.study import TOPIC, Terminal, answers, make_workspace, study, tree

SAID = "Chunked prefill lets decoding steps share one batch with long prompts"
CHOICES = "[a]pprove, [e]dit, [r]eject, [l]ater, [q]uit? "


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("gap") / "work", git=True)


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "work")
    return tmp_path / "work"


def pending(root: Path) -> list[dict[str, object]]:
    return [json.loads(line)["change"] for line in study(root, "review", "--json").out.splitlines()]


def test_a_right_answer_that_the_note_lacks_is_proposed_and_no_fail(root: Path) -> None:
    ran = study(root, "quiz", TOPIC, "--json", given=answers("nothing that fits", f"/note {SAID}", "/quit"))
    notices = [event["text"] for event in ran.events if event["event"] == "notice"]
    assert any(text.startswith("Proposed for the note; you decide on it with `study review`.") for text in notices)
    first = ran.events[0]["claim"]
    assert next(v["verdict"] for v in ran.result["verdicts"] if v["claim"] == first) == "appealed"
    (change,) = pending(root)
    assert (change["path"], change["after"]) == (PATH, SAID)
    (appeal,) = [path for path in tree(root) if path.startswith("progress/appeals/")]
    assert [item["path"] for item in change["evidence"]] == [appeal]  # type: ignore[attr-defined]
    assert SAID not in (root / PATH).read_text("utf-8"), "nothing is written before a person decides"


def test_without_words_the_last_answer_is_meant(root: Path) -> None:
    study(root, "quiz", TOPIC, "--json", given=answers(SAID, "/note", "/quit"))
    assert [change["after"] for change in pending(root)] == [SAID]


def test_what_the_notes_say_already_is_shown_instead(root: Path) -> None:
    given = answers("nothing that fits", "/note Decoding waits for memory bandwidth rather than arithmetic.", "/quit")
    ran = study(root, "quiz", TOPIC, "--json", given=given)
    notice = next(event["text"] for event in ran.events if event["event"] == "notice")
    assert notice.startswith(f"Your notes say that already: {PATH}:")
    assert pending(root) == []


@pytest.mark.parametrize("first", ["/note it is so and so on", "/note"])
def test_before_an_answer_there_is_nothing_to_dispute(root: Path, first: str) -> None:
    ran = study(root, "quiz", TOPIC, "--json", given=answers(first, "/quit"))
    assert any("answer first" in event.get("text", "") for event in ran.events)
    assert pending(root) == []


def test_a_person_approves_and_the_note_alone_is_committed(root: Path) -> None:
    assert study(root, "note", "add", TOPIC, f"{SAID}.").code == 0
    (root / "own.txt").write_text("the user's own work", encoding="utf-8")
    with Terminal(root, "review") as terminal:
        shown = terminal.wait(CHOICES)
        terminal.type("a")
        assert terminal.end() == 0
    assert f"+- {SAID}. ^chunked-prefill-lets-decoding-steps" in shown
    assert f"- {SAID}. ^chunked-prefill-lets-decoding-steps\n" in (root / PATH).read_text("utf-8")
    show = subprocess.run(
        ["git", "-C", str(root), "show", "--name-only", "--format=", "HEAD"], check=True, capture_output=True, text=True
    )
    assert {name.rsplit("/", 1)[0] for name in show.stdout.split()} == {
        PATH.rsplit("/", 1)[0],
        "progress",
        "progress/ledger",
        "progress/events",
    }
    checked = study(root, "check", "--json")
    assert (checked.code, checked.events[-1]["errors"]) == (0, 0)
    found = study(root, "ask", "What shares one batch with long prompts?", "--json").events[0]["passages"]
    assert SAID in found[0]["text"], "what was approved is found at once"


@pytest.mark.parametrize(
    ("args", "code", "problem"),
    [
        ((TOPIC, "yes"), 2, "few words"),
        (("no such topic", SAID), 2, "No topic matches"),
        (("paged-attention", SAID), 1, "has no note yet"),
    ],
)
def test_bad_arguments_are_one_sentence(root: Path, args: tuple[str, str], code: int, problem: str) -> None:
    ran = study(root, "note", "add", *args)
    assert ran.code == code
    assert problem in ran.err
    assert ran.err.count("\n") == 1
    said = study(root, "note", "add", TOPIC, "Decoding waits for memory bandwidth rather than arithmetic.")
    assert (said.code, said.out.startswith("Your notes say that already:")) == (1, True)
