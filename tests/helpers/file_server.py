"""A file server on loopback with the failures of real ones: broken connections, no ranges, wrong pages."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class FileServer:
    """Serves one file at every path, with `Range`.

    Args:
        content: the file's bytes.
        breaks_after: bytes after which each of the first `breaks` connections is cut.
        breaks: how many connections break.
        ranges: False answers every request with the whole file.
        status: anything but 200 answers that, with no content.
    """

    def __init__(
        self, content: bytes, *, breaks_after: int = 0, breaks: int = 0, ranges: bool = True, status: int = 200
    ) -> None:
        self.content = content
        self.breaks_after = breaks_after
        self.breaks = breaks
        self.ranges = ranges
        self.status = status
        self.asked: list[str | None] = []
        self.paths: list[str] = []

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Tests read `asked` instead."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Base address, without a trailing slash."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Send the file from where it is asked for, as far as the script allows."""
        wanted = handler.headers.get("Range")
        self.asked.append(wanted)
        self.paths.append(handler.path)
        if self.status != 200:
            handler.send_error(self.status)
            return
        found = re.fullmatch(r"bytes=(\d+)-", wanted or "") if self.ranges else None
        start = int(found[1]) if found else 0
        body = self.content[start:]
        handler.send_response(206 if found else 200)
        if found:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if self.breaks > 0:
            self.breaks -= 1
            body = body[: self.breaks_after]
        handler.wfile.write(body)
