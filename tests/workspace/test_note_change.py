"""A statement that a note gains: where it stands, that it is added once, and what stops it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.change import NoteChange
from agent.domain.errors import ConflictError, UsageError
from agent.domain.note_checks import check_note
from agent.domain.note_gap import as_statement, block_of, said_by, too_short
from agent.domain.proposal import Decision, Proposal
from agent.domain.statement import statements
from agent.workspace.note_change import SECTION, apply_note, preview_note, with_statement
from agent.workspace.note_file import parse_note
from agent.workspace.promotions import PromotionStore
from agent.workspace.workspace import Workspace
from tests.helpers.notes import PATH
from tests.helpers.workspaces import TOPIC, make_store, make_workspace, tree

SAID = "Chunked prefill lets decoding steps share a batch with a long prompt."


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


@pytest.fixture
def store(workspace: Workspace) -> PromotionStore:
    return make_store(workspace)


def change(after: str = SAID, block: str = "chunked-prefill", path: str = PATH) -> NoteChange:
    return NoteChange(topic=TOPIC, topic_text="KV cache scaling (batch/seq/heads)", path=path, block=block, after=after)


def note_of(workspace: Workspace) -> str:
    return (workspace.root / PATH).read_text("utf-8")


@pytest.fixture
def proposal(store: PromotionStore) -> Proposal:
    return store.propose(change(), "You said it in a quiz.")


def test_an_approval_adds_one_bullet_and_keeps_every_other_line(
    workspace: Workspace, store: PromotionStore, proposal: Proposal
) -> None:
    before = note_of(workspace)
    outcome = store.decide(proposal.id, Decision(type="approve", by="me"))
    after = note_of(workspace)
    added = [line for line in after.split("\n") if line not in before.split("\n")]
    assert added == [SECTION, f"- {SAID} ^chunked-prefill"]
    assert after.replace(f"{SECTION}\n\n- {SAID} ^chunked-prefill\n\n", "") == before
    assert outcome.paths[0] == PATH
    assert "roadmap.md" not in outcome.paths
    note = parse_note(after, PATH)
    assert [f.message for f in check_note(note)] == [f.message for f in check_note(parse_note(before, PATH))]
    assert len(note.claims) == len(parse_note(before, PATH).claims), "the quiz asks for nothing new"


def test_a_second_one_stands_below_the_first(workspace: Workspace, store: PromotionStore) -> None:
    for statement, block in ((SAID, "one"), ("Another thing that the note lacks.", "two")):
        store.decide(store.propose(change(statement, block)).id, Decision(type="approve"))
    lines = note_of(workspace).split("\n")
    at = lines.index(SECTION)
    assert lines[at + 2 : at + 5] == [f"- {SAID} ^one", "- Another thing that the note lacks. ^two", ""]


def test_a_rejection_leaves_the_note(workspace: Workspace, store: PromotionStore, proposal: Proposal) -> None:
    before = note_of(workspace)
    outcome = store.decide(proposal.id, Decision(type="reject", reason="it is wrong"))
    assert (note_of(workspace), outcome.decision) == (before, "rejected")
    assert PATH not in outcome.paths
    assert not store.pending()


def test_only_the_words_can_be_edited(store: PromotionStore, proposal: Proposal) -> None:
    worded = change("Chunked prefill mixes prefill and decoding in one batch.")
    assert store.decide(proposal.id, Decision(type="edit", change=worded)).decision == "edited"
    assert store.pending()[0].change.becomes == worded.after
    moved = worded.model_copy(update={"path": "tracks/other.md"})
    with pytest.raises(UsageError, match="Of this proposal only"):
        store.decide(proposal.id, Decision(type="edit", change=moved))


def test_a_kill_between_the_note_and_the_ledger_adds_it_once(workspace: Workspace, store: PromotionStore) -> None:
    apply_note(workspace, change())
    once = note_of(workspace)
    apply_note(workspace, change())
    assert note_of(workspace) == once


def test_an_interrupted_approval_is_finished(workspace: Workspace, store: PromotionStore, proposal: Proposal) -> None:
    saved = tree(workspace.root)
    store.decide(proposal.id, Decision(type="approve"))
    done = note_of(workspace)
    (entry,) = workspace.ledger.all()
    for path in workspace.ledger.files():
        (workspace.root / path).unlink()
    for path, data in saved.items():
        if path.startswith("progress/proposals/"):
            (workspace.root / path).write_bytes(data)
    workspace.proposals.write(proposal.created, proposal.model_copy(update={"intent": entry}))
    (outcome,) = store.roll_forward()
    assert (outcome.decision, note_of(workspace)) == ("approved", done)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda text: text + "\n- Taken. ^chunked-prefill\n", "already"),
        (lambda _: "no note\n\x00", "NUL"),
    ],
)
def test_what_cannot_be_added_is_asked_again(
    workspace: Workspace, store: PromotionStore, proposal: Proposal, damage: object, problem: str
) -> None:
    assert callable(damage)
    (workspace.root / PATH).write_text(damage(note_of(workspace)), "utf-8")
    before = note_of(workspace)
    with pytest.raises(ConflictError, match=problem):
        store.decide(proposal.id, Decision(type="approve"))
    assert note_of(workspace) == before
    (workspace.root / PATH).unlink()
    with pytest.raises(ConflictError, match="does not exist"):
        preview_note(workspace, change())


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_endings_and_code_blocks_stay(newline: str) -> None:
    text = newline.join(["# T", "", "```", "## Sources", "```", "", "Words.", "", "## Sources", "- a", ""])
    after = with_statement(text, "id", "New words here.")
    assert after.split(newline)[6:13] == ["Words.", "", SECTION, "", "- New words here. ^id", "", "## Sources"]
    assert after.count("\n") == after.count(newline)


@given(st.text(st.sampled_from("ab#\n- `~^\r é"), max_size=120), st.text(min_size=1, max_size=80))
def test_any_note_keeps_its_lines(text: str, said: str) -> None:
    newline = "\r\n" if "\r\n" in text else "\n"
    after = with_statement(text, "new-block", said).split(newline)
    rest = iter(after)
    kept = [line for line in text.split(newline) if line.strip()]
    assert all(line in rest for line in kept), "every line that says something stays, in its order"
    assert sum(line.endswith("^new-block") for line in after) == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("- (a) bullet ^with-block", "(a) bullet"),
        ("## > 1. quoted\nheading\x1b[31m", "quoted heading\N{REPLACEMENT CHARACTER}[31m"),
        ("plain", "plain"),
    ],
)
def test_a_statement_is_one_plain_line(said: str, expected: str) -> None:
    assert as_statement(said) == expected


def test_what_the_notes_say_already_is_no_gap() -> None:
    lines = statements(
        "- Decoding waits for memory bandwidth rather than arithmetic. ^x\n- Other words here today.", "a"
    )
    assert said_by("decoding is waiting for the memory's bandwidth", lines) == lines[0]
    assert said_by("Chunked prefill mixes long prompts with decoding", lines) is None
    assert said_by("anything", []) is None


def test_short_statements_and_block_ids() -> None:
    assert too_short("yes it is")
    assert not too_short(SAID)
    assert block_of(SAID, []) == "chunked-prefill-lets-decoding-steps"
    assert block_of(SAID, ["chunked-prefill-lets-decoding-steps"]) == "chunked-prefill-lets-decoding-steps-2"
    assert block_of("缓存", []) == "addition"
