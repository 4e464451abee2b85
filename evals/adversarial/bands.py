"""`python -m evals.adversarial.bands OUTCOMES.jsonl`: calibration and accept bands by kind of claim, held out by note.

OUTCOMES is what `python -m evals.adversarial --out` wrote. Whatever is fitted here for a note is fitted on the others.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.domain.calibration import Scaling, expected_calibration_error, platt

SHARES = (0.03, 0.04, 0.05, 0.06)
"""Shares of the false answers that a band may let through."""
KINDS = ("core", "boundary", "term")


@dataclass(frozen=True, slots=True)
class Row:
    """A case and its p(covered), 0 where it was recognised as a copy; `natural`: written by hand."""

    note: str
    kind: str
    p: float
    truthful: bool
    natural: bool


def read(path: Path) -> list[Row]:
    """The rows on core claims, boundaries and terms; answers that may be taken either way are left out."""
    raw = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [
        Row(
            note=r["id"].partition("^")[0],
            kind=r["kind"],
            p=0.0 if r["copied"] else r["p_covered"],
            truthful=r["labels"] == ["covered"],
            natural=r["source"] in ("hand", "sheet") and not r["copied"],
        )
        for r in raw
        if r["kind"] in KINDS and (r["labels"] == ["covered"] or "covered" not in r["labels"])
    ]


def calibrated(rows: Sequence[Row], *, by_kind: bool) -> list[float]:
    """p(covered) of each row after a Platt scaling fitted on the other notes (and, `by_kind`, on its own kind)."""

    def fit(others: Iterable[Row]) -> Callable[[float], float]:
        return platt([(row.p, row.truthful) for row in others]).apply

    return _held_out(rows, fit, by_kind=by_kind)


def needed(rows: Sequence[Row]) -> Scaling:
    """The Platt scaling that the hand-written answers still ask for; slope 1 and shift 0 where they are calibrated.

    What ships (`alone` and `read` in the head's file) was fitted so on the dev split, without and with `--second`.
    """
    return platt([(row.p, row.truthful) for row in rows if row.natural])


def least_band(false: Iterable[float], share: float) -> float:
    """The least band with (false above + 1) / (false + 1) <= `share`: conformal risk control of the false passes."""
    falling = sorted(false, reverse=True)
    allowed = int(share * (len(falling) + 1)) - 1
    return falling[allowed] + 1e-6 if 0 <= allowed < len(falling) else 1.0


def accepted(rows: Sequence[Row], share: float, *, by_kind: bool) -> list[bool]:
    """Whether each row is accepted by the band that the other notes (and, `by_kind`, its own kind) give."""

    def fit(others: Iterable[Row]) -> Callable[[float], float]:
        band = least_band((row.p for row in others if not row.truthful), share)
        return lambda p: float(p >= band)

    return [value > 0 for value in _held_out(rows, fit, by_kind=by_kind)]


def _held_out(
    rows: Sequence[Row], fit: Callable[[Iterable[Row]], Callable[[float], float]], *, by_kind: bool
) -> list[float]:
    found: dict[tuple[str, str], Callable[[float], float]] = {}
    for row in rows:
        key = (row.note, row.kind if by_kind else "")
        if key not in found:
            found[key] = fit([o for o in rows if o.note != row.note and (not by_kind or o.kind == row.kind)])
    return [found[row.note, row.kind if by_kind else ""](row.p) for row in rows]


def calibration_table(rows: Sequence[Row]) -> str:
    """Expected calibration error of the hand-written answers by kind: as it is, scaled for all, scaled by kind."""
    natural = [row for row in rows if row.natural]
    ways = {
        "as graded": [row.p for row in natural],
        "one Platt scaling": calibrated(natural, by_kind=False),
        "one for each kind": calibrated(natural, by_kind=True),
    }
    lines = [f"{'calibration error':20} " + " ".join(f"{kind:>9}" for kind in (*KINDS, "all"))]
    for name, p in ways.items():
        errors = [_error(natural, p, kind) for kind in (*KINDS, "all")]
        lines.append(f"{name:20} " + " ".join(f"{error:9.3f}" for error in errors))
    return "\n".join(lines)


def _error(rows: Sequence[Row], p: Sequence[float], kind: str) -> float:
    some = [i for i, row in enumerate(rows) if kind in (row.kind, "all")]
    return expected_calibration_error([p[i] for i in some], [rows[i].truthful for i in some]) if some else float("nan")


def band_table(rows: Sequence[Row]) -> str:
    """What one band and one for each kind accept of the truthful and of the false, at the same share of the false."""
    lines = [f"{'false let through':18} {'bands':8} " + " ".join(f"{kind:>15}" for kind in ("all", *KINDS))]
    for share in SHARES:
        for name, by_kind in (("one", False), ("by kind", True)):
            taken = accepted(rows, share, by_kind=by_kind)
            lines.append(f"{share:<18.0%} {name:8} " + " ".join(_rates(rows, taken, k) for k in ("all", *KINDS)))
    return "\n".join(lines)


def _rates(rows: Sequence[Row], taken: Sequence[bool], kind: str) -> str:
    shares = []
    for truthful in (True, False):
        some = [t for row, t in zip(rows, taken, strict=True) if kind in (row.kind, "all") and row.truthful is truthful]
        shares.append(f"{sum(some) / len(some):.1%}" if some else "n/a")
    return f"{' / '.join(shares):>15}"


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Calibration and accept bands by kind of claim, held out by note.")
    parser.add_argument("outcomes", type=Path, help="what `python -m evals.adversarial --out` wrote")
    rows = read(parser.parse_args().outcomes)
    print(calibration_table(rows), band_table(rows), sep="\n\n")
    wanted = needed(rows)
    print(f"\ntruthful / false accepted; scaling still needed: log odds × {wanted.slope:.3f} {wanted.shift:+.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
