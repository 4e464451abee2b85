"""Who may call a server of our graphs: this machine only, with the token where one is set; and what nobody may do."""

import asyncio
import hmac
from urllib.parse import urlsplit

from langgraph_sdk import Auth

from agent.studio.graphs import workspace_app

auth = Auth()
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@auth.authenticate
async def authenticate(authorization: str | None, headers: dict[bytes, bytes]) -> Auth.types.MinimalUserDict:
    """Refuse other hosts and web pages of other origins, then ask for the bearer token, if one is set.

    A page elsewhere can send requests here; the browser names its origin in them. A name that resolves to this
    machine (DNS rebinding) shows in the host.
    """
    host = headers.get(b"host", b"").decode("latin-1")
    origin = headers.get(b"origin", b"").decode("latin-1")
    if not is_loopback(f"http://{host}"):
        raise _refused(f"The host {host!r} is not this machine; call 127.0.0.1 or localhost.")
    if origin and not is_loopback(origin):
        raise _refused(f"Pages of {origin!r} may not call this server.")
    settings = (await asyncio.to_thread(workspace_app)).settings
    if settings.studio_token is None:
        return {"identity": "anybody on this machine", "is_authenticated": True}
    given = (authorization or "").removeprefix("Bearer ").encode()
    if not hmac.compare_digest(given, settings.studio_token.get_secret_value().encode()):
        raise Auth.exceptions.HTTPException(
            status_code=401, detail="Send the token of STUDY_STUDIO_TOKEN as `Authorization: Bearer …`."
        )
    return {"identity": "owner", "is_authenticated": True}


@auth.on.threads.update
async def refuse_writing_state(*, ctx: Auth.types.AuthContext, value: Auth.types.ThreadsUpdate) -> None:
    """Refuse to write a thread's state: turns and verdicts come from the graph's own nodes."""
    raise _refused("A thread's state is written by its graph alone.")


@auth.on.threads.create_run
async def refuse_jumps(*, ctx: Auth.types.AuthContext, value: Auth.types.RunsCreate) -> None:
    """Refuse runs that write state, jump to a node, or start from an earlier checkpoint; a resume is fine."""
    kwargs = value.get("kwargs") or {}
    command = kwargs.get("command") or {}
    configurable = (kwargs.get("config") or {}).get("configurable") or {}
    if command.get("update") is not None or command.get("goto"):
        raise _refused("A command may resume, and nothing else.")
    if configurable.get("checkpoint_id"):
        raise _refused("A run goes on where its thread stands.")


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine by name; no name is looked up."""
    try:
        parts = urlsplit(url)
        valid = parts.port is None or parts.port > 0  # a port that is no number is a ValueError
        return valid and parts.scheme in ("http", "https") and parts.hostname in LOOPBACK and parts.username is None
    except ValueError:
        return False


def _refused(reason: str) -> Exception:
    return Auth.exceptions.HTTPException(status_code=403, detail=reason)
