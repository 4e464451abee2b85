"""The gates as a table of cases: a workspace, what was done to it, and the sentence that the gate gives.

`python -m tests.helpers.gate_cases` writes the table into docs/gates.md; a test keeps it current.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.domain.level import Level
from agent.domain.proposal import Change, Evidence
from agent.workspace.promotions import PromotionStore
from agent.workspace.session_file import session_path
from agent.workspace.workspace import Workspace
from tests.helpers.labs import DESIGN_TEXT, FULL, LAB, README_TEXT, RESULTS_TEXT, make_lab, make_run, write
from tests.helpers.sittings import act, attempt, quiz_note, right, wrong
from tests.helpers.workspaces import TOPIC, make_store, make_workspace, record_pass

DOCS = Path(__file__).parents[2] / "docs" / "gates.md"
OUTSIDE = "elsewhere"
NOTE = quiz_note()
PASSED = attempt(NOTE, [right] * 9)
SESSION = session_path(PASSED)
Prepare = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Case:
    """`prepare` changes a workspace that has all that the level asks for; `missing` is "" where the gate opens.

    `evidence` is what is linked, the session and the lab where nothing else is said; `exact` is linked as an edit
    in a review would, without anything being looked up. `more` counts what is missing besides.
    """

    kind: str
    name: str
    level: int
    prepare: Prepare
    missing: str = ""
    evidence: Sequence[str] = (SESSION, LAB)
    exact: Sequence[str] = ()
    more: int = 0


def nothing(_root: Path) -> None:
    """Leave the workspace as it is."""


def put(name: str, text: str, *, rerun: bool = False) -> Prepare:
    """Write a file of the lab; with `rerun`, run it again afterwards."""

    def prepare(root: Path) -> None:
        write(root, {f"{LAB}/{name}": text})
        if rerun:
            make_run(root)

    return prepare


def without(name: str, *, rerun: bool = False) -> Prepare:
    """Delete a file of the lab."""

    def prepare(root: Path) -> None:
        (root / LAB / name).unlink()
        if rerun:
            make_run(root)

    return prepare


def edit(text: str, old: str, new: str, name: str) -> Prepare:
    """Replace a part of a document."""
    assert old in text
    return put(name, text.replace(old, new))


def run(**changed: object) -> Prepare:
    """Record the run with other values."""
    return lambda root: (make_run(root, **changed), None)[1]  # type: ignore[arg-type]


def link_to(name: str, target: str) -> Prepare:
    """Put a symlink in the place of a file of the lab; `target` is relative to the lab."""

    def prepare(root: Path) -> None:
        (root / LAB / name).unlink(missing_ok=True)
        (root / LAB / name).symlink_to(target)

    return prepare


def results(table: str, analysis: str | None = None) -> Prepare:
    """Write RESULTS.md with another table or another failure analysis."""
    own = RESULTS_TEXT.split("## Failure analysis")
    return put("RESULTS.md", f"{table}\n\n## Failure analysis{own[1]}" if analysis is None else own[0] + analysis)


def measured(cell: str, *, forged: bool = False) -> Prepare:
    """Write a table between the markers, and a run that measured 41.2; `forged`: one edited to say the cell."""
    rows = f"| fp16 | {cell} | [2026-11-23](runs/x.json) |\n| int8 | 27.9 | [2026-11-23](runs/x.json) |"
    table = f"<!-- measured -->\n| Variant | step (ms) | Run |\n|---|---:|---|\n{rows}\n<!-- /measured -->"

    def prepare(root: Path) -> None:
        results(table)(root)
        make_run(root, results={"fp16": {"step (ms)": 41.2}, "int8": {"step (ms)": 27.9}})
        if forged:
            name = "20261123T120000Z-0f0f0f0f"
            path = root / make_run(root, id="0f0f0f0f", name=name, results={"fp16": {"step (ms)": 41.2}})
            path.write_text(path.read_text(encoding="utf-8").replace("41.2}", f"{cell}}}"), encoding="utf-8")

    return prepare


def other_session(root: Path) -> None:
    """A quiz on another topic, its session's front matter changed to say this one."""
    other = PASSED.model_copy(update={"id": "0therzzz", "topic": "rope"}).sealed()
    Workspace(root).attempts.write(other.finished, other)
    text = (root / SESSION).read_text(encoding="utf-8")
    (root / SESSION).write_text(text.replace(PASSED.id, other.id), encoding="utf-8")


