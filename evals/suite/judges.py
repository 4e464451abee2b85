"""Judges: ragas metrics with the chat model and the embedder of the settings. Trends beside the gates, never a gate.

    python -m evals.suite.judges calibrate [--items 100]   # the judge against human labels: accuracy and kappa
    python -m evals.suite.judges trend RUN                 # answers of a finished run

A judge's figure may be believed where its kappa on at least 100 labelled answers is 0.6 or more; below that it is a
trend of itself. ragas drops failed rows from its means, so that scores rise as failures rise: here a row that fails
or comes back as NaN is an error, and so is one whose judge left a statement without a verdict; a run's answers are
counted against what the run measured, and a metric with less than 98 % of its rows is unmeasured.
"""

import argparse
import asyncio
import math
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from agent.domain.errors import SetupError
from agent.privacy import OFF
from evals.suite.baseline import FOLDER
from evals.suite.calibration import FEWEST, Calibration, calibrations, keep
from evals.suite.decision import COVERAGE

if TYPE_CHECKING:
    from agent.adapters.retrieval import Embedder
    from agent.app import App
    from evals.suite.home import Home

METRICS = ("faithfulness", "answer relevancy", "context recall")
TOKENS = 800


@dataclass(frozen=True, slots=True)
class Row:
    """What is judged. `reference`: a right answer, "" where there is none."""

    question: str
    answer: str
    contexts: tuple[str, ...]
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric over all rows, a place for each: its score in 0..1, or None with an error under the same number."""

    metric: str
    scores: tuple[float | None, ...]
    errors: Mapping[int, str]

    @property
    def coverage(self) -> float:
        """Share of the rows that have a score."""
        return sum(score is not None for score in self.scores) / len(self.scores) if self.scores else 0.0

    @property
    def mean(self) -> float | None:
        """Mean over the rows; None, unmeasured, where more than 2 % of them failed."""
        if self.coverage < COVERAGE:
            return None
        known = [score for score in self.scores if score is not None]
        return sum(known) / len(known)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible chat endpoint."""

    base_url: str
    model: str
    api_key: str = ""
    timeout: float = 180.0


Score = Callable[[Row], Awaitable[Any]]


def judge(rows: Sequence[Row], endpoint: Endpoint, embedder: "Embedder | None", metrics: Sequence[str]) -> list[Judged]:
    """Score every row by every metric, one request after another.

    Raises:
        SetupError: ragas is not installed, or a metric lacks its embedder.
    """
    if find_spec("ragas") is None:
        raise SetupError("ragas is not installed; `pip install 'study-agent[eval]'`.")
    return asyncio.run(_judge(rows, endpoint, embedder, metrics))


async def _judge(
    rows: Sequence[Row], endpoint: Endpoint, embedder: "Embedder | None", metrics: Sequence[str]
) -> list[Judged]:
    scorers = _scorers(endpoint, embedder, metrics)
    judged = []
    for name, score in scorers.items():
        values: list[float | None] = []
        errors: dict[int, str] = {}
        for number, row in enumerate(rows):
            value, why = await _one(score, row)
            values.append(value)
            if value is None:
                errors[number] = why
        judged.append(Judged(name, tuple(values), errors))
    return judged


async def _one(score: Score, row: Row) -> tuple[float | None, str]:
    try:
        value = float((await score(row)).value)
    except Exception as error:  # noqa: BLE001  ragas and instructor raise what they like; none of it is a score
        return None, f"{type(error).__name__}: {str(error)[:200]}"
    if math.isnan(value) or not 0 <= value <= 1:
        return None, f"it came back as {value}"
    return value, ""


