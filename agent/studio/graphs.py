"""The graphs as a LangGraph server loads them, one asynchronous factory each.

A run of a server holds no lock of ours: one workspace is served by one server, whose queue runs a thread's turns one
by one. What writes the user's files takes the workspace's lock as everywhere.
"""

import asyncio
import getpass
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

from agent.app import App
from agent.app.commits import commit_decision
from agent.app.quiz import WorkspaceJournal, quiz_context
from agent.app.review import WorkspacePromotions
from agent.app.summarize import WorkspaceSessions, session_context
from agent.app.wordings import NoWordings
from agent.domain.attempt import Attempt
from agent.domain.errors import StudyError
from agent.domain.proposal import Decision
from agent.ports import Recorded
from agent.ports.sessions import SessionDecision
from agent.studio.bound import BoundGraph, bound
from agent.workspace.promotions import Outcome
from agent.workspace.sessions import Settled


@cache
def workspace_app() -> App:
    """Wire the workspace that the settings name, once a process."""
    return App.load()


class ProposingJournal(WorkspaceJournal):
    """A journal that also proposes the level which a passed attempt earns: there is no command to do it here."""

    def record(self, attempt: Attempt) -> Recorded:
        """Write the attempt, draft its session, propose."""
        recorded = super().record(attempt)
        if attempt.passed:
            with suppress(StudyError):  # `study review` proposes it as soon as it can be
                self.app.promotions.propose_from_attempt(attempt.id)
        return recorded


@dataclass(frozen=True, slots=True)
class CommittingPromotions(WorkspacePromotions):
    """Promotions that also commit what a decision changed, as `study review` does."""

    app: App

    def decide(self, proposal_id: str, decision: Decision) -> Outcome:
        """Apply a decision, and commit its files."""
        outcome = WorkspacePromotions.decide(self, proposal_id, decision)
        if outcome.paths:
            commit_decision(self.app, list(outcome.paths), outcome.message)
        return outcome


async def quiz() -> BoundGraph:
    """Give the quiz: input `{"topic": id}` first, then `{"message": text}` a turn, in the learner's words."""
    return await asyncio.to_thread(_quiz)


class CommittingSessions(WorkspaceSessions):
    """Sessions that also commit what a decision wrote, as `study summarize` does."""

    def settle(self, path: str, sha256: str, decision: SessionDecision, body: str = "") -> Settled:
        """Carry out a decision, and commit its files."""
        outcome = super().settle(path, sha256, decision, body)
        if outcome.paths:
            commit_decision(self.app, list(outcome.paths), outcome.message)
        return outcome


async def ask() -> BoundGraph:
    """Give the answers from the notes: input `{"question": text}`, and maybe `filters`; a thread takes follow-ups."""
    return await asyncio.to_thread(_ask)


async def session() -> BoundGraph:
    """Give a day's session: input `{"day": "2026-11-24"}` or `{}` for today, then a decision at its interrupt."""
    return await asyncio.to_thread(_session)


async def promotion() -> BoundGraph:
    """Give the approval of a level change: input `{"proposal": id}`, then a decision at its interrupt."""
    return await asyncio.to_thread(_promotion)


def _quiz() -> BoundGraph:
    from graphs.quiz import build_quiz

    app = workspace_app()
    context = quiz_context(app, NoWordings(), ProposingJournal(app))
    return bound(build_quiz(), "quiz", lambda: context)


def _ask() -> BoundGraph:
    from agent.app.ask import OpeningRetriever, ask_context
    from graphs.ask import build_ask

    app = workspace_app()
    context = ask_context(app, OpeningRetriever(app))
    return bound(build_ask(), "ask", lambda: context)


def _session() -> BoundGraph:
    from graphs.session import build_session

    app = workspace_app()
    context = session_context(app, _channel(app), CommittingSessions(app))
    return bound(build_session(), "session", lambda: context)


def _promotion() -> BoundGraph:
    from graphs.promotion import PromotionContext, build_promotion

    app = workspace_app()
    promotions = CommittingPromotions(app.promotions, app.clock, app)
    by = getpass.getuser() if app.settings.studio_token else ""
    return bound(build_promotion(), "promotion", partial(PromotionContext, promotions, by=by, channel=_channel(app)))


def _channel(app: App) -> Literal["api", "unauthenticated"]:
    """Whoever has the token is the owner of the workspace; without a token it could be anybody."""
    return "api" if app.settings.studio_token else "unauthenticated"
