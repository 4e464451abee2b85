"""Systematic variants: a true sentence made false by one change of negation, number, direction or entity."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from agent.domain.note import Misconception
from agent.domain.probing import probe
from evals.adversarial.pins import CASES

TURNS = (
    ("linearly", "quadratically"), ("linear", "quadratic"), ("larger", "smaller"), ("higher", "lower"),
    ("faster", "slower"), ("longer", "shorter"), ("more", "fewer"), ("raises", "lowers"), ("rises", "falls"),
    ("grows", "shrinks"), ("increases", "decreases"), ("saves", "costs"), ("always", "never"), ("doubles", "halves"),
)  # fmt: skip
"""Opposites: a single one of them, exchanged for its partner, reverses what is said."""
SWAPS = (
    *TURNS, ("large", "small"), ("before", "after"), ("first", "last"), ("forward", "backward"), ("earlier", "later"),
    ("same", "different"), ("constant", "linear"), ("query", "key"), ("weights", "activations"), ("prefill", "decode"),
    ("latency", "bandwidth"), ("preferred", "rejected"), ("name", "description"), ("model", "application"),
    ("values", "updates"), ("greedy", "beam"), ("min", "max"), ("recall", "precision"), ("hits", "misses"),
)  # fmt: skip
"""Pairs of which both must occur: they change places."""
_AUXILIARY = re.compile(
    r"\b(is|are|was|does|do|can|has to|have to|must|should|will|keeps|keep|needs|need|takes|grows|stays|goes)\b"
)
_NEGATED = {
    **{f"{verb}s": f"does not {verb}" for verb in ("keep", "need", "take", "grow", "stay")},
    **{"keep": "do not keep", "need": "do not need", "goes": "does not go"},
    **{"has to": "does not have to", "have to": "do not have to"},
}
_NUMBER = re.compile(r"(?<![\w.,^−-])\d+(?:[.,]\d+)?(?![\w^])")


def of(text: str, claim: str, question: str) -> Iterator[tuple[str, str]]:
    """Pairs of style (`variant_negation`, `_number`, `_direction`) and false text, for one true sentence.

    Longer texts are left alone: one change in a side remark would not make them false.
    """
    if len(re.findall(r"[.!?:](?=\s|$)", text.rstrip(".!? "))) > 1:
        return
    changes = (("negation", negate(text)), ("number", renumber(text, claim, question)), ("direction", turn(text)))
    for style, changed in changes:
        if changed is not None and changed != text:
            yield f"variant_{style}", changed


def negate(text: str) -> str | None:
    """Negate the first statement; None where no verb is known, or a negation stands there already."""
    sentence = re.split(r"(?<=[.:;])\s", text, maxsplit=1)[0]
    if re.search(r"\b(?:not|never|no|without|only|just|nothing|neither)\b|n't", sentence):
        return None  # taking a negation away, or adding a second one, does not surely make the text false
    match = _AUXILIARY.search(sentence)
    if match is None:
        return None
    return text[: match.start()] + _NEGATED.get(match[1], f"{match[1]} not") + text[match.end() :]


def renumber(text: str, claim: str, question: str) -> str | None:
    """Change the numbers that the claim states too and the question does not give; None where there is none."""
    given, stated = set(_NUMBER.findall(question)), set(_NUMBER.findall(claim))

    def other(found: re.Match[str]) -> str:
        value = float(found[0].replace(",", ""))
        if found[0] in given or found[0] not in stated or 1900 <= value < 2100:
            return found[0]
        return f"{value * 7 if value < 10 else value / 4:g}"

    return _NUMBER.sub(other, text)


def turn(text: str) -> str | None:
    """Exchange opposites: two that both occur change places, else one is replaced by its partner."""
    for a, b in SWAPS:
        found = {m[0].casefold() for m in _word(a, b).finditer(text)}
        if found == {a, b}:
            joined = re.search(rf"\b(?:{a},? (?:and|or) {b}|{b},? (?:and|or) {a})\b", text, re.IGNORECASE)
            return None if joined else _exchanged(text, a, b)
    for pair in TURNS:
        for word, other in (pair, pair[::-1]):
            if _word(word).search(text):
                return _word(word).sub(other, text, count=1)
    return None


def _exchanged(text: str, a: str, b: str) -> str:
    return _word(a, b).sub(lambda found: b if found[0].casefold() == a else a, text)


def _word(*choices: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(choices)})\b", re.IGNORECASE)


def probe_text(statement: str) -> str:
    """Give the question by which the quiz puts a misconception."""
    return probe(Misconception("probe", statement, "", 1)).text


@cache
def _exclusions() -> dict[str, Any]:
    path = CASES / "grading" / "exclusions.yml"
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def excluded(id: str, style: str) -> bool:
    """Whether somebody read this variant and found it still true, or without meaning."""
    return style in _exclusions().get(id, ())
