"""Scoring a draft against the day's raw JSON. Deterministic, no model, and not the product's own checks.

`agent.domain.support` decides what is kept; this decides what that was worth, by other means and from the case's file: it
looks numbers, names and words up in the JSON of the cited events alone, and knows what each day must tell and must not.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agent.domain.session_draft import SessionDraft, Statement
from evals.sessions.cases import DayCase

_NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
_PAIR = re.compile(r"(\d+) of (\d+)")
_WORD = re.compile(r"[^\W\d_]{4,}")
_ID = re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}\b|\^[\w-]+")
_LEVEL = re.compile(r"\bL([0-5])\b")
_QUOTE = re.compile(r"[“\"]([^”\"]{3,})[”\"]")
MIN_SUPPORT = 0.8  # share of a model sentence's words that the cited events have, word by word
# What any account needs to be a sentence, and nothing that says how something came out.
_GLUE = frozenset(
    """about after also answer answers asked before being claim claims code core committed commit changed change decision
    decided during each ended exit exited explained explain file files first from have into last line lines made noted
    note notes only other over question questions quiz quizzes read recorded reason said says second seconds session
    some step studied study started took taken that their then there these they this those through today topic under
    until used using were what when where whether which while with work worked wrote yesterday twice once both and
    ran run runs result results summary variant later next additionally followed respectively including which without
    not passed pass yet stopped paused rejected approved edited failed asking running learned
    continued still trial attempt attempts add adding adds added remove removing removes removed repository
    finally""".split()
)
_LINES = re.compile(r"\b(add|remov|delet)\w* (\d+)")  # which way the lines of a commit went
# A word that tells an outcome, and what in an event's data bears it out.
_OUTCOME: dict[str, Callable[[dict[str, Any]], bool]] = {
    r"(?<!not )(?<!n't )\bpass(?:ed)?\b": lambda e: e["data"].get("state") == "passed",
    r"\b(?:not|n't) (?:\w+ )?pass(?:ed)?\b": lambda e: e["data"].get("state") in ("not_passed", "stopped"),
    r"\bstopped\b": lambda e: e["data"].get("state") == "stopped",
    r"\bpaused\b": lambda e: e["data"].get("state") == "paused",
    r"\bapproved?\b": lambda e: e["data"].get("decision") == "approved",
    r"\breject(?:ed)?\b": lambda e: e["data"].get("decision") == "rejected",
    r"\bedited\b": lambda e: e["data"].get("decision") == "edited",
    r"\bfailed\b": lambda e: e["data"].get("exit_code") not in (0, None) or "failed" in str(e["text"]),
    r"\b(?:master|promot|improv|succe)\w*": lambda _: False,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A statement that does not hold, and why."""

    kind: str
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Score:
    """One day's counts. `told` of `events` are told by a statement other than the headline; `model_*` is the model's.

    `exact` of `checked` numbers, levels, ids and quotations are those of the cited events. `faults` says what is
    wrong: kind `exact`, `unsupported` or `never`.
    """

    case: str
    events: int
    told: int
    model_told: int
    key: int
    key_told: int
    statements: int
    model_statements: int
    dropped: int
    checked: int
    exact: int
    faults: tuple[Fault, ...]

    @property
    def unsupported(self) -> int:
        """How many statements say what no cited event does."""
        return len({fault.text for fault in self.faults})


def score(case: DayCase, draft: SessionDraft) -> Score:
    """Score one draft."""
    events = {event["id"]: event for event in case.events if event["id"] not in case.outside}
    checked, exact, faults = 0, 0, list[Fault]()
    for statement in draft.statements:
        unknown = [id for id in statement.events if id not in events]
        if unknown or not statement.events:
            faults.append(Fault("unsupported", statement.text, f"rests on {unknown or 'no event'}"))
        cited = [events[id] for id in statement.events if id in events]
        good, bad = _exact(statement, cited, case)
        checked += good + len(bad)
        exact += good
        faults += [Fault("exact", statement.text, why) for why in bad]
        faults += _unsupported(statement, cited, case)
    rest = [s for s in draft.statements if s is not draft.statements[0]]
    model = [s for s in draft.statements if s.by == "model"]
    return Score(
        case=case.name,
        events=len(events),
        told=len({id for s in rest for id in s.events} & set(events)),
        model_told=len({id for s in model for id in s.events} & set(events)),
        key=len(case.key),
        key_told=sum(_tells(rest, key.event, key.says) for key in case.key),
        statements=len(draft.statements),
        model_statements=len(model),
        dropped=len(draft.dropped),
        checked=checked,
        exact=exact,
        faults=tuple(faults),
    )


