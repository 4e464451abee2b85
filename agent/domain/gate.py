"""Gates: what must exist, be linked and hold before a level may be proposed, approved or kept.

Every gate asks for all gates below it as well, and is judged by what the evidence says, not by its being there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agent.domain.attempt import Attempt
from agent.domain.evidence import comparison_gap, failure_gap, hook_gap, limit_gap, readme_gap, teaching_gap
from agent.domain.lab import DESIGN, README, RESULTS, TEACHING, LabEvidence, RunFile
from agent.domain.lab_table import table_gap
from agent.domain.level import Level
from agent.domain.note import Note
from agent.domain.pass_rule import recheck
from agent.domain.quiz import Policy

MAX_RUNS_NAMED = 2


@dataclass(frozen=True, slots=True)
class SessionEvidence:
    """A linked session file as it was read: the attempts its front matter names."""

    path: str
    topics: tuple[str, ...]
    attempts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Writeup:
    """A linked markdown file that is no lab document, session or note."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """Everything that a topic's links lead to, as it was read.

    `note_gap` says why there is no note. `approved` holds the ids of attempts, unchanged since, on which an intact
    decision in the ledger already rests. `unreadable` says, a sentence each, which links could not be read.
    `dead_links` maps a document's path to what its links lack.
    """

    topic: str
    note: Note | None
    note_gap: str = ""
    sessions: Sequence[SessionEvidence] = ()
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    approved: frozenset[str] = frozenset()
    labs: Sequence[LabEvidence] = ()
    writeups: Sequence[Writeup] = ()
    dead_links: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unreadable: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a gate asks for; `reason` says what is missing and is "" when it is met.

    `asks` names what asks for it where that is no level: the tick of a milestone's box.
    """

    level: Level
    what: str
    reason: str = ""
    asks: str = ""

    @property
    def met(self) -> bool:
        """Whether nothing is missing."""
        return not self.reason

    @property
    def sentence(self) -> str:
        """Say it in one sentence, e.g. “L3 needs a failure analysis in lab/x/RESULTS.md: the section is missing.”."""
        return f"{self.asks or self.level} needs {self.what}: {(self.reason or 'it is there').rstrip('.')}."


def gates(to_level: Level, evidence: GateEvidence, policy: Policy) -> list[Requirement]:
    """Check every gate up to a level, lowest first."""
    found = [Requirement(Level.L1, "evidence that can be read", reason) for reason in evidence.unreadable]
    if to_level >= Level.L1:
        found.insert(0, _l1(evidence, policy))
    lab_gates = {Level.L2: lab_run, Level.L3: lab_results, Level.L4: lab_design}
    for level, gate in lab_gates.items():
        if to_level >= level:
            found += _best_lab(level, gate, evidence)
    if to_level >= Level.L5:
        found.append(_teaching(evidence))
    return found


def _l1(evidence: GateEvidence, policy: Policy) -> Requirement:
    what = "a session whose quiz attempt passed"
    for session in evidence.sessions:
        if evidence.approved.intersection(session.attempts):
            return Requirement(Level.L1, what)
    if evidence.note is None:
        return Requirement(Level.L1, what, evidence.note_gap)
    return l1_requirement(evidence.note, evidence.sessions, evidence.attempts, policy)


def l1_requirement(
    note: Note, sessions: Sequence[SessionEvidence], attempts: Mapping[str, Attempt], policy: Policy
) -> Requirement:
    """L1 asks for a linked session whose attempt on this topic passed.

    The attempt's own turns are judged anew; what the session's front matter says of itself counts for nothing.
    """
    what = "a session whose quiz attempt passed"
    if passed_attempt(note, sessions, attempts, policy) is not None:
        return Requirement(Level.L1, what)
    reasons: list[str] = []
    for session in sessions:
        for attempt_id in session.attempts:
            attempt = attempts.get(attempt_id)
            if attempt is None:
                reasons.append(f"{session.path} names the attempt {attempt_id}, which is not in progress/attempts/")
                continue
            reasons.append(f"{session.path}: {recheck(attempt, note, attempts, policy)[0]}")
        if not session.attempts:
            reasons.append(f"{session.path} names no quiz attempt")
    return Requirement(Level.L1, what, "; ".join(reasons) or "no session is linked")


def passed_attempt(
    note: Note, sessions: Sequence[SessionEvidence], attempts: Mapping[str, Attempt], policy: Policy
) -> Attempt | None:
    """Find the attempt that opens the gate of L1, judged anew; the first one that a linked session names."""
    named = (attempts[a] for session in sessions for a in session.attempts if a in attempts)
    return next((attempt for attempt in named if not recheck(attempt, note, attempts, policy)), None)


LabGate = Callable[[LabEvidence, str], Iterator[Requirement]]


def _best_lab(level: Level, gate: LabGate, evidence: GateEvidence) -> list[Requirement]:
    """Give what the lab that comes nearest to a level has and lacks; any one lab may carry a level."""
    if not evidence.labs:
        return [Requirement(level, "a lab folder", "no file of a folder below lab/ is linked")]
    checked = [list(gate(lab, evidence.topic)) for lab in evidence.labs]
    return min(checked, key=lambda found: sum(not r.met for r in found))


