"""Labs: scaffolding, entering what was run elsewhere, and what each level still needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.app.container import App
from agent.app.lab_run import Ran, file_run, find_plan
from agent.domain.attempt import content_hash
from agent.domain.errors import StudyError, UsageError, WorkspaceError
from agent.domain.gate import GateEvidence, Requirement, gates, run_fault
from agent.domain.lab import TEACHING, LabEvidence, RunRecord
from agent.domain.lab_output import LabOutput
from agent.domain.level import Level
from agent.workspace.lab_file import find_lab, lab_folders, read_plan
from agent.workspace.lab_runs import Table, known_run, look_at_table, write_table
from agent.workspace.lab_scaffold import new_lab
from agent.workspace.labs import DOCUMENTS, read_lab, read_run, run_files, run_hashes
from agent.workspace.link_check import dead_links


@dataclass(frozen=True, slots=True)
class Reported:
    """A run made elsewhere, as its owner tells it. `output` is what it printed, `metrics` are `NAME=VALUE`."""

    variant: str
    exit_code: int
    seconds: float
    output: str = ""
    metrics: Sequence[str] = ()
    machine: str = ""
    started: datetime | None = None


def scaffold(app: App, query: str, slug: str) -> list[str]:
    """Make a lab on a topic from its note and list its files; nothing is ever overwritten.

    Raises:
        UsageError: the topic is not clear, or the lab is there already.
    """
    topic = app.workspace.topic(query)
    try:
        towards = app.workspace.note(topic.id).towards
    except WorkspaceError:
        towards = {}  # a lab may come before the note
    return new_lab(app.settings.root, topic, towards, slug)


def record_lab(app: App, query: str, told: Reported) -> Ran:
    """Put a run on file that was made elsewhere, marked as reported; entering the same one twice changes nothing.

    Raises:
        UsageError: there is no such lab or variant, or a metric is not `NAME=NUMBER`.
        WorkspaceError: the declaration is not valid, or the record cannot be written.
    """
    root = app.settings.root
    folder, plan = find_plan(app, query, told.variant)
    slug = folder.removeprefix("lab/")
    output = LabOutput(told.variant or slug)
    list(output.feed(told.output.encode("utf-8", "replace"), final=True))
    output.readings.take({"metrics": dict(map(_metric, told.metrics))})
    code, env = run_hashes(root, folder)
    values = {
        "lab": slug,
        "command": plan.words(told.variant),
        "exit_code": told.exit_code,
        "duration_s": told.seconds,
        "code_sha256": code,
        "env_sha256": env,
        "output_tail": output.tail,
        "variant": told.variant,
        "results": output.readings.results,
        "machine": told.machine,
        "reported": True,
    }
    id = content_hash([values, told.started.isoformat() if told.started else ""])[:8]
    known = known_run(root, folder, id)
    again = read_run(root, known).record if known else None
    record = again or RunRecord.model_validate({**values, "id": id, "started": told.started or app.clock.now()})
    remarks = [f"Metrics: {fault}." for fault in output.readings.faults]
    return file_run(app, folder, plan, record, [*remarks, *(["It was on file already."] if again else [])])


def _metric(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise UsageError(f"{text!r} is no metric; write 'step (ms)=41.2'.") from None


@dataclass(frozen=True, slots=True)
class LabState:
    """What a lab has and lacks.

    `plan_fault` says why it cannot be run, "" where it can. `table` is None where there is nothing to say of it.
    `requirements` are those of every level above L1; `level` is the highest that the lab carries, L1 for none.
    """

    folder: str
    topics: tuple[str, ...]
    plan_fault: str
    requirements: tuple[Requirement, ...]
    level: Level
    unmeasured: tuple[str, ...]
    table: Table | None


def lab_states(app: App, query: str | None) -> list[LabState]:
    """Look at one lab, or at all of them.

    Raises:
        UsageError: there is no such lab.
        WorkspaceError: its folder leads outside the workspace or holds too many files.
    """
    folders = [find_lab(app.settings.root, query)] if query else lab_folders(app.settings.root)
    return [_state(app, folder) for folder in folders]


def _state(app: App, folder: str) -> LabState:
    root = app.settings.root
    # As if the folder were given as evidence: whether it is linked is a matter of the row, not of the lab.
    linked = [*(f"{folder}/{name}" for name in DOCUMENTS), *run_files(root, folder)]
    lab = read_lab(root, folder, linked)
    requirements = tuple(r for r in gates(Level.L5, _as_evidence(app, lab), app.policy) if r.level > Level.L1)
    missing = [r.level for r in requirements if not r.met]
    fault, unmeasured = "", tuple[str, ...]()
    table: Table | None = None
    try:
        plan = read_plan(root, folder)
        table = look_at_table(root, folder, variants=list(plan.variants), metrics=plan.metrics)
        unmeasured = tuple(name for name in plan.variants if not _measured(lab, name))
    except StudyError as error:
        fault = str(error)
    level = max(level for level in Level if level >= Level.L1 and not any(m <= level for m in missing))
    return LabState(folder, lab.topics, fault, requirements, level, unmeasured, table)


def _as_evidence(app: App, lab: LabEvidence) -> GateEvidence:
    path = f"{lab.path}/{TEACHING}"
    dead = dead_links(app.settings.root, path, lab.texts[TEACHING]) if TEACHING in lab.texts else []
    topic = lab.topics[0] if lab.topics else ""
    return GateEvidence(topic=topic, note=None, labs=[lab], dead_links={path: [finding.message for finding in dead]})


def _measured(lab: LabEvidence, variant: str) -> bool:
    return any(run.record is not None and run.record.variant == variant and not run_fault(run, lab) for run in lab.runs)


def draw_table(app: App, query: str) -> Table:
    """Write the measured table of a lab anew from its records.

    Raises:
        UsageError: there is no such lab.
        WorkspaceError: it cannot be written.
    """
    folder, plan = find_plan(app, query, "")
    return write_table(app.settings.root, folder, variants=list(plan.variants), metrics=plan.metrics)