def _tells(statements: Iterable[Statement], event: str, says: Sequence[str]) -> bool:
    return any(event in s.events and all(_plain(word) in _plain(s.text) for word in says) for s in statements)


def _exact(statement: Statement, cited: Sequence[dict[str, Any]], case: DayCase) -> tuple[int, list[str]]:
    """Count what must be word for word in the cited events: numbers, levels, ids, quotations."""
    source = _source(statement, cited, case)
    said = _said(statement, cited, case)
    numbers = set(_NUMBER.findall(said)) | _counts(cited)
    levels = set(_LEVEL.findall(json.dumps([[e["data"].get("from"), e["data"].get("to")] for e in cited])))
    levels |= set(_LEVEL.findall(" ".join(_own(e) for e in cited))) if statement.by == "code" else set()
    good, bad = 0, list[str]()
    # Code quotes and cuts; what it quotes is checked as a quotation, not number by number.
    text = _QUOTE.sub(" ", statement.text) if statement.by == "code" else statement.text
    for ref in sorted({ref for event in cited for ref in event["refs"] if ref in text}, key=len, reverse=True):
        text, good = text.replace(ref, " "), good + 1  # a path that is there as a whole; its digits are no numbers
    for number in _NUMBER.findall(_plain(text)):
        good, bad = (good + 1, bad) if _among(number, numbers) else (good, [*bad, f"number {number}"])
    for pair in _PAIR.findall(_plain(text)):
        good, bad = (good + 1, bad) if pair in _PAIR.findall(said) else (good, [*bad, f"{pair[0]} of {pair[1]}"])
    for level in _LEVEL.findall(text):
        good, bad = (good + 1, bad) if level in levels else (good, [*bad, f"level L{level}"])
    for name in _ID.findall(text):
        good, bad = (good + 1, bad) if name.strip("^") in source else (good, [*bad, f"id {name}"])
    for quoted in [*_QUOTE.findall(statement.text), *([statement.quote] if statement.quote else [])]:
        parts = [_plain(part) for part in quoted.split("…") if part.strip()]
        found = all(part.strip(" .") in source for part in parts)
        good, bad = (good + 1, bad) if found else (good, [*bad, f"quotation {quoted[:60]!r}"])
    return good, bad


def _among(number: str, numbers: set[str]) -> bool:
    """Whether a number is one of these, as it is written or by its value (600 for 600.0)."""
    if number in numbers:
        return True
    values = {float(other) for other in numbers if other.count(".") < 2 and ":" not in other}
    return number.count(".") < 2 and ":" not in number and float(number) in values


def _source(statement: Statement, cited: Sequence[dict[str, Any]], case: DayCase) -> str:
    """Everything that may be quoted for a statement: the JSON of its events, and its claim where it is about one."""
    texts = [json.dumps(event, ensure_ascii=False) for event in cited] + [event["text"] for event in cited]
    ids = set(statement.events)
    claims = [item for item in (*case.explained, *case.gaps) if item["event"] in ids and item["link"] == statement.link]
    texts += [json.dumps(item, ensure_ascii=False) for item in claims] + [case.date.isoformat()]
    return _plain(" ".join(texts))


def _said(statement: Statement, cited: Sequence[dict[str, Any]], case: DayCase) -> str:
    """What numbers may come from: sentences and figures, not the digits of ids, paths and times."""
    texts = [event["text"] for event in cited]
    texts += [str(v) for e in cited for k, v in e["data"].items() if k not in ("attempt", "proposal", "run", "commit")]
    texts += [item["text"] for item in (*case.explained, *case.gaps) if item["link"] == statement.link]
    # A quiz that goes on is named by the beginning of its id, and a topic may have a number in its name.
    texts += [str(event["data"].get("attempt", ""))[:8] for event in cited] + [event["topic"] for event in cited]
    return _plain(" ".join([*texts, case.date.isoformat()]))


