"""An event loop in a thread of its own: blocking callers whose requests can be cancelled from any thread."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

R = TypeVar("R")


class BackgroundLoop:
    """Runs coroutines for blocking callers. The thread starts with the first call.

    A blocking socket read cannot be interrupted from another thread; a task can, and closes its connection
    when it is: that is how an abandoned reply stops costing the server anything.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._running: set[Future[Any]] = set()

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """The result of `work`; an interrupted caller (Ctrl-C) cancels it.

        Raises:
            concurrent.futures.CancelledError: `cancel` was called meanwhile.
        """
        future = self._submit(work)
        try:
            return future.result()
        finally:
            future.cancel()

    def iterate(self, items: AsyncIterator[R]) -> Iterator[R]:
        """The items as they come; leaving the loop early cancels what produces them.

        Raises:
            concurrent.futures.CancelledError: `cancel` was called meanwhile.
        """
        end = object()
        pending: queue.Queue[Any] = queue.Queue()

        async def pump() -> None:
            async for item in items:
                pending.put(item)

        future = self._submit(pump())
        future.add_done_callback(lambda _: pending.put(end))
        try:
            while (item := pending.get()) is not end:
                yield item
            future.result()
        finally:
            future.cancel()

    def cancel(self) -> None:
        """Cancel everything that runs."""
        with self._lock:
            running = list(self._running)
        for future in running:
            future.cancel()

    def close(self, last: Coroutine[Any, Any, None] | None = None) -> None:
        """Cancel everything, run `last` (closing connections, say) and end the thread."""
        self.cancel()
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            if last is not None:
                last.close()
            return
        asyncio.run_coroutine_threadsafe(_finish(last), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _submit(self, work: Coroutine[Any, Any, R]) -> "Future[R]":
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
                self._thread.start()
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            self._running.add(future)
        future.add_done_callback(self._forget)
        return future

    def _forget(self, future: "Future[Any]") -> None:
        with self._lock:
            self._running.discard(future)


async def _finish(last: Coroutine[Any, Any, None] | None) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
    if last is not None:
        await last
