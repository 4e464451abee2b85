"""The grader as the quiz has it, for the evals that measure the quiz."""

import hashlib
import json
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from agent.adapters.grading import load_grader
from agent.adapters.grading.endpoint import Judgement
from agent.adapters.grading.second import NextTokenScores
from agent.domain.errors import ModelError
from agent.domain.quiz import QUIZ_BANDS
from agent.ports import Chat, Grader, Prompt

T = TypeVar("T", bound=BaseModel)


class CountedJudge:
    """A chat endpoint as judge that counts its failures: the grader passes over them, a measurement must not."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self.asked = self.failed = 0
        self.why = ""

    @property
    def name(self) -> str:
        """The endpoint's model."""
        return self._chat.name

    def structured(self, prompt: Prompt, schema: type[T], *, max_tokens: int) -> T | None:
        """See `Chat`."""
        self.asked += 1
        try:
            reply = self._chat.structured(prompt, schema, max_tokens=max_tokens)
        except ModelError as error:
            self.failed += 1
            self.why = str(error)
            raise
        if reply is None or (isinstance(reply, Judgement) and not reply.verdicts):
            self.failed += 1
            self.why = "the reply holds no verdict"
        return reply

    def stream(self, prompt: Prompt, *, max_tokens: int) -> Iterator[str]:
        """See `Chat`; no judge streams."""
        return self._chat.stream(prompt, max_tokens=max_tokens)


def quiz_grader(
    kind: str = "local",
    *,
    threads: int = 1,
    judge: Chat | None = None,
    model: NextTokenScores | None = None,
    own_bands: bool = False,
) -> Grader:
    """Load a grader with the bands on which a quiz acts; the one by words keeps its own, an endpoint has its own."""
    bands = None if own_bands or kind == "lexical" else QUIZ_BANDS
    return load_grader(kind, threads=threads, bands=bands, judge=judge, model=model)


class MeasuredModel:
    """The embedded model; its failure ends a measurement, since the grader passes over it and no table would say so."""

    def __init__(self, model: NextTokenScores) -> None:
        self._model = model

    def next_token_scores(self, prompt: str, tokens: Sequence[int]) -> list[float]:
        """See `NextTokenScores`."""
        try:
            return self._model.next_token_scores(prompt, tokens)
        except ModelError as error:
            raise SystemExit(f"Nothing was measured: {error}") from None


class KeptReadings:
    """What a model read, kept from run to run: a rule or a threshold is tried again in seconds, not minutes.

    Args:
        model: asked what is not yet known.
        name: the model's; another model's readings are not taken for its own.
        kept: the SQLite database that keeps them.
    """

    def __init__(self, model: NextTokenScores, name: str, kept: sqlite3.Connection) -> None:
        self._model = model
        self._name = name
        self._kept = kept
        kept.execute("CREATE TABLE IF NOT EXISTS readings (key TEXT PRIMARY KEY, scores BLOB NOT NULL)")

    def next_token_scores(self, prompt: str, tokens: Sequence[int]) -> list[float]:
        """See `NextTokenScores`."""
        key = hashlib.sha256(json.dumps([self._name, list(tokens), prompt]).encode()).hexdigest()
        known = self._kept.execute("SELECT scores FROM readings WHERE key = ?", (key,)).fetchone()
        if known is not None:
            return array("d", known[0]).tolist()
        scores = self._model.next_token_scores(prompt, tokens)
        with self._kept:
            self._kept.execute("INSERT OR REPLACE INTO readings VALUES (?, ?)", (key, array("d", scores).tobytes()))
        return scores


@contextmanager
def second_opinion(wanted: bool, readings: Path | None = None) -> Iterator[NextTokenScores | None]:
    """The embedded model for second opinions, running as long as the block; None where none is wanted.

    Args:
        wanted: with a second opinion at all.
        readings: an SQLite file that keeps what was read from one run to the next.

    Raises:
        SystemExit: it is wanted and not here.
    """
    if not wanted:
        yield None
        return
    from agent.app import App

    with App.load_anywhere() as app:
        model = app.embedded_server
        if model is None:
            raise SystemExit("A second opinion needs the embedded model; unset STUDY_CHAT and run `study model pull`.")
        if readings is None:
            model.wait_ready()
            yield MeasuredModel(model)
            return
        with closing(sqlite3.connect(readings)) as kept:
            yield KeptReadings(MeasuredModel(model), model.name, kept)


def endpoint_judge() -> CountedJudge | None:
    """The chat endpoint of the settings; None where there is none: the embedded model is no judge of this kind."""
    from agent.app import App

    app = App.load_anywhere()
    if app.settings.chat == "local" or app.chat is None:
        return None
    return CountedJudge(app.chat)
