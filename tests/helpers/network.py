"""A guard on sockets: whatever leaves the loopback interface is refused, with the name of who tried.

It is an audit hook, so it sees every socket of Python code in every thread, however the library opens it. What native
code opens by itself is watched by `tests/test_offline.py`.
"""

import ipaddress
import sys
import traceback
from pathlib import Path

# The place of the address or name among the event's arguments.
_EVENTS = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
}
_LOCAL_NAMES = {"localhost", "localhost.localdomain", "", None}
_STANDARD = Path(traceback.__file__).parent


class Offline(OSError):
    """A connection that left the loopback interface."""


class Guard:
    """Records and refuses such connections while `armed`."""

    def __init__(self) -> None:
        self.armed = True
        self.attempts: list[str] = []
        sys.addaudithook(self._look)

    def take(self) -> list[str]:
        """Give the attempts since the last call."""
        taken, self.attempts = self.attempts, []
        return taken

    def _look(self, event: str, args: tuple[object, ...]) -> None:
        place = _EVENTS.get(event)
        if place is None or not self.armed or len(args) <= place:
            return
        given = args[place]
        host = given[0] if isinstance(given, tuple) and given else given
        if isinstance(given, str | bytes) and place == 1:
            return  # a Unix socket's path
        if given is None or is_loopback(host):
            return
        attempt = f"{event} to {given!r} by {culprit()}"
        self.attempts.append(attempt)
        raise Offline(f"refused by the tests: {attempt}")


def is_loopback(host: object) -> bool:
    """Whether a host stays on this machine; names are not looked up."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(name).split("%")[0]).is_loopback
    except ValueError:
        return False


def culprit() -> str:
    """Name the innermost frames outside this file and the standard library, nearest first."""
    frames = [f for f in traceback.extract_stack() if f.filename != __file__ and not f.filename.startswith("<")]
    own = [f for f in frames if _STANDARD not in Path(f.filename).parents or "site-packages" in f.filename]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in (own or frames)[:-4:-1])
