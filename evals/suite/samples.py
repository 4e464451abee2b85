"""Taking samples: one run of one case in one arm, written down as it is done."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from agent.domain.errors import ModelError
from evals.suite.chat import RETRIES, Call, Draw, MeasuredChat, Spent
from evals.suite.contract import Case, Subject, Unparsed, Value, Variant
from evals.suite.folders import append_rows, read_rows
from evals.suite.store import Store, digest, to_json
from evals.suite.transport import Transport
from graphs.prompts import replaced

Status = Literal["ok", "unparsed", "timed out", "failed", "unmeasured"]
Progress = Callable[[str, int, int], None]
"""Told what is being measured, how many samples are done and how many there are."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What became of one run of a case.

    `status`: `ok`; `unparsed`, `timed out` and `failed` are the subject's failures and score 0; `unmeasured` is the
    endpoint's failure and scores nothing. `broken` are the invariants that the value breaks, with a sentence each.
    `key` says which sample it is, and `output` is a digest of every reply and of the value.
    """

    key: str
    case: str
    repeat: int
    status: Status
    why: str = ""
    value: Value | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    output: str = ""
    spent: Spent = field(default_factory=Spent)
    seconds: float = 0.0

    @property
    def measured(self) -> bool:
        """Whether anything was learned about the subject."""
        return self.status != "unmeasured"


class Journal(Protocol):
    """The samples of a run that are done."""

    def get(self, key: str) -> Sample | None:
        """The sample, if it was taken."""
        ...

    def add(self, sample: Sample) -> None:
        """Write one down."""
        ...


class MemoryJournal:
    """For simulated nights."""

    def __init__(self) -> None:
        self._samples: dict[str, Sample] = {}

    def get(self, key: str) -> Sample | None:
        """See `Journal`."""
        return self._samples.get(key)

    def add(self, sample: Sample) -> None:
        """See `Journal`."""
        self._samples[sample.key] = sample


class FileJournal(MemoryJournal):
    """JSON lines, appended: a kill loses at most the sample that was being written.

    What is unmeasured is not taken up again: the endpoint may have been mended since.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        path.parent.mkdir(parents=True, exist_ok=True)
        for sample in (sample_from(row) for row in read_rows(path)):
            if sample.measured:
                super().add(sample)
        append_rows(path, [])  # a kill may have torn the last line off
        self._file = path.open("a", encoding="utf-8")

    def add(self, sample: Sample) -> None:
        """See `Journal`."""
        super().add(sample)
        self._file.write(to_json(sample) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def sample_from(row: Mapping[str, Any]) -> Sample:
    """Read a sample back from its JSON."""
    calls = tuple(Call(**call) for call in row["calls"])
    return Sample(**{**row, "calls": calls, "spent": Spent(**row["spent"])})


@dataclass(frozen=True, slots=True)
class Arm:
    """A variant and how its replies are drawn. `stage` and `name` part its samples from all others of the run."""

    stage: Literal["canary", "again", "first", "confirm", "broken"]
    name: Literal["baseline", "candidate"]
    variant: Variant
    temperature: float = 0.0
    sampled: bool = False
    salt: str = ""
    seed: int = 0

    def draw(self, case: Case, repeat: int) -> Draw:
        """The draw of one repeat; both arms draw apart, or they would agree by the shared seed."""
        if not self.sampled:
            return Draw(self.temperature, self.seed, repeat, self.salt)
        seed = int(digest([self.salt, self.stage, self.name, case.id, repeat]), 16) % 2**31
        return Draw(self.temperature, seed, repeat, self.salt)


@dataclass(slots=True)
class Bench:
    """What samples are taken with.

    `deadline`, on `clock`: no sample is begun that would end later, by the time that samples have taken so far; None
    for never.
    """

    transport: Transport
    store: Store
    journal: Journal
    concurrency: int = 1
    deadline: float | None = None
    clock: Callable[[], float] = time.monotonic
    progress: Progress | None = None
    retries: Sequence[float] = RETRIES
    typical: float = 0.0

    def out_of_time(self) -> bool:
        """Whether another sample would end after the deadline."""
        return self.deadline is not None and self.clock() + self.typical >= self.deadline

    def take(self, subject: Subject, arm: Arm, cases: Sequence[Case], *, repeat: int = 0) -> list[Sample]:
        """Take one repeat of every case, those in the journal from there; fewer where the time runs out."""
        label, done = f"{subject.name} ({arm.stage}, {arm.name})", 0

        def one(case: Case) -> Sample | None:
            nonlocal done
            sample = self._one(subject, arm, case, repeat)
            if sample is not None and self.progress is not None:
                done += 1  # a count for the eye: two threads may lose one
                self.progress(label, done, len(cases))
            return sample

        if self.concurrency == 1 or not subject.uses_chat:
            taken = [one(case) for case in cases]
        else:
            with ThreadPoolExecutor(self.concurrency) as pool:
                taken = list(pool.map(one, cases))
        return [sample for sample in taken if sample is not None]

    def _one(self, subject: Subject, arm: Arm, case: Case, repeat: int) -> Sample | None:
        key = f"{subject.name}/{arm.stage}/{arm.name}/{repeat}/{case.id}"
        known = self.journal.get(key)
        if known is not None:
            return known
        if self.out_of_time():
            return None
        chat = MeasuredChat(self.transport, self.store, arm.draw(case, repeat), retries=self.retries)
        began = self.clock()
        sample = run_case(subject, arm.variant, case, chat, key, repeat)
        took = self.clock() - began
        if not chat.spent.cached:
            self.typical = took if self.typical == 0 else 0.8 * self.typical + 0.2 * took
        sample = replace(sample, spent=chat.spent, seconds=round(took, 3))
        self.journal.add(sample)
        return sample


def run_case(subject: Subject, variant: Variant, case: Case, chat: MeasuredChat, key: str, repeat: int) -> Sample:
    """Run and score one case. What the endpoint did decides before what the subject made of it."""
    value: Value | None = None
    why = ""
    status: Status = "ok"
    try:
        with replaced(variant.templates):
            value = subject.run(case, chat, variant.options)
    except Unparsed as error:
        status, why = "unparsed", str(error)
    except ModelError as error:
        status, why = "failed", str(error)
    endings = {call.status: call.why for call in chat.calls}
    if "infrastructure" in endings:
        status, why = "unmeasured", endings["infrastructure"]
    elif "timed out" in endings:
        status, why = "timed out", endings["timed out"]
    elif chat.unparsed:
        status, why = "unparsed", chat.unparsed
    calls = tuple(chat.calls)
    if status == "unmeasured":
        return Sample(key, case.id, repeat, status, why, calls=calls)
    output = digest([value, chat.replies])
    broken = {}
    if value is not None:
        told = {invariant.name: invariant.broken(case, value) for invariant in subject.invariants}
        broken = {name: sentence for name, sentence in told.items() if sentence}
    if status != "ok" or value is None:
        scores: Mapping[str, float | None] = {subject.scorer.metrics[0]: 0.0}
    else:
        scores = subject.scorer.score(case, value)
    return Sample(key, case.id, repeat, status, why, value, scores, broken, calls, output)
