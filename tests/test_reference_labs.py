"""The labs that ship: each carries L3 as it stands, and their own checks hold."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.app.container import App
from agent.app.lab import lab_states
from agent.domain.level import Level

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("slug", ["rag-baseline", "zero-memory", "serving-bench", "kv-cache"])
def test_each_reference_lab_carries_l3(slug: str) -> None:
    (state,) = lab_states(App.load(ROOT), slug)
    missing = [each.sentence for each in state.requirements if each.level <= Level.L3 and not each.met]
    assert (state.level >= Level.L3, state.plan_fault, missing) == (True, "", [])


def test_zero_memory_gives_the_papers_figures() -> None:
    """7.5e9 parameters on 64 devices, Rajbhandari et al. 2019, figure 1: GB per device."""
    command = [sys.executable, str(ROOT / "lab/zero-memory/zero.py"), "--parameters", "7.5e9", "--devices", "64"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = {line.split()[0]: float(line.split()[1]) for line in lines}
    assert found == {"data-parallel": 120.0, "zero-1": 31.4, "zero-2": 16.6, "zero-3": 1.9}


@pytest.mark.parametrize(("factor", "exit_code"), [(1.0, 0), (0.9, 1), (0.0, 1)])
def test_rag_baseline_notices_worse_retrieval(factor: float, exit_code: int) -> None:
    """Its regression test passes what was recorded, and fails a tenth less, or nothing found at all."""
    record = json.loads(next((ROOT / "lab/rag-baseline/runs").glob("*.json")).read_text("utf-8"))
    found = {leg: {name: factor * value for name, value in each.items()} for leg, each in record["results"].items()}
    program = "import json, sys, measure; measure.check(json.load(sys.stdin))"
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=ROOT / "lab/rag-baseline", input=json.dumps(found), text=True, check=False)
    assert run.returncode == exit_code
