"""A day's session: draft, verify, gate (a human), apply."""

from graphs.session.graph import build_session
from graphs.session.state import SessionContext, SessionInput, SessionState

__all__ = ["SessionContext", "SessionInput", "SessionState", "build_session"]