def lab_run(lab: LabEvidence, topic: str) -> Iterator[Requirement]:
    """L2: a README, an environment spec, code, and a recorded run of that code that exited 0."""
    other = f"its front matter says that the lab is about {', '.join(lab.topics)}"
    about = other if lab.topics and topic not in lab.topics else ""
    yield Requirement(
        Level.L2, f"a README in {lab.path}", _document_gap(lab, README) or readme_gap(lab.texts[README]) or about
    )
    spec = "" if lab.env_specs else "there is none that says anything (requirements.txt, pyproject.toml, uv.lock, …)"
    yield Requirement(Level.L2, f"an environment spec in {lab.path}", spec)
    code = f"{lab.outside[0]} leads outside the workspace" if lab.outside else ""
    yield Requirement(Level.L2, f"code in {lab.path}", code or ("" if lab.code_sha256 else "there is none"))
    yield Requirement(Level.L2, f"a recorded run of {lab.path} that exited 0", _run_gap(lab))


def _run_gap(lab: LabEvidence) -> str:
    if not lab.runs:
        return f"there is no record in {lab.path}/runs/"
    faults = [(run, run_fault(run, lab)) for run in lab.runs]
    sound = [run.path for run, fault in faults if not fault]
    if any(path in lab.linked for path in sound):
        return ""
    if sound:
        return f"{sound[-1]} is not among the evidence links"
    # The newest say most; a long history is not repeated.
    return "; ".join(f"{run.path} {fault}" for run, fault in reversed(faults[-MAX_RUNS_NAMED:]))


def run_fault(run: RunFile, lab: LabEvidence) -> str:
    """Say what keeps a run from proving that the lab works as it is now; "" where nothing does."""
    record = run.record
    if record is None:
        return run.fault
    if record.sha256 != record.computed_hash():
        return "was edited or written by hand: its hash does not match"
    if f"lab/{record.lab}" != lab.path:
        return f"is a run of lab/{record.lab}"
    if record.exit_code != 0:
        return f"exited {record.exit_code}"
    if record.code_sha256 != lab.code_sha256:
        return "ran other code than the lab has now; run it again"
    if record.env_sha256 != lab.env_sha256:
        return "ran with another environment spec than the lab has now; run it again"
    return ""


def lab_results(lab: LabEvidence, _topic: str) -> Iterator[Requirement]:
    """L3: at least two variants measured on the same metric, and a failure analysis."""
    missing = _document_gap(lab, RESULTS)
    if missing:
        yield Requirement(Level.L3, f"results in {lab.path}/{RESULTS}", missing)
        return
    text = lab.texts[RESULTS]
    what = f"two variants measured on the same metric in {lab.path}/{RESULTS}"
    yield Requirement(Level.L3, what, comparison_gap(text) or table_gap(text, lab))
    yield Requirement(Level.L3, f"a failure analysis in {lab.path}/{RESULTS}", failure_gap(text))


def lab_design(lab: LabEvidence, _topic: str) -> Iterator[Requirement]:
    """L4: explicit limits on latency, memory and cost, hooks for monitoring and evaluation, robust I/O."""
    missing = _document_gap(lab, DESIGN)
    path = f"{lab.path}/{DESIGN}"
    if missing:
        yield Requirement(Level.L4, f"a design in {path}", missing)
        return
    text = lab.texts[DESIGN]
    for kind in ("latency", "memory", "cost"):
        yield Requirement(Level.L4, f"a {kind} limit in {path}", limit_gap(text, kind))
    yield Requirement(Level.L4, f"monitoring hooks in {path}", hook_gap(text, "monitoring"))
    yield Requirement(Level.L4, f"eval hooks in {path}", hook_gap(text, "eval"))
    yield Requirement(Level.L4, f"robust I/O in {path}", hook_gap(text, "io"))


def _teaching(evidence: GateEvidence) -> Requirement:
    """L5: a writeup that others can follow, a lab's TEACHING.md or another linked markdown file."""
    texts = [
        (f"{lab.path}/{TEACHING}", lab.texts[TEACHING])
        for lab in evidence.labs
        if TEACHING in lab.texts and not _document_gap(lab, TEACHING)
    ]
    texts += [(writeup.path, writeup.text) for writeup in evidence.writeups]
    gaps = [(path, teaching_gap(text, evidence.dead_links.get(path, ()))) for path, text in texts]
    best = min(gaps, key=lambda gap: bool(gap[1]), default=None)
    if best is not None:
        return Requirement(Level.L5, f"a writeup that others can follow in {best[0]}", best[1])
    reason = next((f"{lab.path}/{TEACHING}: {_document_gap(lab, TEACHING)}" for lab in evidence.labs), "none is linked")
    return Requirement(Level.L5, "a writeup that others can follow", reason)


def _document_gap(lab: LabEvidence, name: str) -> str:
    """Say why a document of the lab cannot count; "" where it is there, readable and linked."""
    if name in lab.unreadable:
        return lab.unreadable[name]
    if name not in lab.texts:
        return "the file does not exist"
    return "" if f"{lab.path}/{name}" in lab.linked else "the file is not among the evidence links"
