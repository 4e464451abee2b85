"""A small workspace, a learner who always says the same, and a judge that needs no model."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from agent.app import App
from agent.domain.verdict import ClaimText, Verdict

TOPIC = "kv-cache-scaling"
NOTE = "tracks/02-infra/kv-cache-scaling.md"
_ROADMAP = """\
# My roadmap \N{BRAIN}

## Track 02 — Infra

| Module | Topic | Level | Evidence (Links) | Status |
|---|---|---:|---|---|
| **Serving** | KV cache scaling (batch/seq/heads) | L0 | - | Planned |
|  | Paged attention | L0 | - | In progress |

## How to Update

- No level upgrade without evidence links.
"""
_STATEMENTS = {
    "c0": "(core) The cache grows in proportion to the sequence length.",
    "c1": "(core) Grouped heads shrink what must be stored.",
    "c2": "(core) Decoding waits for memory bandwidth rather than arithmetic.",
    "c3": "(core) Weights are shared by every user of the server.",
    "c4": "Paging avoids fragmentation between requests.",
    "c5": "Eight-bit storage halves traffic at some loss of precision.",
    "b1": "Sliding windows stop growth.",
    "b2": "MLA stores one latent.",
    "gqa": "**GQA**: query heads share keys.",
    "ttft": "**TTFT**: first token.",
}
_NOTE = """\
---
id: kv-cache-scaling
topic: "KV cache scaling (batch/seq/heads)"
requires: []
---
# KV cache scaling (batch/seq/heads)

What it is and why it matters.

## Claims

{claims}

## Boundaries

{boundaries}

## Terms

{terms}

## Misconceptions

- "It is quadratic." It is linear. ^m1
- "It is free." It is not. ^m2

## Worked example

Two times two.

```python run
print(2 * 2)
```

```output
4
```

## Towards L2, L3, L4

- **L2**: a demo.
- **L3**: a comparison.
- **L4**: limits.

## Sources

- Pope et al. 2022, arXiv:2211.05102 — checked: abstract
"""
# What the learner types, in this order; every text is unique, so that a lost or a doubled one is seen.
MESSAGES = (
    "a good first answer",
    "a vague second answer",
    "a good third answer, to the follow-up",
    "a vague fourth answer",
    "/appeal the fourth answer says it in other words",
    "a good sixth answer",
    "a good seventh answer",
    "a good eighth answer",
    "a good ninth answer",
    "a good tenth answer",
)


def make_workspace(root: Path) -> Path:
    """Make the workspace: two rows, one of them with a note to be quizzed from."""
    (root / NOTE).parent.mkdir(parents=True)
    for folder in ("sessions", "lab", "progress"):
        (root / folder).mkdir()
    (root / "roadmap.md").write_text(_ROADMAP, encoding="utf-8")
    (root / NOTE).write_text(_note(), encoding="utf-8")
    (root / ".gitignore").write_text(".study/\n", encoding="utf-8")
    return root


def _note() -> str:
    def bullets(*ids: str) -> str:
        asked = "  - Q: Why would anyone care about point {0}?\n  - Q: What if {0} were otherwise?"
        return "\n".join(f"- {_STATEMENTS[id]} ^{id}\n{asked.format(id)}" for id in ids)

    return _NOTE.format(
        claims=bullets("c0", "c1", "c2", "c3", "c4", "c5"), boundaries=bullets("b1", "b2"), terms=bullets("gqa", "ttft")
    )


class ScriptedJudge:
    """Implements `agent.ports.Grader`: `good` covers what is true and denies what is false; else nothing is covered."""

    version = "scripted-1"

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        """Judge by one word of the answer."""
        good = "good" in re.findall(r"\w+", answer)
        return [self._one(claim, answer, good=good) for claim in claims]

    @staticmethod
    def _one(claim: ClaimText, answer: str, *, good: bool) -> Verdict:
        if not good:
            return Verdict(claim.id, "missing", 0.03, 0.02, "", abstain=False)
        if claim.kind == "misconception":
            return Verdict(claim.id, "contradicted", 0.02, 0.95, answer, abstain=False)
        return Verdict(claim.id, "covered", 0.97, 0.01, answer, abstain=False)


def scripted_app(root: Path, *, commit: bool = False) -> App:
    """Wire the real app on a workspace, but for the judge, and without a chat model."""
    for name in [name for name in os.environ if name.startswith("STUDY_")]:
        del os.environ[name]
    os.environ.update(STUDY_CHAT="none", STUDY_COMMIT=str(commit).lower())
    app = App.load(root)
    app.__dict__["grader"] = ScriptedJudge()
    return app
