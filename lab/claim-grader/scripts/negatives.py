"""False variants of a statement by rule (negation, direction, number, two words exchanged) and heaps of its words."""

import random
import re

from agent.adapters.grading.opposites import table
from agent.adapters.grading.text import STOP

_AUX = re.compile(r"\b(is|are|was|were|will|would|can|could|should|does|do|did|has|have|must)\b(?! not|n't)", re.I)
_NOT = re.compile(r"\b(is|are|was|were|will|would|can|could|should|does|do|did|has|have|must)(?: not|n't)\b", re.I)
_NUMBER = re.compile(r"\b\d+(?:\.\d+)?\b")
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*")


def swapped(text: str, rng: random.Random) -> str | None:
    """One word replaced by its opposite."""
    hits = [m for m in _WORD.finditer(text) if m.group().lower() in table()]
    if not hits:
        return None
    m = rng.choice(hits)
    return text[: m.start()] + rng.choice(sorted(table()[m.group().lower()])) + text[m.end() :]


def negated(text: str, rng: random.Random) -> str | None:
    """`not` put after an auxiliary, or taken away."""
    gone = list(_NOT.finditer(text))
    if gone:
        m = rng.choice(gone)
        return text[: m.start()] + m.group(1) + text[m.end() :]
    hits = list(_AUX.finditer(text))
    if not hits:
        return None
    m = rng.choice(hits)
    return text[: m.end()] + rng.choice([" not", " not", " never"]) + text[m.end() :]


def renumbered(text: str, rng: random.Random) -> str | None:
    """One number replaced by another."""
    hits = list(_NUMBER.finditer(text))
    if not hits:
        return None
    m = rng.choice(hits)
    value = float(m.group())
    other = rng.choice([value * 2, value + 1, value * 10, value + 3])
    return text[: m.start()] + (f"{other:g}") + text[m.end() :]


def contradict(text: str, rng: random.Random) -> str | None:
    """A false variant, or None where no rule applies."""
    rules = [swapped, swapped, negated, negated, renumbered]
    rng.shuffle(rules)
    for rule in rules:
        made = rule(text, rng)
        if made and made != text:
            return made
    return None


def exchanged(text: str, rng: random.Random) -> str | None:
    """Two content words change places, unless they are joined by "and" or "or" (as PAWS, Zhang et al. 2019)."""
    hits = [m for m in _WORD.finditer(text) if len(m.group()) > 3 and m.group().lower() not in STOP]
    if len(hits) < 3:
        return None
    first, second = sorted(rng.sample(hits, 2), key=lambda m: m.start())
    between = text[first.end() : second.start()]
    if first.group().lower() == second.group().lower() or re.fullmatch(r",?\s*(?:and|or|,|/|\+)?\s*", between):
        return None
    return text[: first.start()] + second.group() + between + first.group() + text[second.end() :]


def heap(text: str, rng: random.Random) -> str:
    """The content words of `text` without its statement: a list or a shuffled row."""
    found = list(dict.fromkeys(m.group().lower() for m in _WORD.finditer(text) if m.group().lower() not in STOP))
    if rng.random() < 0.7:
        rng.shuffle(found)
    found = found[: rng.randint(4, 14)]
    return rng.choice(
        [" ".join(found), ", ".join(found), f"It is about {', '.join(found)}.", f"{' '.join(found)} etc."]
    )
