"""What the product ships, measured: truthful, false and attacking answers that a grader accepts, and its speed.

The answers are those of evals/adversarial (the split for development, of notes that the grader was not trained on);
nothing here trains. Run by `study lab run claim-grader`, whose Python has the product's packages.
"""

import argparse
import json
import sys
import time

from agent.adapters.grading import load_grader
from evals.adversarial.cases import load_cases
from evals.adversarial.report import ATTACKS, judge_cases, table
from evals.graders import quiz_grader


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=("lexical", "local"), required=True)
    parser.add_argument("--own-bands", action="store_true", help="the grader's bands instead of the quiz's")
    given = parser.parse_args()
    grader = (load_grader if given.own_bands else quiz_grader)(given.kind, threads=1)
    cases = load_cases("dev")
    judge_cases(grader, cases[:3])  # loads the model
    began = time.perf_counter()
    outcomes = judge_cases(grader, cases)
    seconds = time.perf_counter() - began
    print(grader.version)
    print(table(outcomes))
    claims = [o for o in outcomes if o.case.claim.kind != "misconception"]
    groups = {
        "truthful": [o for o in claims if o.case.labels == ("covered",)],
        "false": [o for o in claims if "covered" not in o.case.labels],
        "attacks": [o for o in claims if o.case.style in ATTACKS],
    }
    metrics = {
        f"{name} accepted (%)": 100 * sum(o.accepted for o in group) / len(group) for name, group in groups.items()
    }
    metrics["time per answer (ms)"] = 1000 * seconds / len(cases)
    print(json.dumps({"metrics": metrics}))


if __name__ == "__main__":
    sys.exit(main())
