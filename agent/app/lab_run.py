"""Running a lab: its environment, its command under limits, the record, and the table that follows from it."""

import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import agent
from agent.app.container import App
from agent.domain.errors import StudyError, UsageError, WorkspaceError
from agent.domain.happened import lab_ran
from agent.domain.lab import RESULTS, RunRecord
from agent.domain.lab_output import LabOutput, Readings
from agent.domain.lab_plan import LabPlan
from agent.ports.lab import Environment, EnvironmentSpec, Job, Outcome
from agent.workspace.files import locked
from agent.workspace.lab_file import find_lab, read_plan, topics_of
from agent.workspace.lab_runs import Table, write_run, write_table
from agent.workspace.labs import run_hashes

# What a lab gets of our environment; `lab_env` adds names to it, none of them a setting of ours.
PASSED = "PATH HOME USER LANG LC_ALL LC_CTYPE TZ TMPDIR XDG_CACHE_HOME LD_LIBRARY_PATH CUDA_VISIBLE_DEVICES".split()
# What an installation gets besides: how to reach the package index.
INSTALLS = (
    "XDG_CONFIG_HOME SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE "
    "HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy"
).split()
MAX_METRICS_FILE = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of a run: `say` what is done with the lab, `line` a line that it printed, neutralised."""

    say: Callable[[str], None]
    line: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ran:
    """A run on file: its record, the record's path, the table, and sentences on what the user should know."""

    record: RunRecord
    path: str
    table: Table
    remarks: tuple[str, ...] = ()


def run_lab(
    app: App, query: str, listener: Listener, *, variant: str = "", seconds: float = 0, memory_mib: int = 0
) -> Iterator[Ran]:
    """Run a lab, all its variants or the one named, and give each run once it is on file.

    `seconds` and `memory_mib` of 0 leave it to the lab's declaration, else to the settings.

    Raises:
        UsageError: there is no such lab or variant.
        WorkspaceError: the declaration is missing or not valid.
        SetupError: the environment cannot be made, or the command cannot be started.
        BusyError: the lab runs already.
    """
    root = app.settings.root
    folder, plan = find_plan(app, query, variant)
    limits = plan.limits
    job = Job(
        command=plan.command,
        folder=root / folder,
        seconds=seconds or limits.seconds or app.settings.lab_seconds,
        memory_mib=memory_mib or limits.memory_mib or app.settings.lab_memory,
    )
    slug = folder.removeprefix("lab/")
    with locked(root, f"lab-{slug}", seconds=0, busy=f"{folder} is running in another terminal; wait for it."):
        bench = _Bench(app, folder, plan, _environment(app, folder, plan, listener), job, listener)
        for name in [variant] if variant else list(plan.variants) or [""]:
            yield bench.run(name)


def find_plan(app: App, query: str, variant: str) -> tuple[str, LabPlan]:
    """Find a lab's folder and read its declaration.

    Raises:
        UsageError: there is no such lab, or it declares no such variant.
        WorkspaceError: the declaration is missing or not valid.
    """
    folder = find_lab(app.settings.root, query)
    plan = read_plan(app.settings.root, folder)
    if variant and variant not in plan.variants:
        raise UsageError(f"{folder} declares no variant {variant!r}; it has {', '.join(plan.variants) or 'none'}.")
    return folder, plan


def _environment(app: App, folder: str, plan: LabPlan, listener: Listener) -> Environment | None:
    if plan.environment == "none":
        return None
    own, file, place = plan.environment == "study", plan.requirements, app.settings.root / folder
    if not own and not (place / file).is_file():
        raise WorkspaceError(
            f"{folder}/{file} does not exist; write what the lab needs into it, or name another in {folder}/lab.toml."
        )
    spec = EnvironmentSpec(place, file, run_hashes(app.settings.root, folder)[1], own=own)
    return app.lab_runner.prepare(spec, listener.say)


