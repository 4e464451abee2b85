"""The odds that a statement answers a question: fitted on one half of the golden questions.

    python -m evals.quotes --cache FILE [--index DIR]

A quote is shown where no sentence of the model held (`graphs.ask.nodes.quote`). This fits `WEIGHTS` of
`agent.domain.quoting` on the half `dev` (by source note) and prints what each floor would show, alone and without any
sentence of the model: on `dev` in five folds of notes, on `held` with the weights of all `dev`, and with the shipped
weights on texts that the notes do not answer. `--cache` is that of `evals.answers`; a question whose reply is not
there is left out.
"""

import argparse
import csv
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agent.adapters.retrieval import HybridRetriever, NoteIndex, similar_by
from agent.domain import answering, quoting
from agent.domain.quoting import Signals
from agent.domain.statement import Statement, choose, statements
from agent.ports import Retriever
from agent.ports.retriever import Filters, Similar
from evals.answers import CachedChat, NotCachedError, half
from evals.golden import Case, block_line, load_cases
from graphs.ask.nodes import ANSWER_TOKENS, QUOTE_CHARS
from graphs.ask.state import CANDIDATES
from graphs.prompts import prompt

FLOORS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
FOLDS = 5
RIDGE = 1 / 0.3


@dataclass(frozen=True, slots=True)
class Row:
    """A question with the signals of its statements and which of them are gold; `stage` is how far gold came."""

    case: Case
    signals: tuple[Signals, ...]
    right: tuple[bool, ...]
    stage: str


def gather(root: Path, retriever: Retriever, similar: Similar, chat: CachedChat | None, case: Case) -> Row | None:
    """Do what the graph does up to the quote; None where the model was not asked yet."""
    passages = retriever.search(case.question, CANDIDATES, Filters(folders=("tracks",)))
    pool = [(each, p.score) for p in passages for each in statements(p.text, p.path, p.start_line, p.heading)]
    given = choose(case.question, pool, QUOTE_CHARS)
    scores = [(p.lexical, p.cosine) for p in passages]
    reply = ""
    if answering.has_evidence(scores) and chat:
        listed = answering.for_model(answering.in_reading_order(given))
        try:
            request = prompt("ask/answer", question=case.question, statements=listed)
            reply = "".join(chat.stream(request, max_tokens=ANSWER_TOKENS))
        except NotCachedError:
            return None
    gold = [(path, block_line(root, path, block)) for path, block in (*case.expected, *case.also)]

    def right(each: Statement) -> bool:
        return any(path == each.path and each.start_line <= line <= each.end_line for path, line in gold)

    cosines = similar(case.question, quoting.compared(given)) or [0.0] * len(quoting.compared(given))
    said = similar(reply, [each.plain for each in given]) if any(answering.parse(reply)) else None
    found = quoting.signals(case.question, given, pool, cosines, said, scores)
    stage = "not among 20 passages" if not any(right(each) for each, _ in pool) else "not among the statements read"
    if any(map(right, given)):
        stage = "read, model silent" if said is None else "read, model spoke"
        if not answering.has_evidence(scores):
            stage = "first gate"
    return Row(case, tuple(found), tuple(map(right, given)), stage)


def fit(rows: Sequence[Row]) -> tuple[Any, float]:
    """Weights and offset of a ridge logistic regression over all statements, in the units of the signals."""
    x = np.array([[float(v) for v in astuple(s)] for row in rows for s in row.signals])
    y = np.array([float(right) for row in rows for right in row.right])
    mean, deviation = x.mean(0), x.std(0) + 1e-9
    z = np.c_[(x - mean) / deviation, np.ones(len(x))]
    w, ridge = np.zeros(z.shape[1]), np.eye(z.shape[1]) * RIDGE
    ridge[-1, -1] = 1e-6
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ w))
        w = w - np.linalg.solve(z.T @ (z * (p * (1 - p))[:, None]) + ridge, z.T @ (p - y) + ridge @ w)
    weights = w[:-1] / deviation
    return weights, float(w[-1] - weights @ mean)


def best(row: Row, weights: Any, offset: float) -> tuple[float, bool]:
    """Chance of the likeliest statement and whether it is gold."""
    if not row.signals:
        return 0.0, False
    z = [float(np.dot(weights, [float(v) for v in astuple(s)])) + offset for s in row.signals]
    place = int(np.argmax(z))
    return float(1 / (1 + np.exp(-z[place]))), row.right[place]


def folded(rows: Sequence[Row]) -> list[tuple[float, bool]]:
    """`best` of each row under weights that saw no question to its note."""

    def fold(row: Row) -> int:
        key = row.case.expected[0][0] if row.case.expected else row.case.id
        return hashlib.blake2b(b"fold" + key.encode(), digest_size=1).digest()[0] % FOLDS

    models = [fit([row for row in rows if fold(row) != number]) for number in range(FOLDS)]
    return [best(row, *models[fold(row)]) for row in rows]


def line(name: str, rows: Sequence[Row], found: Sequence[tuple[float, bool]], floor: float) -> str:
    """Precision, recall and abstention at a floor."""
    shown = [right for chance, right in found if chance >= floor]
    wanted = sum(bool(row.case.expected) for row in rows)
    silent = sum(c < floor and not row.case.expected for row, (c, _) in zip(rows, found, strict=True))
    none = len(rows) - wanted
    precision = f"{sum(shown) / len(shown):.3f}" if shown else "–"
    return (
        f"{name:<12} floor {floor:.2f}  shown {len(shown):<3} precision {precision}  "
        f"recall {sum(shown) / max(1, wanted):.3f} of {wanted}  unanswerable abstained {silent}/{none}"
    )


def _strangers(path: Path) -> list[Case]:
    """Questions of another corpus (a CSV file with a column `question`), none of which the notes answer."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Case(str(n), row["question"], "unanswerable", ()) for n, row in enumerate(csv.DictReader(file))]


def main() -> None:
    """Fit, and print the weights, the stages at which gold is lost and the floors."""
    from agent.app import App

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="the replies of evals.answers")
    parser.add_argument("--index", type=Path, help="keeps the index for the next run")
    parser.add_argument("--strangers", type=Path, help="CSV of questions that the notes do not answer; no model")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="study-quotes-") as temporary,
        App.load_anywhere() as app,
        NoteIndex(Path.cwd(), options.index or Path(temporary), app.embedder) as index,
    ):
        index.sync()
        retriever, similar = HybridRetriever(index), similar_by(app.embedder)
        chat = CachedChat(options.cache, None, app.chat.name if app.chat else "none")
        found = [gather(Path.cwd(), retriever, similar, chat, case) for case in load_cases()]
        strange = _strangers(options.strangers) if options.strangers else []
        others = [row for c in strange if (row := gather(Path.cwd(), retriever, similar, None, c))]
        retriever.close()
    rows = [row for row in found if row]
    dev, held = ([row for row in rows if half(row.case) == name] for name in ("dev", "held"))
    weights, offset = fit(dev)
    print(f"{len(rows)} of {len(found)} questions; weights {weights.round(1).tolist()} offset {offset:.1f}")
    for wording in ("near", "away"):
        stages = [row.stage for row in rows if row.case.wording == wording]
        print(f"{wording:<5} { ({stage: stages.count(stage) for stage in sorted(set(stages))}) }")
    shipped = [best(row, quoting.WEIGHTS, quoting.OFFSET) for row in others]
    for floor in FLOORS:
        print(line("dev, folds", dev, folded(dev), floor))
        print(line("held", held, [best(row, weights, offset) for row in held], floor))
        if others:
            print(line("strangers", others, shipped, floor))


if __name__ == "__main__":
    main()
