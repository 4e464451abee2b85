"""`python -m evals.simulate`: quizzes of simulated learners, through the real graph and the real grader."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from agent.adapters.grading.second import NextTokenScores
from agent.domain.errors import UsageError
from agent.domain.quiz import Policy
from agent.ports import Grader
from evals.graders import quiz_grader, second_opinion
from evals.simulation.learners import KINDS, SHOULD_PASS, Learner
from evals.simulation.oracle import OracleGrader
from evals.simulation.report import by_claim, claim_table, false_passes, summary, summary_table
from evals.simulation.run import CachedGrader, Played, play
from evals.simulation.sheets import Sheet, load_sheets


def main() -> int:
    """Run the simulation and print its tables; exit code 1 where a target is missed."""
    given = _arguments()
    policy = _policy(given.policy)
    sheets = [sheet for sheet in load_sheets() if given.split in ("all", sheet.split)]
    kinds = [kind for kind in KINDS if not given.only or kind in given.only]
    played = []
    with second_opinion(given.second, given.readings) as model:
        grader = CachedGrader(_grader(given, sheets, model), given.cache)
        for kind in kinds:
            for sheet in sheets:
                drawn = [Learner.draw(kind, sheet, given.seed + number) for number in range(given.learners)]
                played += [play(learner, grader, policy) for learner in drawn]
            # A run that is stopped goes on from here.
            grader.save()
            print(f"{len(played)} quizzes, the last {kind!r}", file=sys.stderr, flush=True)
    rows = summary(played)
    print(f"{grader.version}; {policy}")
    print(f"{given.split}: {len(sheets)} notes, {given.learners} learners of each kind a note, seed {given.seed}\n")
    print(summary_table(rows), "\n\n" + claim_table(by_claim(played), given.worst), sep="")
    print("", *false_passes(played, given.worst), sep="\n")
    if given.out:
        result = {"grader": grader.version, "policy": dataclasses.asdict(policy), "seed": given.seed, "summary": rows}
        result |= {"claims": by_claim(played), "quizzes": [_quiz(p) for p in played if _is_news(p)]}
        given.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if all(row["met"] for row in rows) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Let simulated learners take the quiz.")
    parser.add_argument("--learners", type=int, default=10, help="of each kind, for each note")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=("dev", "sealed", "all"), default="all")
    parser.add_argument("--kind", default="local", help="grader: local, lexical, or oracle (knows the sheets)")
    parser.add_argument("--second", action="store_true", help="with the embedded model's second opinion, as by default")
    parser.add_argument("--readings", type=Path, help="keep what the second opinion read in this SQLite file")
    parser.add_argument("--accepts", type=float, default=1.0, help="oracle: share of true answers that it accepts")
    parser.add_argument("--passes", type=float, default=0.0, help="oracle: share of other answers that it accepts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", action="append", choices=tuple(KINDS), help="this kind of learner (may be repeated)")
    parser.add_argument("--policy", default="", help="thresholds to try, as unasked=0.95,max_turns=14")
    parser.add_argument("--worst", type=int, default=20, help="how many claims and false passes to list")
    parser.add_argument("--cache", type=Path, help="keep the grader's verdicts in this file")
    parser.add_argument("--out", type=Path, help="write the tables and every wrong quiz there as JSON")
    return parser.parse_args()


def _grader(given: argparse.Namespace, sheets: list[Sheet], model: NextTokenScores | None) -> Grader:
    if given.kind == "oracle":
        return OracleGrader(sheets, given.accepts, given.passes)
    return quiz_grader(given.kind, threads=given.threads, model=model)


def _policy(text: str) -> Policy:
    changes = dict(item.split("=", 1) for item in text.split(",") if item)
    known = dataclasses.asdict(Policy())
    unknown = sorted(changes.keys() - known.keys())
    if unknown:
        raise UsageError(f"The policy has no {unknown[0]!r}; it has {', '.join(known)}.")
    return dataclasses.replace(Policy(), **{name: type(known[name])(value) for name, value in changes.items()})


def _is_news(p: Played) -> bool:
    return p.passed != (p.learner.kind in SHOULD_PASS)


def _quiz(p: Played) -> dict[str, object]:
    turns = [
        {
            "claim": turn.question.claim,
            "kind": turn.question.kind,
            "question": turn.question.text,
            "answer": turn.text,
            "copied": turn.copied,
            "verdicts": {v.claim: [v.name, v.p_covered, v.p_contradicted, v.abstain] for v in turn.verdicts},
        }
        for turn in p.attempt.turns
    ]
    return {
        "learner": p.learner.kind,
        "note": p.learner.sheet.note.id,
        "register": p.learner.register,
        "belief": p.learner.belief,
        "unknown": sorted(p.learner.unknown),
        "passed": p.passed,
        "reasons": p.attempt.reasons,
        "turns": turns,
    }


if __name__ == "__main__":
    raise SystemExit(main())
