"""Untrusted text: making it safe to show, and comparing what it says by its words."""

import re
import unicodedata
from functools import lru_cache

# C0 and C1 controls except tab and newline, DEL; bidirectional overrides and isolates; zero-width characters; BOM.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
_WORD = re.compile(r"[^\W_]+(?:[.,/^][0-9]+)*", re.UNICODE)

# Function words of English, and words that every question or explanation carries.
STOP_WORDS = frozenset(
    """a an the this that these those it its they them their there here he she his her we our you your i me my
    is are was were be been being am do does did done doing have has had having can could will would shall should may
    might must not no nor and or but if then else than so as at by for from in into of off on onto out over to up with
    without within under per via about after before between through during while when where which who whom whose what
    why how again also just only very much many more most some any each every all both few other another such same own
    too because since although though however whether either neither get gets got use uses used using make makes made
    explain describe tell say name give happens happen mean means thing things one two way ways
    """.split()
)


def neutralise(text: str) -> str:
    """Text that a terminal shows as it is written: control, bidi and zero-width characters become `�`.

    Line feeds and tabs stay; CR LF becomes a line feed.
    """
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def fold(text: str) -> str:
    """Compatibility-normalised, lower-cased text without zero-width characters, for comparing."""
    return _UNSAFE.sub("", unicodedata.normalize("NFKC", text)).casefold()


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A light stem (plural, -ing, -ed, -ly), enough to match a question's words with a claim's."""
    for suffix in ("ingly", "edly", "ation", "ing", "ed", "es", "ly", "s", "e"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def words(text: str) -> list[str]:
    """Folded words and numbers in order."""
    return _WORD.findall(fold(text))


@lru_cache(maxsize=4096)
def content_stems(text: str) -> frozenset[str]:
    """Stems of the words that carry meaning; numbers are kept as they are."""
    return frozenset(w if w[0].isdigit() else stem(w) for w in words(text) if w not in STOP_WORDS)


def one_line(text: str, limit: int = 200) -> str:
    """Neutralised text on one line, cut at `limit` characters with an ellipsis."""
    flat = " ".join(neutralise(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"
