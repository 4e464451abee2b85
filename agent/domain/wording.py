"""When a model's rewording of a question may replace the authored one: it must neither leak nor drift."""

from agent.domain.text import content_stems, words

MAX_LEAK = 0.34  # share of the claim's own content words that a question may give away
MIN_SHARED = 0.5  # share of the authored question's content words that a rewording must keep
MIN_WORDS, MAX_WORDS = 5, 45


def leaked_share(question: str, claim: str, authored: str = "") -> float:
    """Share (0..1) of the claim's content words that the question gives away.

    Words that the authored question already has do not count: its author judged them harmless.
    """
    secret = content_stems(claim) - content_stems(authored)
    if not secret:
        return 0.0
    return len(secret & content_stems(question)) / len(secret)


def wording_fault(wording: str, *, claim: str, authored: str, topic: str) -> str | None:
    """Why a rewording must not be used, or None when it may.

    A rewording is one question of 5 to 45 words that names none of the claim's secrets (numbers least of all)
    and stays on the words of the authored question, the claim's subject or the topic.
    """
    text = wording.strip()
    count = len(words(text))
    asked, added = content_stems(authored), content_stems(text) - content_stems(authored)
    kept = len(asked & content_stems(text)) / len(asked) if asked else 1.0
    own = added - content_stems(claim) - content_stems(topic)
    faults = {
        "not one question": not text.endswith("?") or text.count("?") != 1 or "\n" in text,
        f"{count} words long": not MIN_WORDS <= count <= MAX_WORDS,
        "adds a number": any(word[0].isdigit() for word in added),
        "gives the answer away": leaked_share(text, claim, authored) > MAX_LEAK,
        "asks something else": kept < MIN_SHARED or len(own) > len(asked),
    }
    return next((fault for fault, found in faults.items() if found), None)
