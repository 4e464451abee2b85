"""How far the suite itself can be trusted: false alarms, power, and planted defects.

    python -m evals.suite.trust nights [--nights 200]     # on the stochastic model: nothing changed, and a real drop
    python -m evals.suite.trust defects [--nights 10]     # every subject's planted defects on the stochastic model
    python -m evals.suite.trust record FILE…              # write what they found into evals/baselines/trust.json

`study eval run --only NAME --defect NAME` adds its line to `.study/evals/planted.jsonl`, one of the files to record.

Nights are simulated with seeds, through the runner, the draws, the tests and the confirmation that a real night uses;
only the model is ours (`endpoint`) and replies come in this process. A run writes JSON lines as it goes and goes on
where it was stopped.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evals.stats import wilson
from evals.suite.baseline import FOLDER, Baseline, template_lines
from evals.suite.contract import CURRENT, Subject, Variant
from evals.suite.decision import MARGIN, overall
from evals.suite.drill import RULE, Drill, harmless, recognise
from evals.suite.endpoint import StochasticModel, recogniser
from evals.suite.engine import Engine
from evals.suite.fingerprint import fingerprint
from evals.suite.folders import read_rows, write_json
from evals.suite.gates import STOCHASTIC, unmeasured
from evals.suite.plan import Options, plan_subject, sampler_name
from evals.suite.samples import Bench, MemoryJournal
from evals.suite.store import MemoryStore
from evals.suite.summary import same_against_same
from evals.suite.track import Track
from evals.suite.transport import Transport
from graphs.prompts import template_text

LEAKY = (1, 3, 10, 30, 100)
"""Questions of 200, prompt by prompt, in which a flawed reply, one in five, breaks an invariant too."""
DROP = 0.08
DAMAGE = 0.2
"""What a planted defect costs on the stochastic model: the rule's share of the replies."""
MOST_FALSE = 0.05
SUITE = "suite"
FALSE_ALARM = "nights on which nothing changed and the verdict was a regression"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Night:
    """One simulated night: what differs, and by how much it matters."""

    subjects: Sequence[Subject]
    model: StochasticModel
    variants: Mapping[str, Variant]
    options: Options

    def run(self) -> list[Track]:
        """Run it through the engine, against a baseline that can be run again."""
        options = replace(self.options, variants=self.variants)
        plans = [
            plan_subject(subject, rerunnable_baseline(subject, self.model, options), options, self.model.identity)
            for subject in self.subjects
        ]
        bench = Bench(self.model, MemoryStore(), MemoryJournal(), retries=())
        return Engine(bench).run(plans)


def rerunnable_baseline(subject: Subject, model: Transport, options: Options) -> Baseline:
    """The working tree as a baseline of a model whose replies vary: without scores, its arm is run again."""
    sampler = sampler_name(options, repeatable=False)
    parts = fingerprint(subject, CURRENT, subject.cases(), sampler=sampler, model=model.identity)
    texts = {name: template_text(name) for name in subject.templates}
    return Baseline(
        subject.name, "", "simulated", "", parts, repeatable=False, summary={}, templates=template_lines(subject, texts)
    )


def drill_night(seed: int, *, drop: float) -> Night:
    """Five prompts with a change each: harmless ones, but for the first where `drop` is not 0."""
    subjects = [Drill(f"drill{number}", leaky=leaky) for number, leaky in enumerate(LEAKY)]
    variants = {subject.name: harmless() for subject in subjects}
    if drop:
        variants[subjects[0].name] = subjects[0].defects[0]
    model = StochasticModel(recognise, rules={RULE: drop} if drop else {}, seed=seed)
    return Night(subjects, model, variants, Options(items=4))


def nights(count: int, done: Sequence[Row]) -> Iterator[Row]:
    """Rows of nights without and with a drop, those that are done left out."""
    have = {(row["drop"], row["seed"]) for row in done if row["kind"] == "night"}
    for drop in (0.0, DROP):
        for seed in range(count):
            if (drop, seed) in have:
                continue
            tracks = drill_night(seed, drop=drop).run()
            verdicts = {track.name: track.done[0] for track in tracks if track.done}
            missed = next((track.done for track in tracks if drop and track.name == "drill0"), None)
            firsts = {track.name: track.first.p_worse for track in tracks if track.first}
            yield {
                "kind": "night",
                "drop": drop,
                "seed": seed,
                "verdict": overall(verdicts.values()),
                "regressions": sorted(name for name, verdict in verdicts.items() if verdict == "regression"),
                "said": ": ".join(missed) if missed and missed[0] != "regression" else "",
                "alarms": sorted(track.name for track in tracks if track.alarm_p is not None),
                "p": {name: round(p, 5) for name, p in firsts.items()},
                "seen": {track.name: round(track.first.detectable, 4) for track in tracks if track.first},
                "same": {t.name: same_against_same(t.plan.cases, t.baseline, t.primary) for t in tracks},
            }


