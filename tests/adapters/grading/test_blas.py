"""The encoder's small matrix products stay on one thread, however many cores there are."""

import subprocess
import sys

PROBE = """
from threadpoolctl import threadpool_info
from agent.adapters.grading import load_grader
from agent.domain.verdict import ClaimText
claim = ClaimText("pitch", "A tighter string sounds higher.", "core")
load_grader(threads=1).judge("What does a tighter string do?", [claim], "It sounds higher when it is tighter.")
print([pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"])
"""


def test_a_judgement_leaves_numpy_on_one_thread() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1]"