def _own(event: dict[str, Any]) -> str:
    return str(event["text"])


def _counts(cited: Sequence[dict[str, Any]]) -> set[str]:
    """Numbers that are counted rather than copied: how many events of a kind, state or outcome, and sums."""
    found = Counter[str]({"": len(cited)})
    for event in cited:
        found[event["kind"]] += 1
        for key in ("state", "outcome", "decision", "exit_code"):
            if key in event["data"]:
                found[f"{event['kind']} {key} {event['data'][key]}"] += 1
    current = [e for e in cited if not _old(e, cited)]
    for key in ("answers", "added", "deleted"):
        for group in (cited, current):
            found[f"{key} {len(group)}"] = sum(e["data"].get(key, 0) for e in group)
    for kind in {e["kind"] for e in cited}:
        found[f"current {kind}"] = sum(e["kind"] == kind for e in current)
    found["files"] = len({ref for e in current if e["kind"] == "change" for ref in e["refs"]})
    return {str(number) for number in found.values()} | {"0"}


def _old(event: dict[str, Any], cited: Sequence[dict[str, Any]]) -> bool:
    """Whether a later event of the same quiz or file tells this one anew."""
    later = [other for other in cited if (other["at"], other["id"]) > (event["at"], event["id"])]
    if event["data"].get("state") == "paused":
        return any(other["data"].get("attempt") == event["data"]["attempt"] for other in later)
    return event["data"].get("commit") == "" and any(set(event["refs"]) <= set(other["refs"]) for other in later)


def _unsupported(statement: Statement, cited: Sequence[dict[str, Any]], case: DayCase) -> list[Fault]:
    """Find what a statement says beyond its events: words, outcomes, and what the day's file rules out."""
    faults = [
        Fault("never", statement.text, f"matches {pattern!r}")
        for pattern in case.never
        if re.search(pattern, _unquoted(statement))
    ]
    if statement.by == "code":
        return faults
    text = _unquoted(statement).casefold()
    for pattern, bears_out in _OUTCOME.items():
        if re.search(pattern, text) and not any(bears_out(event) for event in cited):
            faults.append(Fault("unsupported", statement.text, f"no cited event bears out {pattern}"))
    for verb, number in _LINES.findall(_plain(text)):
        key = "added" if verb == "add" else "deleted"
        if int(number) not in _line_counts(cited, key):
            faults.append(Fault("unsupported", statement.text, f"no cited event has {number} lines {key}"))
    said = {word for word in _WORD.findall(_plain(text)) if word not in _GLUE}
    known = set(_WORD.findall(_source(statement, cited, case)))
    foreign = {word for word in said if not any(_akin(word, other) for other in known)}
    if said and 1 - len(foreign) / len(said) < MIN_SUPPORT:
        faults.append(Fault("unsupported", statement.text, f"words of no cited event: {', '.join(sorted(foreign))}"))
    return faults


def _line_counts(cited: Sequence[dict[str, Any]], key: str) -> set[int]:
    """The lines of each commit, of all of them, and their files ("adds 3 files")."""
    changes = [event for event in cited if event["kind"] == "change"]
    each = [int(event["data"].get(key) or 0) for event in changes]
    return {*each, sum(each), len({ref for event in changes for ref in event["refs"]})}


def _akin(word: str, other: str) -> bool:
    """Whether two words are forms of one: five letters shared at the front, or all of the shorter one."""
    return word[:5] == other[:5] or (min(len(word), len(other)) >= 4 and (word.startswith(other) or other.startswith(word)))


def _unquoted(statement: Statement) -> str:
    return _QUOTE.sub(" ", statement.text)


def _plain(text: str) -> str:
    """Fold a text for comparing; what a terminal would obey is shown as a mark in a draft."""
    marked = "".join("\ufffd" if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf") else c for c in text)
    folded = unicodedata.normalize("NFKC", marked).casefold()
    return " ".join(folded.replace("‘", "“").replace("’", "”").split())