def forged_state(root: Path) -> None:
    """A failed attempt whose state was edited to `passed`."""
    failed = attempt(NOTE, [wrong], id=PASSED.id)
    made = failed.model_copy(update={"state": "passed", "reasons": ()})
    Workspace(root).attempts.write(made.finished, made)


def forged_and_sealed(root: Path) -> None:
    """The same with the hash recomputed: the answers still do not bear it out."""
    failed = attempt(NOTE, [wrong], id=PASSED.id)
    made = failed.model_copy(update={"state": "passed", "reasons": ()}).sealed()
    Workspace(root).attempts.write(made.finished, made)


def forged_standings(root: Path) -> None:
    """Everything set to covered, and sealed: no turn earned it."""
    failed = attempt(NOTE, [wrong], id=PASSED.id)
    made = failed.model_copy(update={"state": "passed", "reasons": (), "standings": PASSED.standings}).sealed()
    Workspace(root).attempts.write(made.finished, made)


def hinted(root: Path) -> None:
    """A claim that was only covered after a hint; the attempt is edited to `passed` and sealed."""
    helped = attempt(NOTE, [act("hint"), *[right] * 9], id=PASSED.id)
    made = helped.model_copy(update={"state": "passed", "reasons": ()}).sealed()
    Workspace(root).attempts.write(made.finished, made)


def no_attempt(root: Path) -> None:
    """The session is there, the attempt is gone."""
    for path in Workspace(root).attempts.files():
        (root / path).unlink()


def hand_written(root: Path) -> None:
    """A session that somebody wrote by hand."""
    write(root, {"sessions/mine.md": "---\nid: x\ntopics: [kv-cache-scaling]\n---\nI know it all. Passed!\n"})


def reworded_note(root: Path) -> None:
    """A core claim of the note was changed after the quiz."""
    path = next((root / "tracks").glob("*/kv-cache-scaling.md"))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("The cache grows in proportion", "The cache shrinks in proportion"), encoding="utf-8")


def outside_lab(root: Path) -> None:
    """The lab folder is a symlink that leads out of the workspace."""
    place = root / LAB
    outside = root.parent / f"{root.name}-{OUTSIDE}"
    place.rename(outside)
    place.symlink_to(outside)


def outside_code(root: Path) -> None:
    """The lab's code is a symlink that leads out of the workspace."""
    outside = root.parent / f"{root.name}-{OUTSIDE}.py"
    outside.write_text("print(1)\n", encoding="utf-8")
    (root / LAB / "bench.py").unlink()
    (root / LAB / "bench.py").symlink_to(outside)
    make_run(root)


def second_lab(root: Path) -> None:
    """Another lab without results beside the one that has them."""
    make_lab(root, 2, folder="lab/other")


def run_of_other_lab(root: Path) -> None:
    """A sound record, copied from another lab."""
    make_run(root, lab="other")


def handmade_record(root: Path) -> None:
    """A record typed in by hand."""
    for path in (root / LAB / "runs").glob("*.json"):
        path.unlink()
    write(root, {f"{LAB}/runs/mine.json": '{"command": "python bench.py", "exit_code": 0}'})


def writeup(text: str, path: str = "writing/cache.md") -> Prepare:
    """A writeup elsewhere in the workspace, and no TEACHING.md."""

    def prepare(root: Path) -> None:
        (root / LAB / "TEACHING.md").unlink()
        write(root, {path: text})

    return prepare


def longer(label: str, text: str) -> str:
    """The failure analysis with one part replaced."""
    return re.sub(
        rf"- \*\*{label}\*\*:.*\n", text, "## Failure analysis" + RESULTS_TEXT.split("## Failure analysis")[1]
    )


