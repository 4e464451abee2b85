"""A run on disk: its folder, what a killed one left, the calls' store, the history, and the promotion of a run.

Everything lies under `.study/evals/` of the workspace, disposable and ignored by git; baselines are in the repository.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.domain.errors import UsageError
from evals.suite import baseline as baselines
from evals.suite.baseline import RELEASED, Baseline, read_baseline
from evals.suite.calibration import calibrations
from evals.suite.canary import place
from evals.suite.chat import RETRIES
from evals.suite.contract import CURRENT, Subject
from evals.suite.decision import EXIT, Verdict, overall
from evals.suite.engine import Engine
from evals.suite.folders import append_rows, open_run, read_json, write_json
from evals.suite.gates import demoted, noticed
from evals.suite.home import Home
from evals.suite.plan import Options, Plan, in_order, plan_subject
from evals.suite.result import RunResult
from evals.suite.samples import Bench, FileJournal, Progress
from evals.suite.store import FileStore
from evals.suite.summary import broken_cases, primary_scores, summarise
from evals.suite.track import Track
from evals.suite.transport import Replay, Transport
from graphs.prompts import template_text

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Price:
    """What the endpoint asks for a million tokens, in any currency."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def of(self, spent: Mapping[str, float]) -> float:
        """The price of what was spent."""
        return (self.tokens_in * spent["tokens_in"] + self.tokens_out * spent["tokens_out"]) / 1e6


@dataclass(slots=True)
class Session:
    """One `study eval run`. Close nothing: files are whole after every sample.

    `began`: when the budget began to run, on `timer`; the loading of a model belongs to it. `replay`: nobody is asked;
    what the last run of the same comparison kept is scored again.
    """

    home: Home
    transport: Transport
    subjects: Sequence[Subject]
    options: Options
    changed_only: bool = False
    replay: bool = False
    budget_minutes: float | None = None
    concurrency: int = 1
    price: Price | None = None
    progress: Progress | None = None
    retries: Sequence[float] = RETRIES
    clock: Clock = field(default=lambda: datetime.now(UTC))
    timer: Callable[[], float] = time.monotonic
    began: float | None = None
    resumed: bool = False

    def run(self) -> RunResult:
        """Run to the end or to the end of the budget, going on where a killed run of the same plan left off."""
        with self.home.held():
            return self._run()

    def _run(self) -> RunResult:
        state = _State.read(self.home.folder / "state.json")
        folder = self.home.baselines
        found = {s.name: None if self.options.anew else read_baseline(s.name, folder) for s in self.subjects}
        epochs = {name: count - self.replay for name, count in state.epochs.items()}
        transport = Replay(self.transport) if self.replay else self.transport
        plans = [
            plan_subject(subject, found[subject.name], self.options, transport.identity, epochs)
            for subject in self.subjects
        ]
        if self.changed_only:
            plans = [plan for plan in plans if plan.kind != "unchanged"]
        plans = in_order(plans, state.measured)
        opened = open_run(self.home.folder, plans, self.options, self.clock())
        id, folder, self.resumed = opened.id, opened.folder, opened.resumed
        journal, store = FileJournal(folder / "journal.jsonl"), FileStore(self.home.folder / "replies.sqlite")
        began = self.timer() if self.began is None else self.began
        deadline = began + 60 * self.budget_minutes if self.budget_minutes is not None else None
        bench = Bench(transport, store, journal, self.concurrency, deadline, self.timer, self.progress, self.retries)
        try:
            # Planted damage tries the gate itself: one that lost its say wins it back by noticing.
            lost = {n: why for n, why in demoted(self.home.baselines).items() if n not in self.options.variants}
            tracks = Engine(bench, lost, state.canaries).run(plans)
            result = self._result(id, opened.started, plans, tracks, store, (self.timer() - began) / 60)
        finally:
            journal.close()
            store.close()
        self._keep(folder, result, tracks)
        if not self.replay:
            state.note(tracks, result).write(self.home.folder / "state.json")
            append_rows(self.home.folder / "history.jsonl", history_rows(result))
        return result

    def _result(
        self, id: str, started: str, plans: Sequence[Plan], tracks: Sequence[Track], store: FileStore, minutes: float
    ) -> RunResult:
        released = {t.name: read_baseline(t.name, self.home.baselines / RELEASED) for t in tracks}
        subjects = [summarise(track, released[track.name], store) for track in tracks]
        for subject, track in zip(subjects, tracks, strict=True):
            model = subject.fingerprint["model"].split()[0]
            subject.noticed = noticed(self.home.baselines, track.plan.subject, model)
        reached = {subject.name for subject in subjects}
        left = [plan for plan in plans if plan.subject.name not in reached]
        waiting: list[Verdict] = ["budget spent" for plan in left if plan.kind != "unchanged"]
        verdict = overall([*(subject.verdict for subject in subjects), *waiting]) if plans else "not worse"
        cost = sum(self.price.of(subject.spent) for subject in subjects) if self.price else None
        return RunResult(
            id=id,
            started=started,
            finished=self.clock().isoformat(timespec="seconds"),
            verdict=verdict,
            exit_code=EXIT[verdict],
            subjects=subjects,
            not_reached=[plan.subject.name for plan in left],
            budget_minutes=self.budget_minutes,
            minutes=round(minutes, 2),
            model=self.transport.name,
            cost=cost,
            judges=[f"{judge}: {told}" for judge, told in calibrations(self.home.baselines).items()],
        )

    def _keep(self, folder: Path, result: RunResult, tracks: Sequence[Track]) -> None:
        """The drafts of baselines first: a result is only there when it can be promoted."""
        for track in tracks:
            draft = draft_baseline(track, result)
            if draft is not None:
                baselines.write_baseline(draft, folder / "drafts")
        self.home.keep(result)