def _scorers(endpoint: Endpoint, embedder: "Embedder | None", metrics: Sequence[str]) -> dict[str, Score]:
    """The metrics by name; ragas is imported here and nowhere else, after its reporting was switched off."""
    import os

    os.environ["RAGAS_DO_NOT_TRACK"] = OFF["RAGAS_DO_NOT_TRACK"]
    from openai import AsyncOpenAI
    from ragas.llms import llm_factory
    from ragas.metrics.collections import AnswerRelevancy, ContextRecall, Faithfulness

    client = AsyncOpenAI(
        base_url=endpoint.base_url, api_key=endpoint.api_key or "none", timeout=endpoint.timeout, max_retries=1
    )
    llm = llm_factory(endpoint.model, client=client, temperature=0.0, max_tokens=TOKENS)
    found: dict[str, Score] = {}
    if "faithfulness" in metrics:
        faithful = _every_statement(Faithfulness)(llm=llm)
        found["faithfulness"] = lambda row: faithful.ascore(
            user_input=row.question, response=row.answer, retrieved_contexts=list(row.contexts)
        )
    if "answer relevancy" in metrics:
        if embedder is None:
            raise SetupError("Answer relevancy needs an embedder; `study model pull`, or set STUDY_EMBEDDER.")
        relevant = AnswerRelevancy(llm=llm, embeddings=_embeddings(embedder), strictness=1)
        found["answer relevancy"] = lambda row: relevant.ascore(user_input=row.question, response=row.answer)
    if "context recall" in metrics:
        recall = ContextRecall(llm=llm)
        found["context recall"] = lambda row: recall.ascore(
            user_input=row.question, retrieved_contexts=list(row.contexts), reference=row.reference
        )
    return found


def _every_statement(metric: Any) -> Any:
    """The metric, refusing a judge that leaves statements out: ragas divides by the verdicts that came back."""

    class Counted(metric):  # type: ignore[misc]
        async def _create_verdicts(self, statements: list[str], context: str) -> Any:
            found = await super()._create_verdicts(statements, context)
            if len(found.statements) != len(statements):
                msg = f"{len(found.statements)} verdicts came back for {len(statements)} statements"
                raise ValueError(msg)
            return found

    return Counted


def _embeddings(embedder: "Embedder") -> Any:
    from ragas.embeddings.base import BaseRagasEmbedding

    class Local(BaseRagasEmbedding):
        def embed_text(self, text: str, **_kwargs: Any) -> list[float]:
            vector: list[float] = embedder.embed([text])[0].tolist()
            return vector

        async def aembed_text(self, text: str, **kwargs: Any) -> list[float]:
            return self.embed_text(text, **kwargs)

    return Local()


def calibrate(labels: Sequence[bool], judged: Judged, threshold: float = 0.5) -> Calibration:
    """Hold a metric against human labels, item by item."""
    assert len(labels) == len(judged.scores), "a label is missing"
    pairs = [(y, s >= threshold) for y, s in zip(labels, judged.scores, strict=True) if s is not None]
    return Calibration(tuple(pairs), len(labels))


def labelled(items: int) -> tuple[list[Row], list[bool]]:
    """Hand-written grading answers with a clear label, as many that the claim bears out as others."""
    from evals.adversarial import load_cases

    written = [case for case in load_cases("dev", generated=False) if case.claim.kind != "misconception"]
    true = [case for case in written if case.labels == ("covered",)]
    false = [case for case in written if case.style in ("wrong", "negated", "swapped")]
    half = items // 2
    if min(len(true), len(false)) < half:
        raise SetupError(f"There are labels for {2 * min(len(true), len(false))} items, not for {items}.")
    step = [(group, len(group) / half) for group in (true, false)]
    chosen = [group[int(place * width)] for group, width in step for place in range(half)]
    rows = [Row(case.question, case.answer, (case.claim.text,), case.claim.text) for case in chosen]
    return rows, [True] * half + [False] * half


def answered(samples: Sequence[Mapping[str, Any]], questions: Mapping[str, str]) -> list[Row]:
    """The answers of a run, each with what it cites."""
    rows = []
    for sample in samples:
        given = (sample.get("value") or {}).get("answer") or []
        if given and sample["case"] in questions:
            text = " ".join(item["text"] for item in given)
            rows.append(Row(questions[sample["case"]], text, tuple(item["quote"] for item in given)))
    return rows


