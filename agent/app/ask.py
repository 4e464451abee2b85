"""Asking the notes: one question in, passages and cited sentences out; a thread keeps earlier questions."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import uuid4

from agent.adapters.checkpoints.sqlite import config
from agent.adapters.retrieval import HybridRetriever, similar_by
from agent.adapters.retrieval.files import WorkspaceFiles
from agent.app.container import App
from agent.domain.errors import BusyError, UsageError
from agent.domain.happened import asked
from agent.ports import Filters, Passage, Retriever
from graphs.ask import AskContext, build_ask

ENDPOINT_CHARS = 12_000  # an endpoint reads more passages than the embedded model can in a few seconds
EMBED_NOW = 64  # chunks embedded before the first answer; the rest waits for `study index`
KEPT_THREADS = 20

Event = dict[str, Any]
_ALL = Filters()


class OpeningRetriever:
    """A retriever for servers: it holds the index only while it searches, so that commands beside it can write."""

    def __init__(self, app: App) -> None:
        self._app = app

    def search(self, query: str, k: int = 8, filters: Filters = _ALL) -> Sequence[Passage]:
        """See `agent.ports.Retriever`."""
        with self._app.index() as index:
            with suppress(BusyError):  # what it holds can be searched meanwhile
                index.sync(embed=EMBED_NOW)
            retriever = HybridRetriever(index)
            try:
                return retriever.search(query, k, filters)
            finally:
                retriever.close()


def ask_context(app: App, retriever: Retriever) -> AskContext:
    """Bind the ports of the ask graph to the workspace."""
    context = AskContext(retriever, WorkspaceFiles(app.settings.root), app.chat, similar=similar_by(app.embedder))
    return context if app.settings.chat in ("local", "none") else replace(context, context_chars=ENDPOINT_CHARS)


def ask(
    app: App,
    question: str,
    *,
    folders: tuple[str, ...] = (),
    since: date | None = None,
    topics: tuple[str, ...] = (),
    thread: str | None = None,
) -> Iterator[Event]:
    """Answer from the notes.

    Yields `passages` at once, a `sentence` for each statement whose quote holds, and last a `result` with `outcome`
    (answered, abstained or passages), `answer`, `notice` and the `thread` for follow-ups.

    Raises:
        UsageError: there is no such thread.
    """
    if app.embedded_server is not None:
        app.embedded_server.start()
    with app.threads() as threads, app.index() as index:
        with suppress(BusyError):  # another process is writing the index; what it holds can be searched meanwhile
            index.sync(embed=EMBED_NOW)
        graph = threads.compile(build_ask())
        known = [name for name in threads.ids() if "query" in graph.get_state(config(name)).values]
        if thread is not None and thread not in known:
            raise UsageError(f"There is no conversation {thread!r}; ask without --thread to begin one.")
        for old in known[KEPT_THREADS:]:
            threads.delete(old)
        name = thread or str(uuid4())
        retriever = HybridRetriever(index)
        context = ask_context(app, retriever)
        filters = {"folders": list(folders), "since": since.isoformat() if since else None, "topics": list(topics)}
        given = {"question": question, "filters": filters}
        try:
            yield from graph.stream(given, config(name), context=context, stream_mode="custom", durability="sync")
        finally:
            retriever.close()
        state = graph.get_state(config(name)).values
        cited = [item["path"] for item in state.get("answer", [])]
        app.workspace.events.try_add(asked(str(uuid4()), app.clock.now(), question, state["outcome"], topics, cited))
        result = {key: state.get(key) for key in ("query", "outcome", "answer", "notice")}
        yield {"event": "result", **result, "thread": name}