def draft_baseline(track: Track, result: RunResult) -> Baseline | None:
    """What a promotion of this run would write for a subject; None where it does not hold all of the items."""
    plan = track.plan
    measured = {sample.case for sample in track.candidate if sample.measured}
    summary = next(subject for subject in result.subjects if subject.name == track.name)
    if plan.options.sources is not None or not summary.complete or track.done is None or track.done[0] == "invalid":
        return None
    texts = {name: plan.candidate.templates.get(name) or template_text(name) for name in plan.subject.templates}
    outputs = {sample.case: sample.output for sample in track.candidate if sample.repeat == 0}
    canary = plan.canary_cases if track.repeatable else []
    return Baseline(
        subject=track.name,
        promoted="",
        run=result.id,
        why="",
        fingerprint=summary.fingerprint,
        repeatable=track.repeatable,
        summary={name: [round(m.mean, 4), round(m.low, 4), round(m.high, 4)] for name, m in summary.metrics.items()},
        templates=baselines.template_lines(plan.subject, texts),
        known=broken_cases([*track.candidate, *track.fresh_candidate]),
        canary={case.id: outputs[case.id] for case in canary},
        unmeasured=sorted(case.id for case in plan.subject.cases() if case.id not in measured),
        below=baselines.below_one(plan.cases, primary_scores(track)),
    )


def promote(
    home: Home, id: str, why: str, today: str, *, only: Sequence[str] = (), released: bool = False
) -> list[Path]:
    """Make a run's figures the baseline of its subjects; `released` makes them the second reference too.

    Raises:
        UsageError: no reason is given, there is no such run, it measured planted damage, or it does not hold all
            items of a subject.
    """
    if not why.strip():
        raise UsageError('A promotion needs a reason: `study eval promote RUN --why "…"`.')
    result = home.result(id)
    if result.planted:
        raise UsageError(
            f"The run {result.id} measured damage ({', '.join(result.planted)}), not the working tree; "
            "promote a run without --defect."
        )
    names = [subject.name for subject in result.subjects if not only or subject.name in only]
    folder = home.run_folder(result.id) / "drafts"
    drafts = {name: read_baseline(name, folder) for name in names}
    ready = {name: draft for name, draft in drafts.items() if draft is not None}
    lacking = sorted(set(only or names) - set(ready))
    if lacking and (only or not ready):
        raise UsageError(
            f"The run {result.id} does not hold every item of {', '.join(lacking)}; "
            "measure with `study eval run --full` and promote that run."
        )
    written = []
    for draft in ready.values():
        fields = {name: getattr(draft, name) for name in Baseline.__slots__}
        final = Baseline(**{**fields, "promoted": today, "why": why.strip()})
        written.append(baselines.write_baseline(final, home.baselines))
        if released:
            written.append(baselines.write_baseline(final, home.baselines / RELEASED))
    return written


def history_rows(result: RunResult) -> list[dict[str, Any]]:
    """What the trend shows of a run; planted damage is none of it."""
    rows = []
    for subject in result.subjects:
        metric = subject.metrics.get(subject.primary)
        if metric is not None and not subject.planted:
            row = {"mean": metric.mean, "low": metric.low, "high": metric.high, "items": metric.items}
            rows.append(
                {"at": result.finished, "run": result.id, "subject": subject.name, **row}
                | {"verdict": subject.verdict, "same_p": subject.same_p}
            )
    return rows


@dataclass(slots=True)
class _State:
    """Between runs: when each subject was measured last, how many verdicts each comparison had, the canaries' bytes."""

    measured: dict[str, str] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    canaries: dict[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "_State":
        """An unreadable one counts as none: it only decides what comes first and what is sampled anew."""
        try:
            return cls(**read_json(path))
        except (OSError, ValueError, TypeError):
            return cls()

    def note(self, tracks: Sequence[Track], result: RunResult) -> "_State":
        """After a run: a comparison with a verdict starts anew next time, one that is unfinished goes on."""
        for track in tracks:
            finished: Verdict | None = track.done[0] if track.done else None
            if finished != "budget spent":
                comparison, epoch = track.plan.salt.split("/")
                self.epochs[comparison] = int(epoch) + 1
                if track.plan.candidate == CURRENT:
                    self.measured[track.name] = result.finished
            if track.outputs and track.plan.elsewhere:
                self.canaries[place(track.plan)] = track.outputs
        return self

    def write(self, path: Path) -> None:
        write_json(path, asdict(self))
