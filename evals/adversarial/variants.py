"""Systematic variants: a true sentence made false by one change of negation, number, direction or entity."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from agent.domain.note import Misconception
from agent.domain.quiz import probe
from evals.adversarial.pins import CASES

PAIRS = (
    ("linearly", "quadratically"), ("linear", "quadratic"), ("larger", "smaller"), ("bigger", "smaller"),
    ("large", "small"), ("higher", "lower"), ("faster", "slower"), ("longer", "shorter"), ("more", "fewer"),
    ("raises", "lowers"), ("rises", "falls"), ("grows", "shrinks"), ("increases", "decreases"), ("before", "after"),
    ("doubles", "halves"), ("twice", "half"), ("saves", "costs"), ("always", "never"), ("best", "worst"),
    ("above", "below"), ("first", "last"), ("forward", "backward"), ("same", "different"), ("max", "min"),
    ("earlier", "later"), ("inside", "outside"), ("most", "least"), ("constant", "linear"), ("input", "output"),
    ("query", "key"), ("weights", "activations"), ("prefill", "decode"), ("latency", "bandwidth"),
    ("retrieval", "generation"), ("model", "application"), ("preferred", "rejected"), ("name", "description"),
)  # fmt: skip
_AUXILIARY = re.compile(
    r"\b(is|are|was|does|do|can|has to|have to|must|should|will|keeps|keep|needs|need|takes|grows|stays|goes)\b"
)
_NEGATED = {
    **{f"{verb}s": f"does not {verb}" for verb in ("keep", "need", "take", "grow", "stay")},
    **{"keep": "do not keep", "need": "do not need", "goes": "does not go"},
    **{"has to": "does not have to", "have to": "do not have to"},
}
_NUMBER = re.compile(r"(?<![\w.,^−-])\d+(?:[.,]\d+)?(?![\w^])")


def of(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of style (`variant_negation`, `_number`, `_direction`) and false text, where the change applies."""
    for style, changed in (("negation", negate(text)), ("number", renumber(text)), ("direction", turn(text))):
        if changed is not None and changed != text:
            yield f"variant_{style}", changed


def negate(text: str) -> str | None:
    """Negate the first statement, or take its "not" away; None where no verb is known."""
    sentence = re.split(r"(?<=[.:;])\s", text, maxsplit=1)[0]
    if re.search(r"\b(?:not|never|no|isn't|doesn't|don't|aren't|without|only|just|nothing)\b", sentence):
        return None  # taking a negation away, or adding a second one, does not surely make the text false
    match = _AUXILIARY.search(sentence)
    if match is None:
        return None
    denied = _NEGATED.get(match[1], f"{match[1]} not")
    return text[: match.start()] + denied + text[match.end() :]


def renumber(text: str) -> str | None:
    """Change every number that stands free in the text; None where there is none."""
    return _NUMBER.sub(lambda m: _other(m[0]), text) if _NUMBER.search(text) else None


def _other(number: str) -> str:
    value = float(number.replace(",", ""))
    changed = value * 7 if value < 10 else value / 4
    return f"{changed:g}"


def turn(text: str) -> str | None:
    """Exchange one pair of opposites: both words where both occur, else the first occurrence of the one there is."""
    for pair in PAIRS:
        found = {m[0].casefold() for m in _word(*pair).finditer(text)}
        if found == set(pair):
            return _exchanged(text, *pair)
    for a, b in PAIRS:
        for word, other in ((a, b), (b, a)):
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
