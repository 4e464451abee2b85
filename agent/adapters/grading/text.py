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
    r"""(?:^|[.,!;:]\s*|\b(?:please|and|now|then|must|should)\s+)(?:ignore|disregard|forget|override|bypass)\b.{0,40}
        \b(?:rubric|instructions?|prompts?|above|previous|rules?|criteria|grading|reference)\b
    |\b(?:mark|grade|score|rate|label|classify|accept|treat|count|consider)\s+(?:\w+\s+){0,3}?
        (?:this|it|me|my|mine|answers?|claims?|responses?|points?)\b.{0,50}
        \b(?:cover\w*|correct|pass\w*|true|complete|full\w*|credit|max\w*|right)\b
    |\b(?:award|give|grant|assign)\s+(?:\w+\s+){0,3}?(?:full|max\w*|all|top|perfect)\s+(?:credit|points?|marks?|scores?|grades?)
    |\b(?:return|output|respond|reply|print|say)\b.{0,30}\b(?:verdict|p_covered|covered)\b
    |\bas\s+(?:an?|the|your|my)\s+(?:\w+\s+)?(?:examiner|grader|teacher|professor|instructor|judge|admin\w*|developer|author)
        [,\s]+(?:i|we|you)\b
    |\byou\s+are\s+now\b|^\W*(?:system|assistant|developer|user)\s*:|<\|?/?\s*(?:system|im_start|im_end|inst|assistant|user)\b
    |["'](?:verdicts?|p_covered|p_contradicted|score|covered|abstain|grade)["']\s*:|\b(?:verdict|p_covered)\s*[:=]
    |\b(?:this|my|the\s+(?:student|learner|candidate)(?:'?s)?)\s*(?:answer|response)?\s+(?:\w+\s+){0,3}
        (?:is|was|should|must|deserves?|covers?|meets?|satisf\w+)\b.{0,50}
        \b(?:covered|full\s+(?:credit|marks|points)|pass(?:ed)?|every\s+claim|all\s+(?:the\s+)?claims|rubric|marks?|accepted)\b
    |\bthe\s+(?:student|learner|candidate)(?:'?s)?\s+answer\s+(?:is|was)\b.{0,30}\bcorrect\b
    |\b(?:deserves?|merits?|earns?)\s+(?:\w+\s+){0,2}?(?:full|max\w*|top|all)\s+(?:credit|points?|marks?|scores?|grades?)
    |\blet(?:'s|\s+us)\s+play\b|\b(?:you|teacher|grader|examiner|judge)\b.{0,30}\baccepts?\s+(?:anything|everything|all)\b
    |\b(?:the|this|my)\s+(?:correct\s+)?answer\s+(?:states|contains|includes|covers)\b.{0,80}\b(?:answer|all\s+of\s+it)\b
    |^\W*(?:the|a)\s+(?:pupil|student|learner|candidate)\s+(?:says|writes|answers)\b
    |\bi\s+(?:hereby\s+)?(?:confirm|certify|declare|attest)\b|\bnew\s+(?:instructions?|task)\s*:
    |\b(?:everything|all|whatever|what)\s+(?:that\s+)?(?:the|your|this)\s+(?:notes?|text|material|claim|rubric|book)\s+
        (?:says?|states?|claims?)\b.{0,120}\b(?:correct|right|true)\b
    |\bend\s+of\s+(?:answer|input|prompt)\b|^\W*pretend\b""",
    re.I | re.X | re.S,
)
_BLUFF = re.compile(
    r"""\bi\s+(?:already\s+|totally\s+|definitely\s+|fully\s+|really\s+|completely\s+)*(?:know|understand|understood|learned|learnt|
    studied|read|remember|get|got)\s+(?:this|it|that|all|everything|the\s+(?:answer|topic|claim|note|concept|material)|about)\b|
    \b(?:trust|believe)\s+me\b|\bi(?:'?m|\s+am)\s+(?:an?\s+)?(?:expert|sure)\b|\b(?:it'?s|this\s+is|that'?s)\s+(?:obvious|
    trivial|easy|clear|basic|well[-\s]known)\b|^\W*no\s+idea|\bi\s+(?:really\s+)?(?:don'?t|do\s+not|can'?t|cannot)\s+(?:know|remember|recall)\b|
    \bi(?:'?m|\s+am)\s+not\s+sure\b|\bsame\s+as\s+(?:above|before|the\s+note)|^\W*see\s+(?:above|the\s+note|note)|
    ^\W*next\s+question|\bpass\s+me\b""",
    re.I | re.X,
)
_MARKS = re.compile(r"[,.:;()=<>+/*→×≈?!-]")
_VERBS = frozenset(
    """contain contains include includes use uses used need needs give gives make makes become becomes grow
    grows grew scale scales double doubles halve halves reduce reduces increase increases decrease
    decreases keep keeps hold holds send sends take takes store stores read reads write writes limit
    limits depend depends mean means meant require requires allow allows cause causes flow flows change
    changes move moves stay stays cost costs save saves share shares split splits run runs wait waits
    drop drops lose loses add adds stop stops start starts let lets work works help helps show shows see
    say come comes fit fits pay pays dont doesnt isnt arent didnt wont cannot happens affect affects
    produces produce return returns turns turn leave leaves put puts find finds tell tells go went gone
    stick sticks absorb absorbs burn burns""".split()
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


@lru_cache(maxsize=4096)
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


@lru_cache(maxsize=4096)
def _forms(text: str) -> tuple[str, ...]:
    return tuple(w.form for w in words_of(text))


def forms(text: str) -> list[str]:
    """Folded words in order. Questions and claims come back with every answer, so they are kept."""
    return list(_forms(text))


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
    said = forms(sentence)
    words = [w for w in said if w not in STOP]
    return bool(_BLUFF.search(clean(sentence))) and len(words) <= 6 and "because" not in said


def is_list(text: str) -> bool:
    """True for five or more bare terms in a row between commas, whatever introduces them ("It is about ...")."""
    items = [forms(item) for item in clean(text).split(",")]
    short = [item for item in items[1:] if len(item) <= 2 and not any(w in FUNCTION for w in item)]
    return len(items) >= 6 and len(short) >= 0.9 * len(items[1:]) and len(items[0]) <= 5


def echoes(text: str, question: str) -> bool:
    """True for a sentence that repeats the question and at most appends keywords to it."""
    said, asked = forms(text), forms(question)
    for i in range(len(asked)):
        at = 0
        while at < len(said) and i + at < len(asked) and said[at] == asked[i + at]:
            at += 1
        rest = said[at:]
        if at >= (2 if rest and i + at == len(asked) else 5) and sum(w in FUNCTION for w in rest) <= 0.1 * len(rest):
            return True
    return False


def is_stuffed(text: str) -> bool:
    """True for a bag of keywords: eight words or more without a verb, with hardly a function word among them.

    Formulas and lists of numbers are not taken for one.
    """
    words = forms(text)
    if len(words) < 8:
        return False
    glue = sum(w in FUNCTION for w in words) / len(words)
    figures = sum(len(w) < 3 or w[0].isdigit() for w in words) / len(words)
    bare = glue < 0.06 and figures < 0.25 and len(words) >= 9 and not _MARKS.search(text.strip().rstrip(".!?"))
    if bare or is_list(text):
        return True
    repeated = len(words) <= 60 and len(set(words)) < 0.45 * len(words)
    verbless = glue < 0.08 and figures < 0.25 and not any(w in _VERBS for w in words)
    return verbless or (repeated and glue < 0.15 and figures < 0.25)
