"""Numbers with units, as people write them in results and limits."""

import re
from dataclasses import dataclass

_TIME = "ns|µs|μs|us|ms|msec|s|sec|secs|seconds?|milliseconds?|min|minutes?|h|hours?|days?"
_BYTES = "b|bytes?|[kmgtp]i?b|bits?"
_MONEY = "usd|eur|gbp|chf|cents?|ct|dollars?|euros?|\\$|€|£|¥"
_WORK = (
    "tok|toks|tokens?|req|reqs|requests?|queries|query|qps|rps|tps|items?|samples?|images?|docs?|chunks?|steps?|calls?"
    "|flops?|[kmgtp]flops?|flop|[kmgtp]flop|w|kw|wh|kwh|j|kj|hz|khz|mhz|ghz|gpu-?h(?:ours?)?|cpu-?h(?:ours?)?"
    "|core-?s(?:econds?)?|cpu-?s(?:econds?)?|gpu-?s(?:econds?)?"
)
_PLAIN = "%|percent|‰|pp|points?|x|×|db|°c|ratio|share|fraction|count|0\\.\\.1|0[-–]1|1"
_UNIT = re.compile(rf"(?:{_TIME}|{_BYTES}|{_MONEY}|{_WORK}|{_PLAIN})", re.IGNORECASE)
_WORD_UNIT = re.compile(
    rf"(?:{_TIME}|{_BYTES}|{_MONEY}|tokens?|qps|rps|tps|[kmgt]?flops|k?wh|%|percent|‰)", re.IGNORECASE
)
_SPLIT = re.compile(r"[\s/·*,;_]+|\bper\b")
_WORDS = re.compile(r"[\s,;_]+")
_SIGNS = frozenset("%$€£¥")
_BRACKETS = re.compile(r"[(\[（]([^)\]）]*)[)\]）]")
_RATIO = re.compile(
    r"\brecall|\bprecision|accuracy|\bacc\b|\bf[- ]?[12β]\b|f-?score|\bmrr\b|\bmap\b|ndcg|\bauc\b|auroc|auprc|bleu"
    r"|rouge|chrf|exact match|\bem\b|pass@|hit[- ]?(?:rate|ratio)|hits?@|rate\b|\bratio|share|fraction|score"
    r"|perplexity|\bppl\b|\bloss\b|\berrors?\b|\bwer\b|\bcer\b|brier|\bece\b|kappa|correlation|pearson|spearman"
    r"|similarity|speed-?up|faithfulness|relevance|groundedness",
    re.IGNORECASE,
)
_NUMBER = r"[~≈<>≤≥=±+\-−]*\s*(?:[$€£¥]\s*)?\d(?:[\d,' \u202f\u00a0]*\d)?(?:\.\d+)?(?:e[+-]?\d+)?"
_CELL = re.compile(rf"^(?P<number>{_NUMBER})(?:\s*(?:±|\+/-)\s*{_NUMBER})?\s*(?P<rest>.*)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Number:
    """A cell that is a number; `unit` says whether it carries one itself."""

    text: str
    unit: bool


def number_with_unit(cell: str) -> Number | None:
    """Read a table cell as a number: `12`, `~1,234.5 ms`, `0.61 ± 0.02`, `$3`, `98 %`; None where it is none."""
    match = _CELL.match(cell.strip())
    if match is None:
        return None
    rest = _BRACKETS.sub("", match["rest"]).strip()
    if rest and not has_unit(f"({rest})"):
        return None
    return Number(match["number"].strip(), bool(rest) or any(sign in match["number"] for sign in "$€£¥"))


def has_unit(title: str) -> bool:
    """Whether a column's title names a unit: `latency (ms)`, `memory [GiB]`, `throughput, tok/s`, `latency_ms`.

    Without brackets only the last word counts; there a single letter does not (`model B`), nor a thing that may be
    counted or named (`decode step`).
    """
    for group in _BRACKETS.findall(title):
        if any(_UNIT.fullmatch(word) for word in _SPLIT.split(group) if word):
            return True
    last = ([word for word in _WORDS.split(title) if word] or [""])[-1]
    if "/" in last:
        return all(_UNIT.fullmatch(part) for part in last.split("/"))
    return (len(last) > 1 or last in _SIGNS) and bool(_WORD_UNIT.fullmatch(last))


def is_ratio(title: str) -> bool:
    """Whether a metric has no unit by its nature: recall, accuracy, loss, a rate or score."""
    return bool(_RATIO.search(title))


def _bound(units: str) -> re.Pattern[str]:
    """A number and then one of the units, or the unit in brackets in the title of a column that holds a number."""
    number = rf"(?<![\d.,])\d[\d.,]*\s*(?:k|m)?\s*(?:{units})(?![a-z0-9])"
    return re.compile(rf"{number}|\((?:{units})(?:\s*/[^)]*)?\)\D*\d", re.IGNORECASE)


_COST_UNITS = rf"{_MONEY}|gpu-?h(?:ours?)?|cpu-?h(?:ours?)?|core-?s(?:econds?)?|cpu-?s(?:econds?)?|kwh|wh|tokens?"
# What a limit of each kind is given in.
SPECIFIC = {
    "latency": _bound(_TIME),
    "memory": _bound(_BYTES),
    "cost": re.compile(rf"{_bound(_COST_UNITS).pattern}|[$€£¥]\s*\d", re.IGNORECASE),
}