_TABLE = "| Variant | {head} |\n|---|---:|---:|\n"
_PAIR = (SESSION, LAB, "writing/cache.md")
_FILES = tuple(f"{LAB}/{name}" for name in ("README.md", "RESULTS.md", "DESIGN.md", "TEACHING.md"))
_RUN = f"{LAB}/runs/20261123T110000Z-4c1a6f0e.json"
_L1 = "L1 needs a session whose quiz attempt passed"
_RUN_NEEDED = f"L2 needs a recorded run of {LAB} that exited 0: {_RUN}"
_COMPARED = f"L3 needs two variants measured on the same metric in {LAB}/RESULTS.md"
_ANALYSIS = f"L3 needs a failure analysis in {LAB}/RESULTS.md"
_DESIGN = f"in {LAB}/DESIGN.md"

CASES: tuple[Case, ...] = (
    # L1
    Case("met", "a session whose attempt passed", 1, nothing, evidence=(SESSION,)),
    Case("missing", "nothing linked", 1, nothing, f"{_L1}: no session is linked.", ()),
    Case(
        "missing",
        "the attempt was deleted",
        1,
        no_attempt,
        f"{_L1}: {SESSION} names the attempt {PASSED.id}, which is not in progress/attempts/.",
    ),
    Case(
        "faked",
        "a session written by hand",
        1,
        hand_written,
        f"{_L1}: sessions/mine.md names no quiz attempt.",
        ("sessions/mine.md",),
    ),
    Case(
        "faked",
        "a session of another topic, relabelled",
        1,
        other_session,
        f"{_L1}: {SESSION}: The attempt is on 'rope', not on 'kv-cache-scaling'.",
    ),
    Case(
        "faked",
        "an attempt edited to “passed”",
        1,
        forged_state,
        f"{_L1}: {SESSION}: The attempt was changed after it was recorded: its hash does not match.",
    ),
    Case(
        "faked",
        "the same, its hash recomputed",
        1,
        forged_and_sealed,
        f"{_L1}: {SESSION}: Nothing was explained in this sitting.",
    ),
    Case(
        "faked",
        "standings that no answer earned",
        1,
        forged_standings,
        f"{_L1}: {SESSION}: "
        "The attempt says of ^c0, ^c1, ^c2, ^c3, ^b1, ^gqa, ^m1, ^m2 what its answers do not bear out.",
    ),
    Case(
        "faked",
        "a claim covered after a hint, counted all the same",
        1,
        hinted,
        f"{_L1}: {SESSION}: The core claim ^c0 is explained with help, so it counts in a later sitting.",
    ),
    Case(
        "missing",
        "a core claim of the note was changed since",
        1,
        reworded_note,
        f"{_L1}: {SESSION}: The note's ^c0 was edited after the attempt; a new quiz asks for it again.",
    ),
    Case(
        "faked",
        "a link outside the workspace",
        1,
        nothing,
        "L1 needs evidence that can be read: '../secret.md' leads outside the workspace.",
        (SESSION,),
        ("../secret.md",),
    ),
    Case(
        "faked",
        "a link to nothing",
        1,
        nothing,
        "L1 needs evidence that can be read: sessions/gone.md does not exist.",
        (SESSION,),
        ("sessions/gone.md",),
    ),
    Case(
        "faked",
        "the tool's own state as evidence",
        1,
        lambda root: write(root, {".study/x.md": "yes"}),
        "L1 needs evidence that can be read: .study/x.md cannot be evidence; link a session, a lab's file or a "
        "writeup.",
        (SESSION,),
        (".study/x.md",),
    ),
    # L2
    Case("met", "README, environment, code, a run that exited 0", 2, nothing),
    Case("met", "a run made elsewhere and reported", 2, run(reported=True)),
    Case(
        "met",
        "a failed run before the one that worked",
        2,
        lambda root: (make_run(root, id="older", exit_code=1, name="20261122T110000Z-older"), None)[1],
    ),
    Case("met", "the README names this topic", 2, put("README.md", f"---\ntopics: [{TOPIC}]\n---\n{README_TEXT}")),
    Case(
        "missing",
        "no lab linked",
        2,
        nothing,
        "L2 needs a lab folder: no file of a folder below lab/ is linked.",
        (SESSION,),
    ),
    Case("missing", "the session of L1 is not linked", 2, nothing, f"{_L1}: no session is linked.", (LAB,)),
    Case("missing", "no README", 2, without("README.md"), f"L2 needs a README in {LAB}: the file does not exist."),
    Case("faked", "an empty README", 2, put("README.md", "\n\n"), f"L2 needs a README in {LAB}: it is empty."),
    Case(
        "faked",
        "a README of headings only",
        2,
        put("README.md", "# Bench\n\n## Run\n\n## Results\n"),
        f"L2 needs a README in {LAB}: it is empty.",
    ),
    Case(
        "faked",
        "a README that says TODO",
        2,
        put("README.md", "# Bench\n\nTODO: describe this lab\n"),
        f"L2 needs a README in {LAB}: it has fewer than 15 words beside headings and code.",
    ),
    Case(
        "faked",
        "the lab of another topic",
        2,
        put("README.md", f"---\ntopics: [rope]\n---\n{README_TEXT}"),
        f"L2 needs a README in {LAB}: its front matter says that the lab is about rope.",
    ),
    Case(
        "missing",
        "README not linked",
        2,
        nothing,
        f"L2 needs a README in {LAB}: the file is not among the evidence links.",
        (SESSION,),
        (_RUN,),
    ),
    Case(
        "missing",
        "no environment spec",
        2,
        without("requirements.txt", rerun=True),
        f"L2 needs an environment spec in {LAB}: there is none that says anything (requirements.txt, pyproject.toml, "
        "uv.lock, …).",
    ),
    Case(
        "faked",
        "an empty environment spec",
        2,
        put("requirements.txt", "\n", rerun=True),
        f"L2 needs an environment spec in {LAB}: there is none that says anything (requirements.txt, pyproject.toml, "
        "uv.lock, …).",
    ),
    Case(
        "faked",
        "an environment spec that says TODO",
        2,
        put("requirements.txt", "# TODO: a requirement a line\n\n", rerun=True),
        f"L2 needs an environment spec in {LAB}: there is none that says anything (requirements.txt, pyproject.toml, "
        "uv.lock, …).",
    ),
    Case("met", "nothing needed, and said so", 2, put("requirements.txt", "# the standard library\n", rerun=True)),
    Case("missing", "no code", 2, without("bench.py", rerun=True), f"L2 needs code in {LAB}: there is none."),
    Case(
        "faked",
        "code that is a symlink out of the workspace",
        2,
        outside_code,
        f"L2 needs code in {LAB}: {LAB}/bench.py leads outside the workspace.",
    ),
    Case(
        "faked",
        "a lab folder that is a symlink out of the workspace",
        2,
        outside_lab,
        f"L1 needs evidence that can be read: '{LAB}/README.md' leads outside the workspace.",
        (SESSION,),
        (f"{LAB}/README.md",),
        more=1,
    ),
    Case(
        "missing",
        "no run",
        2,
        lambda root: (root / _RUN).unlink(),
        f"L2 needs a recorded run of {LAB} that exited 0: there is no record in {LAB}/runs/.",
    ),
    Case("missing", "a run that failed", 2, run(exit_code=1), f"{_RUN_NEEDED} exited 1."),
    Case(
        "missing",
        "the code was edited after the run",
        2,
        put("bench.py", "print('changed')\n"),
        f"{_RUN_NEEDED} ran other code than the lab has now; run it again.",
    ),
    Case(
        "missing",
        "the environment was edited after the run",
        2,
        put("requirements.txt", "numpy==1.0\n"),
        f"{_RUN_NEEDED} ran with another environment spec than the lab has now; run it again.",
    ),
    Case(
        "faked",
        "a record written by hand",
        2,
        handmade_record,
        f"L2 needs a recorded run of {LAB} that exited 0: {LAB}/runs/mine.json is no record of a run (id: Field "
        "required).",
    ),
    Case(
        "faked",
        "a record without its hash",
        2,
        run(seal=False),
        f"{_RUN_NEEDED} was edited or written by hand: its hash does not match.",
    ),
    Case("faked", "the record of another lab", 2, run_of_other_lab, f"{_RUN_NEEDED} is a run of lab/other."),
    Case(
        "missing",
        "the run is not linked",
        2,
        nothing,
        f"L2 needs a recorded run of {LAB} that exited 0: {_RUN} is not among the evidence links.",
        (SESSION,),
        (_FILES[0],),
    ),
    # L3
    Case("met", "two variants, a metric with a unit, a failure analysis", 3, nothing),
    Case(
        "met",
        "metrics as rows, variants as columns",
        3,
        results("| Metric | fp16 | int8 |\n|---|---|---|\n| step (ms) | 41.2 | 27.9 |\n"),
    ),
    Case(
        "met",
        "units in the cells",
        3,
        results(_TABLE.format(head="step | size") + "| fp16 | 41.2 ms | 2 GiB |\n| int8 | ~27.9 ms | 1 GiB |\n"),
    ),
    Case(
        "met",
        "a metric that has no unit by nature",
        3,
        results("| Variant | recall@5 |\n|---|---|\n| bm25 | 0.61 |\n| hybrid | 0.74 |\n"),
    ),
    Case(
        "met",
        "the failure analysis as subheadings",
        3,
        results(
            "",
            (
                "## What went wrong\n\n### Symptom\nIt was slow at 8k.\n\n### Hypothesis\nThe cache was too large.\n\n"
                "### Test\nWe halved the batch.\n\n### Fix\nWe made it smaller.\n"
            ),
        ),
    ),
    Case(
        "met",
        "the failure analysis as a table",
        3,
        results(
            "",
            (
                "## Failures\n\n| Symptom | Hypothesis | Test | Fix |\n|---|---|---|---|\n"
                "| slow at 8k tokens | cache above the limit | halved the batch | an eight-bit cache |\n"
            ),
        ),
    ),
    Case("met", "a second lab without results beside it", 3, second_lab, "", (SESSION, LAB, "lab/other")),
    Case(
        "missing",
        "no RESULTS.md",
        3,
        without("RESULTS.md"),
        f"L3 needs results in {LAB}/RESULTS.md: the file does not exist.",
    ),
    Case("met", "a measured table as the records have it", 3, measured("41.2")),
    Case("met", "the same, a number written with a zero more", 3, measured("41.20")),
    Case(
        "faked",
        "a number in the measured table that no record holds",
        3,
        measured("4.2"),
        f"{_COMPARED}: its measured table has 4.2 for 'step (ms)' of 'fp16', which no sound record in runs/ holds.",
    ),
    Case(
        "faked",
        "the same, with a record edited to hold it",
        3,
        measured("4.2", forged=True),
        f"{_COMPARED}: its measured table has 4.2 for 'step (ms)' of 'fp16', which no sound record in runs/ holds.",
    ),
    Case(
        "faked",
        "prose only",
        3,
        results("The int8 variant is about twice as fast, at 28 ms against 41 ms."),
        f"{_COMPARED}: it has no table with numbers, only text.",
    ),
    Case(
        "faked",
        "a table in a code block",
        3,
        results("```\n| Variant | step (ms) |\n|---|---|\n| a | 1 |\n| b | 2 |\n```"),
        f"{_COMPARED}: it has no table with numbers, only text.",
    ),
    Case(
        "faked",
        "a table without numbers",
        3,
        results("| Variant | step (ms) |\n|---|---|\n| fp16 | slow |\n| int8 | TODO |\n"),
        f"{_COMPARED}: it has no table with numbers, only text.",
    ),
    Case(
        "faked",
        "numbers without units",
        3,
        results("| Variant | step |\n|---|---|\n| fp16 | 41.2 |\n| int8 | 27.9 |\n"),
        f"{_COMPARED}: the numbers of 'step' have no unit.",
    ),
    Case(
        "faked",
        "one variant only",
        3,
        results("| Variant | step (ms) |\n|---|---|\n| fp16 | 41.2 |\n"),
        f"{_COMPARED}: only one variant ('fp16') has numbers.",
    ),
    Case(
        "faked",
        "the same variant twice",
        3,
        results("| Variant | step (ms) |\n|---|---|\n| fp16 | 41.2 |\n| fp16 | 41.4 |\n"),
        f"{_COMPARED}: only one variant ('fp16') has numbers.",
    ),
    Case(
        "faked",
        "no shared metric",
        3,
        results(_TABLE.format(head="step (ms) | size (GiB)") + "| fp16 | 41.2 | - |\n| int8 | n/a | 1.1 |\n"),
        f"{_COMPARED}: 'fp16' and 'int8' have numbers, but no metric in common.",
    ),
    Case(
        "faked",
        "only the settings are shared",
        3,
        results(_TABLE.format(head="batch | seed") + "| fp16 | 8 | 1 |\n| int8 | 8 | 1 |\n"),
        f"{_COMPARED}: it has no table with numbers, only text.",
    ),
    Case("missing", "no failure analysis", 3, results("", ""), f"{_ANALYSIS}: the section is missing."),
    Case(
        "faked",
        "a failure analysis with nothing in it",
        3,
        results("", "## Failure analysis\n"),
        f"{_ANALYSIS}: the section is empty.",
    ),
    Case(
        "faked",
        "no failure told",
        3,
        results("", "## Failure analysis\n\nEverything worked the first time.\n"),
        f"{_ANALYSIS}: it names no symptom.",
    ),
    Case("faked", "an empty part", 3, results("", longer("Fix", "- **Fix**:\n")), f"{_ANALYSIS}: its fix is empty."),
    Case(
        "faked",
        "a part that says TODO",
        3,
        results("", longer("Test", "- **Test**: TODO run it\n")),
        f"{_ANALYSIS}: its test is empty.",
    ),
    Case(
        "faked",
        "a part with the skeleton's question in it",
        3,
        results("", longer("Fix", "- **Fix**: TODO: what was changed for good, and the number after it.\n")),
        f"{_ANALYSIS}: its fix is empty.",
    ),
    Case("missing", "no hypothesis", 3, results("", longer("Hypothesis", "")), f"{_ANALYSIS}: it has no hypothesis."),
    Case("missing", "L2's run failed", 3, run(exit_code=2), f"{_RUN_NEEDED} exited 2."),
    # L4
    Case("met", "limits, hooks, robust I/O", 4, nothing),
    Case(
        "met",
        "the limits as sentences",
        4,
        edit(
            DESIGN_TEXT,
            DESIGN_TEXT.split("## Limits")[1].split("## Mon")[0],
            (
                "\n\nLatency p95 stays below 200 ms. Nothing else.\n\nMemory is capped at 6 GiB.\n\n"
                "The cost is at most $0.40 per 1,000 requests.\n\n"
            ),
            "DESIGN.md",
        ),
    ),
    Case(
        "missing",
        "no DESIGN.md",
        4,
        without("DESIGN.md"),
        f"L4 needs a design in {LAB}/DESIGN.md: the file does not exist.",
    ),
    Case(
        "faked",
        "a latency without a number",
        4,
        edit(DESIGN_TEXT, "200 ms", "low", "DESIGN.md"),
        f"L4 needs a latency limit {_DESIGN}: no line on latency has a number with a unit.",
    ),
    Case(
        "faked",
        "a memory limit without a unit",
        4,
        edit(DESIGN_TEXT, "6 GiB", "6", "DESIGN.md"),
        f"L4 needs a memory limit {_DESIGN}: no line on memory has a number with a unit.",
    ),
    Case(
        "missing",
        "no cost",
        4,
        edit(DESIGN_TEXT, "| cost | 0.4 USD per 1,000 requests |\n", "", "DESIGN.md"),
        f"L4 needs a cost limit {_DESIGN}: nothing is said about cost.",
    ),
    Case(
        "faked",
        "a measurement instead of a limit",
        4,
        put("DESIGN.md", DESIGN_TEXT.replace("Limits", "Figures").replace("| what | limit |", "| what | seen |")),
        f"L4 needs a latency limit {_DESIGN}: the latency is no limit (say at most, below, ≤).",
        more=2,
    ),
    Case(
        "missing",
        "no monitoring",
        4,
        edit(DESIGN_TEXT, "## Monitoring", "## Later", "DESIGN.md"),
        f"L4 needs monitoring hooks {_DESIGN}: no section or labelled line is about it.",
    ),
    Case(
        "faked",
        "a monitoring hook that names nothing",
        4,
        edit(DESIGN_TEXT, "`cache_usage_percent`", "usage", "DESIGN.md"),
        f"L4 needs monitoring hooks {_DESIGN}: it names no metric, command or file (in `code` or as a link).",
    ),
    Case(
        "faked",
        "an empty eval section",
        4,
        edit(
            DESIGN_TEXT,
            "Every change of the cache's type runs `eval.py` and is refused when the score falls.",
            "",
            "DESIGN.md",
        ),
        f"L4 needs eval hooks {_DESIGN}: the part is empty.",
    ),
    Case(
        "faked",
        "robust I/O in a word",
        4,
        edit(
            DESIGN_TEXT,
            ("A prompt above the limit is refused with a sentence; a client that goes away frees its slot at once."),
            "Yes, robust.",
            "DESIGN.md",
        ),
        f"L4 needs robust I/O {_DESIGN}: the part says next to nothing.",
    ),
    # L5
    Case("met", "TEACHING.md", 5, nothing),
    Case("met", "a writeup elsewhere in the workspace", 5, writeup(FULL["TEACHING.md"]), "", _PAIR),
    Case(
        "missing",
        "no writeup",
        5,
        without("TEACHING.md"),
        f"L5 needs a writeup that others can follow: {LAB}/TEACHING.md: the file does not exist.",
    ),
    Case(
        "faked",
        "three words",
        5,
        put("TEACHING.md", "Just read it.\n"),
        f"L5 needs a writeup that others can follow in {LAB}/TEACHING.md: it has 3 words; 150 are the least that "
        "anybody could follow.",
    ),
    Case(
        "faked",
        "one sentence many times",
        5,
        put("TEACHING.md", "# A\n\n## B\n\n## C\n\n" + "1. The cache grows.\n" * 60),
        f"L5 needs a writeup that others can follow in {LAB}/TEACHING.md: it repeats itself: too few different words.",
    ),
    Case(
        "faked",
        "no structure",
        5,
        put("TEACHING.md", re.sub(r"^#.*\n", "", FULL["TEACHING.md"], flags=re.MULTILINE)),
        f"L5 needs a writeup that others can follow in {LAB}/TEACHING.md: it has fewer than 3 headings.",
    ),
    Case(
        "faked",
        "nothing to do for the reader",
        5,
        put("TEACHING.md", re.sub(r"^\d\. ", "", FULL["TEACHING.md"], flags=re.MULTILINE)),
        f"L5 needs a writeup that others can follow in {LAB}/TEACHING.md: it gives the reader nothing to do: no "
        "numbered step, no code.",
    ),
    Case(
        "faked",
        "a link that leads nowhere",
        5,
        put("TEACHING.md", FULL["TEACHING.md"] + "\n[sheet](sheet.pdf)\n"),
        f"L5 needs a writeup that others can follow in {LAB}/TEACHING.md: the link 'sheet.pdf' leads to no file.",
    ),
)