def defects(
    subjects: Sequence[Subject], count: int, done: Sequence[Row], names: Sequence[str] | None = None
) -> Iterator[Row]:
    """Rows of each planted defect on the stochastic model, which loses `DAMAGE` of its replies without the rule.

    `names`: only these defects.
    """
    have = {(row["subject"], row["defect"], row["seed"]) for row in done if row["kind"] == "defect"}
    for subject in subjects:
        if not subject.uses_chat:
            continue
        know = recogniser([subject])
        for defect in subject.defects:
            if names and defect.name not in names:
                continue
            for seed in range(count):
                if (subject.name, defect.name, seed) in have:
                    continue
                model = StochasticModel(know, skill=0.85, rules={defect.rule: DAMAGE}, seed=seed)
                track = Night([subject], model, {subject.name: defect}, Options()).run()[0]
                assert track.done is not None
                shown = track.both or track.first
                yield {
                    "kind": "defect",
                    "subject": subject.name,
                    "defect": defect.name,
                    "seed": seed,
                    "verdict": track.done[0],
                    "reason": track.done[1],
                    "difference": round(shown.difference, 4) if shown else None,
                }


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """The rates that are published, each as hits, trials and Wilson's interval."""
    quiet = [row for row in rows if row["kind"] == "night" and row["drop"] == 0]
    dropped = [row for row in rows if row["kind"] == "night" and row["drop"] > 0]
    same = [p <= 0.05 for row in quiet for p in row["same"].values() if p is not None]
    first = [p <= 0.05 for row in quiet for p in row["p"].values()]
    out: dict[str, Any] = {
        FALSE_ALARM: _rate([bool(r["regressions"]) for r in quiet]),
        "nights on which nothing changed and the verdict was inconclusive": _rate(
            [row.get("verdict") == "inconclusive" for row in quiet]
        ),
        "nights on which nothing changed and fresh samples were asked for": _rate([bool(r["alarms"]) for r in quiet]),
        "prompts unchanged, first stage alone at p ≤ 0.05": _rate(first),
        "an arm against itself at p ≤ 0.05": _rate(same),
        f"a drop of {100 * DROP:.0f} points in one of {len(LEAKY)} prompts found": _rate(
            ["drill0" in r["regressions"] for r in dropped]
        ),
        "where it was missed, the verdict says that no drop was found": _rate(
            [row["said"].startswith("not worse") and "no drop" in row["said"] for row in dropped if row.get("said")]
        ),
        f"prompts said to have seen a drop of {100 * DROP:.0f} points": _rate(
            [seen <= DROP for row in quiet for seen in row.get("seen", {}).values()]
        ),
        "another prompt accused on those nights": _rate([bool(set(r["regressions"]) - {"drill0"}) for r in dropped]),
    }
    planted: dict[str, list[bool]] = {}
    for row in rows:
        if row["kind"] == "defect":
            name = f"defect {row['subject']}/{row['defect']} caught"
            planted.setdefault(name, []).append(row["verdict"] == "regression")
    return out | {name: _rate(hits) for name, hits in planted.items()}


def _rate(hits: Sequence[bool]) -> Row | None:
    if not hits:
        return None
    low, high = wilson(sum(hits), len(hits))
    return {"hits": sum(hits), "of": len(hits), "rate": round(sum(hits) / len(hits), 4), "low": low, "high": high}


