"""A scripted OpenAI-compatible endpoint on loopback: says what it is told to say, and records what it was asked."""

import json
import select
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

Finish = Literal["stop", "length", "content_filter"]


@dataclass(frozen=True)
class Reply:
    """One scripted answer.

    `pieces` are sent as one message, or one by one where the request streams. `broken` ends a stream in the
    middle; `hang` answers nothing until the client hangs up; `raw` replaces the whole body.
    """

    pieces: Sequence[str] = ()
    finish: Finish = "stop"
    refusal: str | None = None
    status: int = 200
    error: str = ""
    raw: bytes | None = None
    broken: bool = False
    hang: bool = False


def says(*pieces: str, finish: Finish = "stop") -> Reply:
    """A normal reply."""
    return Reply(pieces, finish)


def fails(status: int, error: str = "scripted failure") -> Reply:
    """An HTTP error in the shape that OpenAI uses."""
    return Reply(status=status, error=error)


@dataclass
class Request:
    """What a client sent."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class OpenAIServer:
    """`with OpenAIServer(says("hello")) as server:`; the last reply of the script repeats."""

    script: list[Reply]
    requests: list[Request] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)

    def __init__(self, *script: Reply) -> None:
        self.script = list(script)
        self.requests = []
        self.hung_up = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length) or b"{}")
                owner.answer(
                    self, Request(self.path, {key.lower(): value for key, value in self.headers.items()}, body)
                )

            def log_message(self, format: str, *args: object) -> None:
                """Tests read `requests` instead."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def base_url(self) -> str:
        """Address for a client, with `/v1`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def answer(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        """Play the next reply of the script."""
        with self._lock:
            self.requests.append(request)
            reply = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if reply.hang:
            self._hang(handler.connection)
            handler.close_connection = True
        elif reply.raw is not None:
            _send(handler, reply.status, reply.raw, "text/html")
        elif reply.status != 200:
            error = {"error": {"message": reply.error, "type": "scripted", "code": None}}
            _send(handler, reply.status, json.dumps(error).encode())
        elif request.body.get("stream"):
            self._stream(handler, reply)
        else:
            message = {"role": "assistant", "content": "".join(reply.pieces), "refusal": reply.refusal}
            choice = {"index": 0, "message": message, "finish_reason": reply.finish}
            _send(handler, 200, json.dumps({**_ENVELOPE, "object": "chat.completion", "choices": [choice]}).encode())

    def _stream(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        events: list[tuple[dict[str, str], str | None]] = [({"content": piece}, None) for piece in reply.pieces]
        if not reply.broken:
            events.append(({}, reply.finish))
        try:
            for delta, finish in events:
                choice = {"index": 0, "delta": delta, "finish_reason": finish}
                chunk = {**_ENVELOPE, "object": "chat.completion.chunk", "choices": [choice]}
                handler.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            if not reply.broken:
                handler.wfile.write(b"data: [DONE]\n\n")
        except (BrokenPipeError, ConnectionResetError):
            self.hung_up.set()

    def _hang(self, connection: socket.socket) -> None:
        deadline = time.monotonic() + 30
        while not self._closing.is_set() and time.monotonic() < deadline:
            readable, _, _ = select.select([connection], [], [], 0.01)
            if readable and not connection.recv(1, socket.MSG_PEEK):
                self.hung_up.set()
                return


_ENVELOPE: dict[str, Any] = {"id": "scripted", "created": 0, "model": "scripted"}


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str = "application/json") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
