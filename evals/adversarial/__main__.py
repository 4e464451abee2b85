"""`python -m evals.adversarial`: how often false answers pass, and true ones do not."""

import argparse
import json
from pathlib import Path

from evals.adversarial.cases import blocks, load_cases, stale_pins
from evals.adversarial.pins import write_pins
from evals.adversarial.report import Outcome, judge_cases, kind_table, table, worst
from evals.graders import CountedJudge, endpoint_judge, quiz_grader, second_opinion

MOST_FAILED = 0.02
"""Share of the answers that the endpoint may leave to the local grader; above it the table is not the endpoint's."""


def main() -> int:
    """Run the cases and print the table; exit code 11 where claims were edited under their cases, or a judge failed."""
    parser = argparse.ArgumentParser(description="Judge the adversarial cases with the grader that the quiz uses.")
    parser.add_argument("--split", choices=("dev", "sealed", "all"), default="dev")
    parser.add_argument("--kind", default="local", help="local, lexical, or endpoint: the one of the settings")
    parser.add_argument(
        "--own-bands", action="store_true", help="accept where the grader's own bands do, not the quiz's"
    )
    parser.add_argument("--second", action="store_true", help="with the embedded model's second opinion, as by default")
    parser.add_argument("--readings", type=Path, help="keep what the second opinion read in this SQLite file")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--items", type=int, default=0, help="this many of the cases, evenly spread; 0: all")
    parser.add_argument("--worst", type=int, default=20, help="how many wrong outcomes to list")
    parser.add_argument("--out", type=Path, help="write every outcome there as JSON lines")
    parser.add_argument(
        "--pin", action="store_true", help="accept the claims' present texts, once their cases were read"
    )
    given = parser.parse_args()
    for item in stale_pins():
        print(f"{item.note}^{item.block} was edited after its cases were written: {item.text or 'it is gone'}")
    if given.pin:
        write_pins(blocks())
        return 0
    judge = endpoint_judge() if given.kind == "endpoint" else None
    cases = load_cases(None if given.split == "all" else given.split)
    cases = cases[:: max(1, len(cases) // given.items)][: given.items] if given.items else cases
    with second_opinion(given.second, given.readings) as model:
        grader = quiz_grader(given.kind, threads=given.threads, judge=judge, model=model, own_bands=given.own_bands)
        outcomes = judge_cases(grader, cases)
    claims = {(case.note, case.claim.id) for case in cases}
    print(f"{grader.version}, {given.split}: {len(cases)} answers to {len(claims)} claims\n")
    print(table(outcomes), kind_table(outcomes), sep="\n\n")
    for outcome in worst(outcomes, given.worst):
        print(_line(outcome))
    if given.out:
        rows = [json.dumps(_row(outcome), ensure_ascii=False) for outcome in outcomes]
        given.out.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return 11 if stale_pins() or _unmeasured(judge) else 0


def _unmeasured(judge: CountedJudge | None) -> bool:
    """Say how often the endpoint judged, and whether it failed too often for the table to be its own."""
    if judge is None:
        return False
    print(f"\n{judge.name} judged {judge.asked - judge.failed} of {judge.asked} answers that it was asked about")
    if judge.failed:
        print(f"the local grader alone judged the other {judge.failed}: {judge.why}")
    return judge.failed > MOST_FAILED * judge.asked


def _line(o: Outcome) -> str:
    what = "PASSED" if o.accepted else "REFUSED"
    return f"{what} {o.case.id} p={o.verdict.p_covered:.2f} {o.verdict.name}: {o.case.answer[:160]!r}"


def _row(o: Outcome) -> dict[str, object]:
    return {
        "id": o.case.id,
        "kind": o.case.claim.kind,
        "style": o.case.style,
        "source": o.case.source,
        "split": o.case.split,
        "labels": o.case.labels,
        "accepted": o.accepted,
        "copied": o.copied,
        "taken_back": o.taken_back,
        "name": o.verdict.name,
        "abstain": o.verdict.abstain,
        "p_covered": o.verdict.p_covered,
        "p_contradicted": o.verdict.p_contradicted,
        "claim": o.case.claim.text,
        "question": o.case.question,
        "answer": o.case.answer,
    }


if __name__ == "__main__":
    raise SystemExit(main())