def trend_lines(found: Sequence[Judged], model: str, known: Mapping[str, str]) -> list[str]:
    """What a judge says of a run's answers, with what is known of the judge."""
    lines = []
    for judged in found:
        mean = f"{judged.mean:.3f}" if judged.mean is not None else "unmeasured"
        name = f"{judged.metric} of {model}"
        lines.append(
            f"{name}: {mean} over {len(judged.scores)} answers; {known.get(name, 'not calibrated: a trend only')}"
        )
    return lines


def add_to_report(home: "Home", run: str, lines: Sequence[str]) -> None:
    """Let the run's report show what judges said; `study eval report RUN` writes the page anew."""
    result = home.result(run)
    result.judges = list(lines)
    home.keep(result)


def first_samples(home: "Home", run: str, subject: str) -> list[Mapping[str, Any]]:
    """The measured first sample of each item of a run, as its journal has them.

    Raises:
        SetupError: the journal does not hold as many as the run counted.
    """
    from evals.suite.folders import read_rows

    result = home.result(run)
    begin = f"{subject}/first/candidate/0/"
    rows = read_rows(home.run_folder(result.id) / "journal.jsonl")
    found = {row["case"]: row for row in rows if row["key"].startswith(begin) and row["status"] != "unmeasured"}
    counted = {s.name: s.metrics[s.primary].items for s in result.subjects if s.primary in s.metrics}.get(subject, 0)
    if not found or len(found) != counted:
        raise SetupError(
            f"The run {result.id} measured {counted} items of {subject} and its journal holds {len(found)} first "
            "samples; judge a run that sampled them all, `study eval run --full`."
        )
    return list(found.values())


def main() -> int:
    """Run one part; exit code 11 where a metric is unmeasured."""
    from agent.app import App

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("calibrate", "trend"))
    parser.add_argument("run", nargs="?", default="latest")
    parser.add_argument("--items", type=int, default=FEWEST)
    given = parser.parse_args()
    with App.load_anywhere() as app:
        endpoint = _endpoint(app)
        if given.part == "calibrate":
            rows, labels = labelled(given.items)
            (judged,) = judge(rows, endpoint, None, ["faithfulness"])
            calibration = calibrate(labels, judged)
            print(f"faithfulness of {endpoint.model}: {calibration}")
            if judged.mean is not None:
                today = datetime.now(UTC).date().isoformat()
                keep(FOLDER, f"faithfulness of {endpoint.model}", calibration, today)
            found = [judged]
        else:
            found = judge(_answers(app, given.run), endpoint, app.embedder, METRICS[:2])
            lines = trend_lines(found, endpoint.model, calibrations(FOLDER))
            print("\n".join(lines))
            add_to_report(_home(app), given.run, lines)
    for judged in found:
        for number, why in list(judged.errors.items())[:5]:
            print(f"{judged.metric}, row {number}: {why}", file=sys.stderr)
    return 11 if any(judged.mean is None for judged in found) else 0


def _endpoint(app: "App") -> Endpoint:
    server, settings = app.embedded_server, app.settings
    if server is not None:
        return Endpoint(server.base_url, server.name, server.api_key)
    if settings.chat in ("none", "local"):
        raise SetupError("There is no chat model to judge with; set STUDY_CHAT, or `study model pull`.")
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    return Endpoint(app.endpoint_for(settings.chat), settings.chat, key, settings.timeout)


def _home(app: "App") -> "Home":
    from evals.suite.home import Home

    return Home(app.settings.root / ".study" / "evals")


def _answers(app: "App", run: str) -> list[Row]:
    from evals.suite.subjects import SUBJECTS

    home = _home(app)
    return answered(
        first_samples(home, run, "answering"),
        {case.id: str(case.input["question"]) for case in SUBJECTS["answering"]().cases()},
    )


if __name__ == "__main__":
    raise SystemExit(main())
