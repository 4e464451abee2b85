"""Intermediate stage: entailment-like pairs made by rule from abstracts, before any graded answer is seen.

A claim is a sentence; its answers are the sentence in other words (WordNet synonyms, dropped glue, moved
clauses, filler, neighbours around it), the same made false by rule, half of it, its neighbours, or its bare
keywords. Nothing of the graded sets is used, so every fold may start from the same weights.
"""

import argparse
import json
import random
import re
from pathlib import Path

import torch
from data import Texts
from negatives import contradict
from train import Item, fit

from agent.adapters.grading.text import STOP

_FILL = ["I think ", "Basically, ", "because ", "It is that ", "So ", "In short: ", "well, "]
_DROP = {"the", "a", "an", "of", "which", "that", "was", "were", "is", "are"}


def synonyms(folder: Path) -> dict[str, list[str]]:
    """Word to the other words of its most frequent noun, verb or adjective sense in WordNet."""
    out: dict[str, list[str]] = {}
    for part in ("adj", "verb", "noun"):
        data = (folder / f"data.{part}").read_bytes()
        for line in (folder / f"index.{part}").read_text().splitlines():
            if line.startswith(" "):
                continue
            cells = line.split()
            word, pointers = cells[0], int(cells[3])
            offset = int(cells[4 + pointers + 2])
            entry = data[offset : data.index(b"\n", offset)].decode().split()
            words = [entry[4 + 2 * i].split("(")[0].lower() for i in range(int(entry[3], 16))]
            others = [w.replace("_", " ") for w in words if w != word]
            if others and "_" not in word and len(word) > 3:
                out[word] = others
    return out


def reword(text: str, table: dict[str, list[str]], rng: random.Random) -> str:
    """The sentence in somewhat other words, meaning kept."""
    if ", " in text and rng.random() < 0.3:
        head, _, tail = text.rstrip(".").partition(", ")
        text = f"{tail}, {head[0].lower()}{head[1:]}"
    out = []
    for word in text.split():
        bare = word.strip(".,;()").lower()
        if bare in table and rng.random() < 0.4:
            out.append(word.lower().replace(bare, rng.choice(table[bare])))
        elif bare in _DROP and rng.random() < 0.3:
            continue
        elif rng.random() < 0.02 and len(word) > 4:
            i = rng.randrange(1, len(word) - 2)
            out.append(word[:i] + word[i + 1] + word[i] + word[i + 2 :])
        else:
            out.append(word)
    made = " ".join(out)
    return rng.choice(_FILL) + made if rng.random() < 0.25 else made


def items(corpus: Path, table: dict[str, list[str]], count: int, rng: random.Random) -> list[Item]:
    docs = [json.loads(line) for line in corpus.read_text(encoding="utf-8").splitlines()]
    rng.shuffle(docs)
    out: list[Item] = []
    for doc in docs:
        parts = [s for s in re.split(r"(?<=[a-z)][.?!])\s*(?=[A-Z])", doc["text"]) if 7 <= len(s.split()) <= 28]
        if len(parts) < 3:
            continue
        for at in rng.sample(range(len(parts)), min(3, len(parts))):
            claim, near = parts[at], parts[at - 1]
            pick = rng.random()
            if pick < 0.34:
                answer, target = reword(claim, table, rng), (0.0, 1.0, 0.0)
                if rng.random() < 0.3:
                    answer = f"{near} {answer}"
            elif pick < 0.62:
                false = contradict(claim, rng)
                if not false:
                    continue
                answer, target = reword(false, table, rng), (0.05, 0.0, 0.95)
            elif pick < 0.78:
                words = reword(claim, table, rng).split()
                cut = len(words) // 2
                answer, target = " ".join(words[:cut] if rng.random() < 0.5 else words[cut:]), (0.75, 0.25, 0.0)
            elif pick < 0.94:
                answer, target = near, (0.97, 0.03, 0.0)
            else:
                keys = [w for w in claim.split() if w.lower() not in STOP]
                rng.shuffle(keys)
                answer, target = " ".join(keys), (0.95, 0.05, 0.0)
            out.append((claim, "", answer, target, 1.0))
            if len(out) == count:
                return out
    return out


def main() -> None:
    a = argparse.ArgumentParser()
    a.add_argument("--corpus", type=Path, required=True)
    a.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    a.add_argument("--base", type=Path, required=True)
    a.add_argument("--out", type=Path, required=True)
    a.add_argument("--count", type=int, default=8000)
    a.add_argument("--show", action="store_true")
    args = a.parse_args()
    args.epochs, args.lr, args.seed, args.smooth, args.ema, args.init, args.relational = 1, 1e-4, 0, 0.05, 0.99, None, False
    torch.set_num_threads(1)
    table = synonyms(args.wordnet)
    if args.show:
        for item in items(args.corpus, table, 12, random.Random(1)):
            print(item)
        return
    model = fit(Texts(args.base), args, lambda _, rng: items(args.corpus, table, args.count, rng))
    torch.save(model.state_dict(), args.out)


if __name__ == "__main__":
    main()
