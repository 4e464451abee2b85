"""Plain-text tools of the graders: sentences, stems, markers of negation and number, attacks, stuffing."""

import re
from dataclasses import dataclass
from functools import lru_cache

from agent.domain.copying import fold, words_of

STOP = frozenset(
    """a about after again all also although always am an and any are as at be because been before being both but by
    can could did do does doing done down during each either else even ever every for from further get gets getting go
    goes going had has have having he her here hers him his how i if in into is it its itself just kind let like may me
    might more most much must my no nor not now of off on once one only onto or other our out over own per rather same
    she should so some such than that the their them then there these they thing things this those through thus to too
    under until up upon us very was way we well were what when where whether which while who whom whose why will with
    within without would yes yet you your because since cause basically actually really probably maybe""".split()
)
FUNCTION = frozenset(
    """a an and are as at be been because but by can cannot did do does for from had has have how if in into is it its
    may must no not of on only or so than that the their them then there these they this to was we were what when where
    which while who will with would you i each per every more less when since whereas get gets""".split()
)
NEGATIONS = frozenset(
    """not no never none nothing neither nor cannot cant dont doesnt didnt isnt arent wasnt werent wont wouldnt couldnt
    shouldnt hasnt havent hadnt without nobody nowhere aint false incorrect wrong untrue""".split()
)
_NUMBER_WORDS = {
    w: str(i) for i, w in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
} | {"twice": "2", "double": "2", "doubles": "2", "doubled": "2", "half": "0.5", "halve": "0.5", "halves": "0.5"}
_SUFFIXES = (
    "ational", "ization", "isation", "iveness", "fulness", "ousness", "ically", "ation", "ments", "ingly", "edly",
    "ness", "ment", "ally", "ions", "ings", "ing", "ion", "ers", "ies", "ied", "ity", "ive", "ous", "est", "ful",
    "ed", "es", "er", "ly", "al", "s", "e",
)  # fmt: skip
_SENTENCE_END = re.compile(r"(?<=[.!?;])[\"')\]]*\s+|\n+")
_ORDER = re.compile(
    r"""\b(?:ignore|disregard|forget|override|bypass|skip)\b[^.\n]{0,40}\b(?:rubric|instruction|prompt|above|previous|rule|claim|
    reference|grad|criteria|everything|system)|\b(?:mark|grade|score|rate|treat|count|accept|label|set|consider|return|output|
    give|award|assign|classify)\b[^.\n]{0,60}\b(?:cover|correct|full|pass|true|maximum|max|complete|1\.0|100|a\+|credit|points?|
    entail|right)|\bas\s+(?:an?|the|your|my)\s+(?:examiner|grader|teacher|professor|instructor|judge|admin\w*|developer|system|
    expert|author|ai|assistant)\b|\byou\s+are\s+(?:now\s+)?(?:an?|the|my)\b|\b(?:system|assistant|user|developer)\s*:|
    <\|?/?\s*(?:system|im_start|im_end|inst|assistant|user)|["']?(?:verdict|p_covered|p_contradicted|score|covered|abstain)["']?\s*[:=]|
    \b(?:this|the|my)\s+(?:answer|response|student|learner)\s+(?:\w+\s+){0,3}(?:is|was|should|must|deserves?|covers?|contains?|
    meets?|satisf\w+)\b[^.\n]{0,50}\b(?:correct|covered|full|pass\w*|complete|right|claims?|rubric|credit|marks?|accepted)|
    \b(?:i|we)\s+(?:hereby\s+|can\s+)?(?:confirm|certify|declare|verify|attest)\b|\b(?:already|been)\s+(?:been\s+)?(?:verified|approved|graded)\b|
    \bnew\s+(?:instructions?|rules?|task)\b|\bend\s+of\s+(?:answer|input|prompt)\b|\brubric\b|\bpretend\b|\bjailbreak""",
    re.I | re.X,
)
_BLUFF = re.compile(
    r"""\b(?:i\s+(?:already\s+|totally\s+|definitely\s+|fully\s+|really\s+|completely\s+)*(?:know|understand|understood|learned|learnt|
    studied|read|remember|get|got)\s+(?:this|it|that|all|everything|the\s+(?:answer|topic|claim|note|concept|material)|about)|
    trust\s+me|believe\s+me|i\s+am\s+(?:an?\s+)?(?:expert|sure)|i'?m\s+(?:an?\s+)?(?:expert|sure)|(?:it'?s|this\s+is|that'?s)\s+(?:obvious|
    trivial|easy|clear|basic|well[-\s]known)|no\s+idea|(?:do\s*n[o']?t|dont|not)\s+(?:know|sure|remember)|same\s+as\s+(?:above|before|the\s+note)|
    see\s+(?:above|the\s+note|note)|next\s+question|pass\s+me)""",
    re.I | re.X,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer as it stands there: `answer[start:end] == text`."""

    text: str
    start: int
    end: int


def sentences(text: str) -> list[Sentence]:
    """Sentences and lines of `text` without surrounding blanks; a list marker stays with its line."""
    out: list[Sentence] = []
    at = 0
    for piece in [*_SENTENCE_END.finditer(text), None]:
        end = piece.start() if piece else len(text)
        chunk = text[at:end]
        body = chunk.strip()
        if body:
            start = at + chunk.index(body)
            out.append(Sentence(body, start, start + len(body)))
        at = piece.end() if piece else end
    return out


def clean(text: str) -> str:
    """Unicode tricks undone, spaces joined; the case is kept away, since every model here is uncased."""
    return re.sub(r"\s+", " ", fold(text)).strip()


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A light suffix stripper: `caches`, `cached` and `caching` become one form."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def forms(text: str) -> list[str]:
    """Folded words in order."""
    return [w.form for w in words_of(text)]


def numbers(words: list[str]) -> frozenset[str]:
    """Quantities among the words, `two` and `twice` as `2`; the bare `one` is mostly a pronoun and left out."""
    found = {_NUMBER_WORDS.get(w, w) for w in words if w not in {"one", "zero"}}
    return frozenset(w for w in found if w[0].isdigit())


def negations(words: list[str]) -> int:
    """How many words negate."""
    return sum(w in NEGATIONS for w in words)


def is_order(sentence: str) -> bool:
    """True for text addressed to the grader rather than about the subject."""
    return bool(_ORDER.search(clean(sentence)))


def is_bluff(sentence: str) -> bool:
    """True for a sentence that asserts knowledge, or the lack of it, instead of showing it."""
    words = [w for w in forms(sentence) if w not in STOP]
    return bool(_BLUFF.search(clean(sentence))) and len(words) <= 6


def is_stuffed(text: str) -> bool:
    """True for a bag of keywords: six words or more with hardly a function word or an ending among them."""
    words = forms(text)
    if len(words) < 6:
        return False
    glue = sum(w in FUNCTION for w in words) / len(words)
    endings = sum(w.endswith(("s", "ed", "ing")) for w in words if w not in FUNCTION) / len(words)
    repeated = len(words) <= 60 and len(set(words)) < 0.45 * len(words)
    return (glue < 0.08 and endings < 0.45) or repeated
