"""Notes for tests: a well-formed one, and ways to break it."""

from agent.domain.note import Note
from agent.workspace.note_file import read_note

PATH = "tracks/02-infra/kv-cache-scaling.md"

CLAIMS = (
    "The cache grows in proportion to the sequence length.",
    "Grouped heads shrink what must be stored.",
    "Decoding waits for memory bandwidth rather than arithmetic.",
    "Weights are shared by every user of the server.",
    "Paging avoids fragmentation between requests.",
    "Eight-bit storage halves traffic at some loss of precision.",
)


def block(text: str, id: str, *questions: str) -> str:
    """A bullet with its questions."""
    asked = questions or (f"Why would anyone care about point {id}?", f"What if {id} were otherwise?")
    return "\n".join([f"- {text} ^{id}", *(f"  - Q: {question}" for question in asked)])


def note_text(**sections: str) -> str:
    """A note without findings; a keyword replaces the part of that name, "" leaves it empty."""
    parts = {
        "front": 'id: kv-cache-scaling\ntopic: "KV cache scaling (batch/seq/heads)"\nrequires: [kv-cache]',
        "title": "KV cache scaling (batch/seq/heads)",
        "intro": "What it is and why it matters.",
        "claims": "\n".join(
            block(("(core) " if place < 4 else "") + text, f"c{place}") for place, text in enumerate(CLAIMS)
        ),
        "boundaries": block("Sliding windows stop growth.", "b1") + "\n" + block("MLA stores one latent.", "b2"),
        "terms": block("**GQA**: query heads share keys.", "gqa") + "\n" + block("**TTFT**: first token.", "ttft"),
        "misconceptions": '- "It is quadratic." It is linear. ^m1\n- "It is free." It is not. ^m2',
        "worked": "Two times two.\n\n```python run\nprint(2 * 2)\n```\n\n```output\n4\n```",
        "towards": "- **L2**: a demo.\n- **L3**: a comparison.\n- **L4**: limits.",
        "sources": "- Pope et al. 2022, arXiv:2211.05102 — checked: abstract",
    } | sections
    return "\n".join(
        [
            f"---\n{parts['front']}\n---\n# {parts['title']}\n\n{parts['intro']}\n",
            f"## Claims\n\n{parts['claims']}\n",
            f"## Boundaries\n\n{parts['boundaries']}\n",
            f"## Terms\n\n{parts['terms']}\n",
            f"## Misconceptions\n\n{parts['misconceptions']}\n",
            f"## Worked example\n\n{parts['worked']}\n",
            f"## Towards L2, L3, L4\n\n{parts['towards']}\n",
            f"## Sources\n\n{parts['sources']}\n",
        ]
    )


def note(path: str = PATH, **sections: str) -> Note:
    """The same, read."""
    return read_note(note_text(**sections), path)[0]
