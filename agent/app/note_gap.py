"""Note gaps: proposing that a note gains a statement which the learner made and the notes lack."""

import re
from contextlib import suppress
from dataclasses import dataclass

from agent.app.container import App
from agent.domain.attempt import Question
from agent.domain.change import Evidence, NoteChange
from agent.domain.errors import StudyError, UsageError
from agent.domain.note_gap import as_statement, block_of, said_by, too_short
from agent.domain.proposal import Proposal
from agent.domain.statement import Statement, statements
from agent.domain.text import one_line
from agent.workspace.files import read_text

SEARCHED = 8
_BLOCK = re.compile(r"(?m)(?<!\S)\^([a-z0-9-]+)\s*$")


@dataclass(frozen=True, slots=True)
class WorkspaceNoteGaps:
    """The `NoteGaps` port on the workspace."""

    app: App

    def propose(self, *, topic: str, statement: str, question: Question, appeal: str) -> None:
        """See `agent.ports.NoteGaps`."""
        why = f"You said it in a quiz, where ^{question.claim} was asked: “{one_line(question.text, 300)}”"
        propose_statement(self.app, topic, statement, why, evidence=appeal)

    def said(self, statement: str) -> str:
        """See `agent.ports.NoteGaps`."""
        found = said_already(self.app, as_statement(statement))
        return f"{found.path}:{found.start_line}" if found else ""


def propose_statement(
    app: App, topic_id: str, said: str, why: str = "You asked for it.", *, evidence: str = ""
) -> Proposal:
    """Propose that the topic's note gains a statement; nothing is written into it before `study review`.

    Raises:
        UsageError: it says too little.
        WorkspaceError: the topic has no note, or a malformed one.
    """
    statement = as_statement(said)
    if too_short(statement):
        raise UsageError("A statement for a note needs a few words that say something.")
    note = app.workspace.note(topic_id)
    taken = _BLOCK.findall(read_text(app.settings.root, note.path))
    change = NoteChange(
        topic=note.id,
        topic_text=note.topic,
        path=note.path,
        block=block_of(statement, taken),
        after=statement,
        evidence=(Evidence(path=evidence),) if evidence else (),
    )
    return app.promotions.propose(change, why)


def said_already(app: App, statement: str) -> Statement | None:
    """The line of the notes below `tracks/` that says it; None also where the index cannot be used now."""
    from agent.adapters.retrieval import HybridRetriever
    from agent.ports.retriever import Filters

    with suppress(StudyError), app.index() as index:
        with suppress(StudyError):  # another process is writing it; what it holds can be searched
            index.sync(embed=0)
        retriever = HybridRetriever(index)
        try:
            passages = retriever.search(statement, SEARCHED, Filters(folders=("tracks",)))
        finally:
            retriever.close()
        return said_by(statement, [s for p in passages for s in statements(p.text, p.path, p.start_line, p.heading)])
    return None