def trust_rows(rows: Sequence[Row], before: Mapping[str, Row] | None = None) -> dict[str, Row]:
    """What `evals/baselines/trust.json` holds: kill rates by subject, and who loses the gate for missing damage.

    `before`: what the file holds already. A defect that was planted anew on the same model replaces its own line there.
    A model that does not heed the planted sentence loses no quality by it: such a defect is `inert`, neither caught nor
    missed. One that ended inconclusive is `undecided`: the gate said that it could not tell, and stayed off green. A
    gate that called damage not worse has lost its say, and one that caught nothing on a model has none there.
    """
    found: dict[str, Row] = {
        name: {"defects": dict(row["defects"]), "demoted": ""} for name, row in (before or {}).items() if name != SUITE
    }
    counted: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["kind"] in ("defect", "planted"):
            where = f"on {row['model']}" if row["kind"] == "planted" else f"on {STOCHASTIC}"
            same = counted.setdefault((row["subject"], f"{row['defect']} {where}"), [])
            if "run" not in row or row["run"] not in {known.get("run") for known in same}:
                same.append(row)
    for (subject, defect), same in counted.items():
        caught = [row for row in same if row["verdict"] == "regression"]
        inert = [row for row in same if row not in caught and _is_inert(row)]
        open_ = [row for row in same if row not in inert and row["verdict"] == "inconclusive"]
        counts = {"caught": len(caught), "undecided": len(open_), "inert": len(inert), "of": len(same)}
        found.setdefault(subject, {"defects": {}, "demoted": ""})["defects"][defect] = counts
    published = summary([row for row in rows if row["kind"] == "night"])
    rates = {name: rate for name, rate in published.items() if rate is not None} or (before or {}).get(SUITE, {})
    for mine in found.values():
        mine["demoted"] = _fault(mine["defects"])
        if FALSE_ALARM in rates and rates[FALSE_ALARM]["low"] > MOST_FALSE:
            mine["demoted"] = "the suite raises too many false alarms"
    return {**found, SUITE: rates} if rates else found


def _is_inert(row: Row) -> bool:
    """Whether a planted defect did no damage worth a verdict: at most `MARGIN` was lost on what was measured."""
    difference = row.get("difference")
    return row["kind"] == "planted" and difference is not None and difference >= -MARGIN


def _fault(planted: Mapping[str, Row]) -> str:
    """Why a gate has no say; "" where it has."""
    proven: dict[str, bool] = {}
    for name, counts in planted.items():
        acting = counts["of"] - counts.get("inert", 0)
        missed = acting - counts["caught"] - counts.get("undecided", 0)
        if missed * 2 > acting:
            return f"it misses the planted defect {name}"
        model = name.partition(" on ")[2]
        proven[model] = proven.get(model, False) or 0 < acting <= counts["caught"] * 2
    return next((f"no planted defect is caught on {model}" for model, is_proven in proven.items() if not is_proven), "")


def _collect(make: Callable[[Sequence[Row]], Iterator[Row]], out: Path, minutes: float) -> list[Row]:
    """Append rows until there are no more or the time is up; what is torn off at the end is written anew."""
    rows = read_rows(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    until = time.monotonic() + 60 * minutes
    with out.open("a", encoding="utf-8") as file:
        for row in make(rows):
            rows.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            if time.monotonic() > until:
                print("The time is up; run again to go on.", file=sys.stderr)
                break
    return rows


def main() -> int:
    """Run one part and print its rates; exit code 1 where the false alarms are too many."""
    from evals.suite.subjects import SUBJECTS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("nights", "defects", "record"))
    parser.add_argument("files", nargs="*", type=Path, help="record: results of the other parts")
    parser.add_argument("--nights", type=int, default=200)
    parser.add_argument("--subject", action="append", choices=tuple(SUBJECTS))
    parser.add_argument("--defect", action="append", help="defects: only this one")
    parser.add_argument("--minutes", type=float, default=9.0, help="stop after so many minutes")
    parser.add_argument("--out", type=Path, default=Path(".study/evals/trust.jsonl"))
    given = parser.parse_args()
    if given.part == "record":
        rows = [row for path in given.files for row in read_rows(path)]
        path = FOLDER / "trust.json"
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        write_json(path, trust_rows(rows, before))
        for name in unmeasured(FOLDER, [make() for make in SUBJECTS.values()]):
            print(f"{name}: unmeasured")
        return 0
    if given.part == "nights":
        rows = _collect(lambda done: nights(given.nights, done), given.out, given.minutes)
    else:
        chosen = [SUBJECTS[name]() for name in given.subject or SUBJECTS]
        rows = _collect(lambda done: defects(chosen, given.nights, done, given.defect), given.out, given.minutes)
    found = summary(rows)
    for name, rate in found.items():
        if rate is not None:
            interval = f"[{rate['low']:.1%}, {rate['high']:.1%}]"
            print(f"{rate['rate']:7.1%}  {interval:16} {rate['hits']} of {rate['of']}  {name}")
    false = found[FALSE_ALARM]
    return 1 if false is not None and false["rate"] > MOST_FALSE else 0


if __name__ == "__main__":
    raise SystemExit(main())
