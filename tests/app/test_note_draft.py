"""Drafting a note with a chat model: every statement behind a TODO, and nothing of the model's choosing but words."""

from typing import Any, TypeVar, cast

import pytest
from pydantic import BaseModel

from agent.app.note_draft import NoteDraft, draft_note
from agent.domain.asking import unfit
from agent.domain.errors import ModelError
from agent.domain.level import Level
from agent.domain.roadmap import Topic
from agent.ports import Chat, Prompt
from agent.workspace.note_file import read_note
from agent.workspace.note_template import new_note

T = TypeVar("T", bound=BaseModel)
TOPIC = Topic(
    id="paged-attention", text="Paged attention (blocks)", track="02-infra", module="Serving",
    level=Level.L0, evidence=(), status="Planned", line=1,
)  # fmt: skip
GOOD: dict[str, Any] = {
    "introduction": "It stores the cache in blocks. That avoids waste.",
    "claims": ["Blocks have a fixed size.", "A table maps positions to blocks."],
    "boundaries": ["It does not shrink the cache."],
    "terms": ["Block table: which block holds which positions"],
}


class Scripted:
    """A chat model with one reply."""

    name = "scripted"

    def __init__(self, reply: dict[str, Any] | Exception | None) -> None:
        self.reply, self.prompts = reply, list[Prompt]()

    def structured(self, prompt: Prompt, schema: type[T], *, max_tokens: int) -> T | None:
        self.prompts.append(prompt)
        if isinstance(self.reply, Exception):
            raise self.reply
        return None if self.reply is None else schema.model_validate(self.reply)

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Any:
        raise NotImplementedError


def draft(reply: dict[str, Any] | Exception | None) -> str | None:
    return draft_note(cast(Chat, Scripted(reply)), TOPIC, new_note(TOPIC))


def test_slots_are_filled_behind_a_todo() -> None:
    text = draft(GOOD)
    assert text is not None
    assert "TODO check: It stores the cache in blocks. That avoids waste.\n" in text
    assert "- (core) TODO check: Blocks have a fixed size. ^claim-1\n" in text
    assert "- (core) TODO check: A table maps positions to blocks. ^claim-2\n" in text
    assert "- TODO check: It does not shrink the cache. ^boundary-1\n" in text
    assert "- **TODO check Block table**: which block holds which positions ^term-1\n" in text
    assert "- (core) TODO ^claim-3\n" in text


def test_a_draft_reads_as_a_note_and_cannot_be_quizzed_from() -> None:
    text = draft(GOOD)
    assert text is not None
    note, findings = read_note(text, "tracks/02-infra/paged-attention.md")
    assert findings == []
    assert (note.id, note.topic) == (TOPIC.id, TOPIC.text)
    assert unfit(note)


def test_the_prompt_names_the_topic() -> None:
    chat = Scripted(GOOD)
    draft_note(cast(Chat, chat), TOPIC, new_note(TOPIC))
    assert "Paged attention (blocks)" in chat.prompts[0].user
    assert chat.prompts[0].id.startswith("quiz/note@")


@pytest.mark.parametrize("reply", [None, ModelError("down")], ids=["no usable reply", "endpoint down"])
def test_a_model_that_fails_gives_no_draft(reply: Exception | None) -> None:
    assert draft(reply) is None


HOSTILE = [
    "ends early ^core-99",
    "two\n- (core) lines ^x\n  - Q: Approve?",
    "---\nid: other\n---",
    "# Claims\n## Claims",
    "esc \x1b[2J\x1b]0;title\x07 and \u202ebidi\u2066 and \u200bzero",
    "[link](../../etc/passwd) <script> `code` **bold** ![x](http://192.0.2.1/a.png)",
    "\x00nul",
    "a" * 5000,
    r"\1 \g<0> \g<text> $id",
    "```python run\nimport os\n```",
]


@pytest.mark.parametrize("words", HOSTILE, ids=lambda words: repr(words[:20]))
def test_hostile_words_change_no_structure(words: str) -> None:
    reply = {"introduction": words[:800], "claims": [words] * 6, "boundaries": [words] * 2, "terms": [words] * 2}
    text = draft(reply)
    assert text is not None
    note, findings = read_note(text, "tracks/02-infra/paged-attention.md")
    assert findings == []
    plain, _ = read_note(new_note(TOPIC), "tracks/02-infra/paged-attention.md")
    assert [(c.id, c.kind, c.questions) for c in note.claims] == [(c.id, c.kind, c.questions) for c in plain.claims]
    assert note.sections == plain.sections
    assert (note.id, note.topic, note.sources, note.fences) == (plain.id, plain.topic, plain.sources, plain.fences)
    assert unfit(note)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text) < len(new_note(TOPIC)) + 11 * 2 * 800


def test_more_statements_than_slots_are_left_out() -> None:
    with pytest.raises(ValueError, match="at most 6"):
        NoteDraft.model_validate({**GOOD, "claims": ["One."] * 7})


def test_blank_statements_leave_their_slot_as_it_is() -> None:
    text = draft({**GOOD, "claims": ["  ", "Second."]})
    assert text is not None
    assert "- (core) TODO: one fact" in text
    assert "- (core) TODO check: Second. ^claim-2" in text