@dataclass(frozen=True, slots=True)
class _Bench:
    """A lab that is ready to be run."""

    app: App
    folder: str
    plan: LabPlan
    environment: Environment | None
    job: Job
    listener: Listener

    def run(self, variant: str) -> Ran:
        """Run a variant and put it on file."""
        root, slug = self.app.settings.root, self.folder.removeprefix("lab/")
        words, job = self.plan.words(variant), self.job
        named = f"{slug} ({variant})" if variant else slug
        self.listener.say(f"{named}: {' '.join(words)}, at most {job.seconds:g} s and {job.memory_mib:,} MiB")
        before = run_hashes(root, self.folder)
        started = self.app.clock.now()
        output = LabOutput(variant or slug)
        outcome = self._execute(words, variant, output)
        record = RunRecord(
            id=uuid4().hex[:8],
            lab=slug,
            command=words,
            exit_code=outcome.exit_code,
            started=started,
            duration_s=round(outcome.duration_s, 3),
            code_sha256=before[0],
            env_sha256=before[1],
            output_tail=output.tail,
            variant=variant,
            results=output.readings.results,
            ended=outcome.ended,
            machine=_machine(self.environment),
            peak_mib=round(outcome.peak_mib, 1) if outcome.peak_mib is not None else None,
        )
        remarks = list(_remarks(record, output.readings, job))
        if run_hashes(root, self.folder) != before:
            remarks.append(f"The code of {self.folder} changed while it ran: for L2, run it again as it is now.")
        return file_run(self.app, self.folder, self.plan, record, remarks)

    def _execute(self, words: Sequence[str], variant: str, output: LabOutput) -> Outcome:
        def heard(piece: bytes, *, final: bool = False) -> None:
            for line in output.feed(piece, final=final):
                self.listener.line(line)

        variables = lab_variables(self.app, self.environment, self.plan)
        if self.environment is not None and words[0] in ("python", "python3"):
            words = (str(self.environment.python), *words[1:])
        with tempfile.TemporaryDirectory(prefix="study-lab-") as scratch:
            metrics = Path(scratch) / "metrics.json"
            variables |= {"LAB_METRICS": str(metrics), "LAB_VARIANT": variant}
            outcome = self.app.lab_runner.run(replace(self.job, command=tuple(words), variables=variables), heard)
            heard(b"", final=True)
            _read_metrics(metrics, output.readings)
        return outcome


def file_run(app: App, folder: str, plan: LabPlan, record: RunRecord, remarks: Sequence[str]) -> Ran:
    """Write a record, then what follows from it: whatever fails after the record takes nothing away from it.

    Raises:
        WorkspaceError: the record cannot be written.
    """
    root = app.settings.root
    path = write_run(root, record)
    app.workspace.events.try_add(lab_ran(record, path, topics_of(root, folder)))
    try:
        table = write_table(root, folder, variants=list(plan.variants), metrics=plan.metrics)
    except StudyError as error:
        table = Table(f"{folder}/{RESULTS}", str(error).rstrip("."))
    return Ran(record, path, table, tuple(remarks))


def _remarks(record: RunRecord, readings: Readings, job: Job) -> Iterator[str]:
    if record.ended == "time":
        yield f"Ended after {job.seconds:g} s, its time limit; raise it with --seconds or in lab.toml."
    if record.ended == "memory":
        yield f"Ended at {job.memory_mib:,} MiB, its memory limit; raise it with --memory or in lab.toml."
    yield from (f"Metrics: {fault}." for fault in readings.faults)
    if record.exit_code == 0 and not record.results:
        yield 'No metrics were printed, so nothing goes into the table; print a line {"metrics": {"step (ms)": 41.2}}.'


def _read_metrics(path: Path, readings: Readings) -> None:
    if not path.is_file():  # a lab may have made anything of it, a pipe that never ends too
        return
    try:
        with path.open("rb") as file:
            data = file.read(MAX_METRICS_FILE + 1)
    except OSError as error:
        readings.faults.append(f"the file of LAB_METRICS cannot be read: {error.strerror}")
        return
    if len(data) > MAX_METRICS_FILE:
        readings.faults.append(f"the file of LAB_METRICS has more than {MAX_METRICS_FILE:,} bytes and was not read")
        return
    readings.read_file(data.decode("utf-8", "replace"))


def _machine(environment: Environment | None) -> str:
    python = f", Python {environment.version}" if environment else ""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count() or 1} cores{python}"


def lab_variables(app: App, environment: Environment | None, plan: LabPlan) -> dict[str, str]:
    """Give the environment variables of a run: an allow-list of ours, never a secret of ours."""
    given = _passed((*PASSED, *app.settings.lab_env))
    given |= {"PYTHONUNBUFFERED": "1", "STUDY_ROOT": str(app.settings.root), "STUDY_CACHE": str(app.settings.cache)}
    if environment is not None:
        given["PATH"] = f"{environment.programs}{os.pathsep}{given.get('PATH', os.defpath)}"
    if plan.environment == "study":
        given["PYTHONPATH"] = str(Path(agent.__file__).parents[1])
    return given


def install_variables() -> dict[str, str]:
    """Give the environment variables of an installation."""
    return _passed((*PASSED, *INSTALLS, *(name for name in os.environ if name.startswith("PIP_"))))


def _passed(names: Sequence[str]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}
