"""Slugs: the ids of topics and the names of files and folders."""

import re
import unicodedata

_LATIN_ACCENTS = re.compile("[\u0300-\u036f]")
_TRACK = re.compile(r"^track\s+(?P<number>\d{1,4})\b[\s\-–—:.]*(?P<title>.*)$", re.IGNORECASE | re.DOTALL)


def slugify(text: str) -> str:
    """Join the words by `-`, lower-cased: accents folded, letters and digits of every script kept.

    `Émile & co.` becomes `emile-co`, `KV 缓存` becomes `kv-缓存`; text without a letter or digit becomes "".
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    folded = unicodedata.normalize("NFKC", _LATIN_ACCENTS.sub("", decomposed)).casefold()
    # Vowel signs (category M) are part of the word in Indic scripts, though isalnum() denies it.
    kept = (c if c.isalnum() or unicodedata.category(c) in {"Mn", "Mc"} else " " for c in folded)
    return "-".join("".join(kept).split())


def short_title(text: str) -> str:
    """Keep what stands before the first `(` or `:`, full-width ones included; all of it where nothing does.

    `RoPE: what it changes and why` becomes `RoPE`.
    """
    head = re.split("[(:（：]", text, maxsplit=1)[0]
    return head.strip() if slugify(head) else text


def topic_id(row_text: str) -> str:
    """Make the id of a roadmap row: its text cut at the first `(` or `:`, slugified; `topic` if nothing is left.

    `ZeRO-1/2/3: what is partitioned and why` becomes `zero-1-2-3`.
    """
    return slugify(short_title(row_text)) or "topic"


def split_track(heading: str) -> tuple[int | None, str]:
    """Split a track's heading: `Track 02 — Systems (Infra)` is (2, `Systems (Infra)`).

    The number is None where the heading has none.
    """
    match = _TRACK.match(heading.strip())
    if match is None:
        return None, heading.strip()
    return int(match["number"]), match["title"].strip()


def track_id(number: int, title: str) -> str:
    """Make the name of a track's folder below `tracks/`: (2, `Systems & Training (Infra)`) is `02-systems-training`."""
    return f"{number:02d}-{topic_id(title)}"


def unique_ids(ids: list[str]) -> list[str]:
    """Number repeated ids `-2`, `-3`, …, in order; an id that stands there as it is keeps it."""
    taken = set(ids)
    seen: set[str] = set()
    result: list[str] = []
    for wanted in ids:
        chosen = wanted
        count = 2
        while chosen in seen or (chosen != wanted and chosen in taken):
            chosen = f"{wanted}-{count}"
            count += 1
        seen.add(chosen)
        result.append(chosen)
    return result
