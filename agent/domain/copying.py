"""Copy detection: which words of an answer stand in runs taken from a passage.

An answer that uses a note's terms shares single words and short phrases with it; a copied one shares long
runs in the same order. Runs are found by matching k-word shingles (seed and extend, as in winnowing,
Schleimer et al. 2003), tolerant of case, punctuation, invisible characters, look-alike letters, and a word
inserted, dropped or replaced here and there.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from agent.domain.text import STOP_WORDS

_SEED = 3
"""Words in a row that start a run."""
_GAP = 2
"""Words that may differ between two pieces of one run."""
_RUN = 10
"""Matched words from which a run counts as copied."""
_RARE_RUN = 10
"""The same for an answer that is little else than that run."""
_BARE_RUN = 8
"""Content words in a row from which an answer that has hardly others counts as copied, whatever stands between them."""
_BARE_SHARE = 0.8
_SHARE = 0.5
"""Share of the answer's words in copied runs from which the whole answer counts as copied."""

# Cyrillic and Greek letters that look like Latin ones (a part of Unicode TR 39's confusables).
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁԛԝһᴀᴇᴏАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧαορυνιı",
    "aeopcyxijsdqwhaeoABEKMHOPCTYXIJSABEZHIKMNOPTYXaopuvii",
)


_PLAIN = re.compile(r"[\t\n -~]*")
"""ASCII without control characters: nothing in it is folded but the case."""
_PLAIN_WORD = re.compile(r"[A-Za-z0-9](?:'*[A-Za-z0-9])*")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: its normalised form and where it stands (`text[start:end]`)."""

    form: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Copying:
    """How much of an answer was copied: share of its words in 0..1, and the copied parts (exact substrings)."""

    share: float
    spans: tuple[str, ...]
    is_copied: bool


def fold(text: str) -> str:
    """NFKC, look-alikes to Latin, no invisible or combining characters, case folded. Lengths may change."""
    return text.casefold() if _PLAIN.fullmatch(text) else _fold_any(text)


def _fold_any(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).translate(_LOOKALIKES)
    text = unicodedata.normalize("NFKD", text)
    return "".join(c for c in text if unicodedata.category(c) not in {"Cf", "Mn", "Cc"} or c in "\n\t").casefold()


_fold_character = lru_cache(maxsize=4096)(fold)


@lru_cache(maxsize=512)
def _forms(passage: str) -> tuple[str, ...]:
    """The words of a passage: a note's are compared with every answer of a quiz."""
    return tuple(word.form for word in words_of(passage))


def words_of(text: str) -> list[Word]:
    """The words (letters and digits) of `text` in order, folded, with offsets into the original."""
    if not _PLAIN.fullmatch(text):
        return _words_of_any(text)
    return [Word(m[0].replace("'", "").lower(), m.start(), m.end()) for m in _PLAIN_WORD.finditer(text)]


def _words_of_any(text: str) -> list[Word]:
    words: list[Word] = []
    form: list[str] = []
    start = end = 0
    for i, char in enumerate(text):
        folded = _fold_character(char)
        if not folded or folded in {"'", "\u2019"}:
            continue
        if all(c.isalnum() for c in folded):
            if not form:
                start = i
            form.append(folded)
            end = i + 1
        elif form:
            words.append(Word("".join(form), start, end))
            form = []
    if form:
        words.append(Word("".join(form), start, end))
    return words


def _runs(answer: Sequence[str], passage: Sequence[str]) -> list[list[int]]:
    """Chains of matched positions in the answer: seeds along nearly one diagonal, joined across small gaps."""
    where: dict[tuple[str, ...], list[int]] = {}
    for j in range(len(passage) - _SEED + 1):
        where.setdefault(tuple(passage[j : j + _SEED]), []).append(j)
    chains: list[tuple[int, int, list[int]]] = []  # last answer position, last passage position, positions
    for i in range(len(answer) - _SEED + 1):
        for j in where.get(tuple(answer[i : i + _SEED]), ()):
            best = None
            for index, (a, p, _) in enumerate(chains):
                # A seed one step on continues its run; otherwise few words may lie between on either side.
                if -_SEED < i - a - 1 <= _GAP and -_SEED < j - p - 1 <= _GAP and j + _SEED - 1 > p:
                    best = index if best is None or len(chains[best][2]) < len(chains[index][2]) else best
            positions = list(range(i, i + _SEED))
            if best is None:
                chains.append((i + _SEED - 1, j + _SEED - 1, positions))
            else:
                old = chains[best][2]
                chains[best] = (i + _SEED - 1, j + _SEED - 1, old + [x for x in positions if x > old[-1]])
    return [positions for _, _, positions in chains]


def detect_copying(answer: str, passages: Sequence[str]) -> Copying:
    """Copied share, copied spans and the decision for `answer` against `passages` (note, claims, sources).

    Each passage is matched by itself; the share counts a word once. An empty answer copies nothing.
    """
    words = words_of(answer)
    forms = [w.form for w in words]
    taken: set[int] = set()
    for passage in passages:
        for run in _runs(forms, _forms(passage)):
            short = len(run) >= _RARE_RUN and len(run) >= 0.8 * len(words)
            if len(run) >= _RUN or short:
                taken.update(run)
        taken.update(_retouched(forms, _forms(passage)))
    share = len(taken) / len(words) if words else 0.0
    return Copying(share=share, spans=_spans(answer, words, taken), is_copied=share >= _SHARE)


def _retouched(answer: Sequence[str], passage: Sequence[str]) -> range:
    """Words of an answer that is the passage with other function words ("this" for "the", "each" for "every")."""
    content = [i for i, word in enumerate(answer) if word not in STOP_WORDS]
    said = [answer[i] for i in content]
    run = max(_runs(said, [word for word in passage if word not in STOP_WORDS]), key=len, default=[])
    if len(run) < _BARE_RUN or len(run) < _BARE_SHARE * len(said):
        return range(0)
    return range(content[run[0]], content[run[-1]] + 1)


def _spans(answer: str, words: list[Word], taken: set[int]) -> tuple[str, ...]:
    spans: list[str] = []
    first: int | None = None
    last = -1
    for i in sorted(taken):
        if first is not None and i - last - 1 > _GAP:
            spans.append(answer[words[first].start : words[last].end])
            first = None
        first = i if first is None else first
        last = i
    if first is not None:
        spans.append(answer[words[first].start : words[last].end])
    return tuple(spans)