def prepared(root: Path, case: Case) -> tuple[PromotionStore, Change]:
    """Make the case's workspace and the change that is asked for."""
    workspace = make_workspace(root)
    record_pass(workspace, PASSED)
    if case.level > 1:
        make_lab(root, case.level)
    case.prepare(root)
    store = make_store(workspace)
    given = store.change_to(TOPIC, Level(case.level), [p for p in case.evidence if p != LAB or case.level > 1])
    exact = tuple(Evidence(path=path) for path in case.exact)
    return store, given.model_copy(update={"evidence": (*given.evidence, *exact)})


def verdict(root: Path, case: Case) -> list[str]:
    """List what the gate says is missing."""
    store, change = prepared(root, case)
    return [requirement.sentence for requirement in store.requirements(change) if not requirement.met]


def table() -> Iterator[str]:
    """Render the cases; `tests/domain/test_gates.py` runs each of them and compares the sentence."""
    yield "| to | | case | verdict | sentence |"
    yield "|---|---|---|---|---|"
    for case in CASES:
        word = "refused" if case.missing else "open"
        sentence = case.missing.replace("|", "\\|").replace("<", "&lt;")
        yield f"| L{case.level} | {case.kind} | {case.name} | {word} | {sentence} |"


def with_table(text: str) -> str:
    """Replace what stands between the markers."""
    rows = "\n".join(table())
    begin, end = "<!-- gate cases -->", "<!-- /gate cases -->"
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{rows}\n{end}", text, flags=re.DOTALL)


if __name__ == "__main__":
    DOCS.write_text(with_table(DOCS.read_text(encoding="utf-8")), encoding="utf-8")
