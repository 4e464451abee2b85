"""Rules for track notes that need no files: one note by itself, and all notes beside the roadmap."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import combinations, pairwise
from pathlib import PurePosixPath

from agent.domain.finding import Finding
from agent.domain.note import Claim, Fence, Note, note_of
from agent.domain.roadmap import Roadmap
from agent.domain.text import STOP_WORDS, content_stems, stem, words

MAX_CLAIM_WORDS = 60
# Measured on the 44 shipped notes (1,413 questions): the share of a claim's content words in its question has its
# 99th percentile at 0.27 and its largest value at 0.44; the longest run of content words in the claim's order is 3.
# What lies above was written by repeating the claim.
LEAK_SHARE = 0.5
LEAK_RUN = 4
# Jaccard similarity of content words. Neighbouring facts reach 0.55; pairs above this say the same in the same words.
DUPLICATE_SHARE = 0.6

PLACEHOLDER = "TODO"
RUNNABLE = "python run"
OUTPUT = "output"

_SENTENCE_END = re.compile(r"(?<![A-Z])[.!?](?=\s+[A-ZÀ-Þ(\"“])")
_ADDITION = re.compile(r"(?:^|[.;,]\s+)(?:and\s+)?(?:moreover|furthermore|additionally|besides)\b,?", re.IGNORECASE)
_LEVELS = ("L2", "L3", "L4")


def check_note(note: Note) -> list[Finding]:
    """Apply every rule that concerns one note alone, in the order of its lines."""
    rules = (_identity, _counts, _claims, _questions, _fence_pairs, _towards, _sources, _unfinished)
    return sorted(finding for rule in rules for finding in rule(note))


def check_together(notes: Sequence[Note], roadmap: Roadmap, *, missing: bool = True) -> list[Finding]:
    """Apply the rules across notes; `missing` says whether a row without a note counts."""
    findings = [*_coverage(notes, roadmap, missing=missing), *_requires(notes, roadmap), *_duplicates(notes)]
    return sorted(findings)


def leaks(question: str, claim: Claim) -> bool:
    """Tell whether a question gives its claim away: half of the content words, or four of them in order.

    The name that a term explains may stand in its question.
    """
    text = claim.text.partition(":")[2] if claim.kind == "term" else claim.text
    wanted = content_stems(text)
    shared = len(wanted & content_stems(question))
    if shared >= 3 and shared >= LEAK_SHARE * len(wanted):
        return True
    return _longest_run(_stems(text), _stems(question)) >= LEAK_RUN


def _stems(text: str) -> list[str]:
    return [word if word[0].isdigit() else stem(word) for word in words(text) if word not in STOP_WORDS]


def _longest_run(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest stretch that both sequences contain."""
    best, row = 0, [0] * (len(second) + 1)
    for word in first:
        row = [0] + [row[place] + 1 if word == other else 0 for place, other in enumerate(second)]
        best = max(best, *row)
    return best


def has_two_facts(text: str) -> bool:
    """Tell whether a claim surely states more than one fact; most that do are left to the reader's eye.

    More than two sentences, more than one semicolon, or a clause that says itself that it adds something.
    """
    sentences = len(_SENTENCE_END.findall(text)) + 1
    return sentences > 2 or text.count(";") > 1 or _ADDITION.search(text) is not None


def _finding(note: Note, line: int, rule: str, message: str) -> Finding:
    return Finding(note.path, line, rule, message)


def _identity(note: Note) -> Iterator[Finding]:
    name = PurePosixPath(note.path).stem
    if note.id != name:
        yield _finding(note, 1, "identity", f"the id {note.id!r} is not the file's name {name!r}.")
    if note.title != note.topic:
        yield _finding(note, 1, "identity", f"the heading {note.title!r} is not the topic {note.topic!r}.")
    if not note.intro:
        yield _finding(note, 1, "format", "the paragraph below the heading is missing.")
    seen: dict[str, int] = {}
    blocks = [(c.line, c.id) for c in note.claims] + [(m.line, m.id) for m in note.misconceptions]
    for line, id in sorted(blocks):
        if id in seen:
            yield _finding(note, line, "ids", f"the block id {id!r} is taken by line {seen[id]}.")
        seen.setdefault(id, line)


def _counts(note: Note) -> Iterator[Finding]:
    of: Mapping[str, Sequence[object]] = {
        "claims": [claim for claim in note.claims if claim.kind in {"core", "claim"}],
        "boundaries": note.boundaries,
        "terms": note.terms,
        "misconceptions": note.misconceptions,
    }
    limits = {"claims": (6, 12), "boundaries": (2, 4), "terms": (2, None), "misconceptions": (2, 4)}
    for name, (least, most) in limits.items():
        count = len(of[name])
        if count < least or (most is not None and count > most):
            wanted = f"{least} to {most}" if most else f"{least} or more"
            yield _finding(note, note.sections.get(name, 1), "counts", f"{count} {name}; {wanted} are asked for.")
    if not 4 <= len(note.core) <= 6:
        line = note.sections.get("claims", 1)
        yield _finding(note, line, "counts", f"{len(note.core)} claims are marked (core); 4 to 6 are asked for.")


def _claims(note: Note) -> Iterator[Finding]:
    for claim in note.claims:
        length = len(claim.text.split())
        if length > MAX_CLAIM_WORDS:
            yield _finding(note, claim.line, "length", f"{length} words; {MAX_CLAIM_WORDS} at most.")
        if claim.kind in {"core", "claim"} and has_two_facts(claim.text):
            yield _finding(note, claim.line, "one-fact", "the claim states more than one fact; split it.")


def _questions(note: Note) -> Iterator[Finding]:
    for claim in note.claims:
        if len(set(claim.questions)) < 2:
            count = len(set(claim.questions))
            yield _finding(note, claim.line, "questions", f"{count} different questions; two or more are asked for.")
        for place, question in enumerate(claim.questions, start=1):
            if leaks(question, claim):
                yield _finding(note, claim.line + place, "leak", f"question {place} gives its answer away; reword it.")


def _fence_pairs(note: Note) -> Iterator[Finding]:
    line = note.sections.get("worked example", 1)
    if not any(fence.info == RUNNABLE for fence in note.fences):
        yield _finding(note, line, "worked-example", f"no ```{RUNNABLE} block; add one with its output.")
    for fence, following in pairwise([*note.fences, Fence("", "", 0)]):
        if fence.info == RUNNABLE and following.info != OUTPUT:
            yield _finding(note, fence.line, "worked-example", "the block has no ```output block right behind it.")


def _towards(note: Note) -> Iterator[Finding]:
    absent = [level for level in _LEVELS if not note.towards.get(level)]
    if absent:
        line = next((line for title, line in note.sections.items() if title.startswith("towards")), 1)
        yield _finding(note, line, "towards", f"{', '.join(absent)} is missing; say what it takes.")


def _sources(note: Note) -> Iterator[Finding]:
    if not note.sources:
        yield _finding(note, note.sections.get("sources", 1), "sources", "no source is named.")
    for source in note.sources:
        if source.checked is None:
            yield _finding(
                note, source.line, "sources", "the source must end with `— checked: full`, `abstract` or `not reached`."
            )


def _unfinished(note: Note) -> Iterator[Finding]:
    items: Iterable[tuple[int, str, str]] = (
        (1, "the paragraph below the heading", note.intro),
        *((c.line, f"^{c.id}", " ".join((c.text, *c.questions))) for c in note.claims),
        *((m.line, f"^{m.id}", f"{m.statement} {m.correction}") for m in note.misconceptions),
        (note.sections.get("worked example", 1), "the worked example", note.worked_example),
        *((1, f"what {level} takes", text) for level, text in note.towards.items()),
        *((source.line, "the source", source.text) for source in note.sources),
    )
    for line, what, text in items:
        if re.search(rf"\b{PLACEHOLDER}\b", text):
            yield _finding(note, line, "unfinished", f"{what} still says {PLACEHOLDER}.")


def _coverage(notes: Sequence[Note], roadmap: Roadmap, *, missing: bool) -> Iterator[Finding]:
    found: set[str] = set()
    for topic in roadmap.topics:
        note = note_of(topic, notes)
        if note is None:
            if missing:
                message = f"{topic.text!r} has no note; write one with `study note new {topic.id}`."
                yield Finding("roadmap.md", topic.line, "coverage", message)
            continue
        found.add(note.path)
        if note.topic != topic.text:
            message = f"the topic {note.topic!r} is not the roadmap row's text {topic.text!r}."
            yield _finding(note, 1, "identity", message)
        folder = PurePosixPath(note.path).parent.name
        if folder != topic.track:
            yield _finding(note, 1, "identity", f"the folder {folder!r} is not the row's track {topic.track!r}.")
    for note in notes:
        if note.path not in found:
            message = f"no roadmap row has the id {note.id!r} or the text {note.topic!r}; correct one of them."
            yield _finding(note, 1, "coverage", message)


def _requires(notes: Sequence[Note], roadmap: Roadmap) -> Iterator[Finding]:
    known = {topic.id for topic in roadmap.topics} | {note.id for note in notes}
    for note in notes:
        for id in note.requires:
            if id not in known:
                yield _finding(note, 1, "requires", f"{id!r} is no topic of the roadmap.")
    try:
        tuple(TopologicalSorter({note.id: note.requires for note in notes}).static_order())
    except CycleError as error:
        circle = error.args[1]
        own = next(note for note in notes if note.id in circle)
        yield _finding(own, 1, "requires", f"topics require each other in a circle: {' → '.join(reversed(circle))}.")


def _duplicates(notes: Sequence[Note]) -> Iterator[Finding]:
    items = [
        (note, claim, content_stems(claim.text))
        for note in notes
        for claim in note.claims
        if PLACEHOLDER not in claim.text
    ]
    for (note, claim, own), (other, twin, others) in combinations(items, 2):
        shared = len(own & others)
        if shared > DUPLICATE_SHARE * (len(own) + len(others) - shared):
            where = f"^{claim.id} of {note.path}"
            yield _finding(other, twin.line, "duplicate", f"^{twin.id} says the same as {where}; keep one of them.")
