"""Cited answers: golden questions over the notes through the graph that `study ask` runs, without its checkpoints."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from agent.domain.text import content_stems, words
from agent.ports import Chat
from agent.ports.retriever import Filters, Passage, Retriever
from evals.golden import block_line
from evals.suite.closure import deciding
from evals.suite.contract import Case, Fixture, Unparsed, Value, Variant
from evals.suite.defects import damaged
from evals.suite.subjects.files import ROOT, rows, split_of, split_of_some, track
from graphs.prompts import template_text

if TYPE_CHECKING:
    from agent.adapters.retrieval import Embedder
    from agent.adapters.retrieval.files import Source
    from graphs.ask.state import AskInput

TEMPLATE = "ask/answer"
FILES = ("retrieval/golden.jsonl", "answering/questions.jsonl")
EVERYWHERE = Filters()
_NUMBERED = re.compile(r"^\[(\d+)\]\s*(.*)$")
_BULLET = re.compile(r"^\s*[-*]\s+(?:\(core\)\s+)?|\s*\^[\w-]+\s*$|\*\*|`")


class AnsweringScorer:
    """`right`: F1 of the citations against the blocks that answer; where the notes do not, 1 for saying so.

    `precision` and `recall` of the cited lines (the latter over all answerable questions). `resolves`: share of the
    citations whose words stand at the cited lines. `facts`: share of the claim's words that the answer says.
    `abstains`: on questions that the notes do not answer.
    """

    version = "1"
    metrics = ("right", "precision", "recall", "resolves", "facts", "abstains")
    targets: Mapping[str, float] = {"precision": 0.90, "recall": 0.80, "resolves": 1.0, "abstains": 0.85}

    def score(self, case: Case, value: Value) -> Mapping[str, float | None]:
        """See `evals.suite.contract.Scorer`."""
        cited: Sequence[Mapping[str, Any]] = value["answer"]
        resolves = sum(bool(c["resolves"]) for c in cited) / len(cited) if cited else None
        gold = [(place["path"], place["line"]) for place in case.expected["places"]]
        if not gold:
            right = float(not cited)
            none = dict.fromkeys(("precision", "recall", "facts"))
            return {"right": right, **none, "resolves": resolves, "abstains": right}
        on_gold = [_holds(c, *place) for c in cited for place in [next((g for g in gold if _holds(c, *g)), ("", 0))]]
        precision = sum(on_gold) / len(cited) if cited else None
        recall = sum(any(_holds(c, *place) for c in cited) for place in gold) / len(gold)
        both = (precision or 0.0) + recall
        said = content_stems(" ".join(str(c["text"]) for c in cited))
        wanted = content_stems(" ".join(str(place["text"]) for place in case.expected["places"]))
        return {
            "right": 2 * (precision or 0.0) * recall / both if both else 0.0,
            "precision": precision,
            "recall": recall,
            "resolves": resolves,
            "facts": len(said & wanted) / len(wanted) if wanted else 0.0,
            "abstains": None,
        }

    @property
    def fixtures(self) -> Sequence[Fixture]:
        """An answer on the right line and others; silence and talk where the notes say nothing."""
        places = [{"path": "a.md", "line": 7, "text": "The cache grows with the batch."}]
        asked, unknown = Case("a", "a", "dev", {}, {"places": places}), Case("u", "u", "dev", {}, {"places": []})
        told = {"text": "The cache grows with the batch.", "path": "a.md", "resolves": True}
        good = {"answer": [{**told, "start_line": 7, "end_line": 7}]}
        wrong = {"answer": [{**told, "text": "Rings turn.", "start_line": 9, "end_line": 9, "resolves": False}]}
        silent: Value = {"answer": []}
        pairs = [
            *((metric, asked, good, wrong) for metric in ("right", "precision", "recall", "resolves", "facts")),
            ("right", unknown, silent, wrong),
            ("abstains", unknown, silent, wrong),
        ]
        return [
            Fixture(metric, is_good, case, value)
            for metric, case, best, worst in pairs
            for is_good, value in ((True, best), (False, worst))
        ]


def _holds(cited: Mapping[str, Any], path: str, line: int) -> bool:
    return bool(cited["path"] == path and cited["start_line"] <= line <= cited["end_line"])


class CitationsResolve:
    """A quote that does not stand where the answer says."""

    name = "every citation resolves"

    def broken(self, case: Case, value: Value) -> str:
        """See `evals.suite.contract.Invariant`."""
        for cited in value["answer"]:
            if not cited["resolves"]:
                return f"The answer to {case.id} cites {cited['path']}:{cited['start_line']}, which does not say it."
        return ""


class Remembered:
    """Gives a question the same passages again without another search: no prompt changes them."""

    def __init__(self, retriever: Retriever) -> None:
        self._retriever, self._found = retriever, dict[tuple[str, int, Filters], Sequence[Passage]]()

    def search(self, query: str, k: int = 8, filters: Filters = EVERYWHERE) -> Sequence[Passage]:
        """See `Retriever`."""
        key = (query, k, filters)
        if key not in self._found:
            self._found[key] = self._retriever.search(query, k, filters)
        return self._found[key]


class Answering:
    """`study ask` on the project's own notes.

    Args:
        embedder: None: as the settings say.
        folder: keeps the index for the next run; None: below `.study/` of the project.
    """

    name = "answering"
    title = "Cited answers"
    templates = (TEMPLATE,)
    schema: type[BaseModel] | None = None
    code = deciding(__name__)
    uses_chat = True
    scorer = AnsweringScorer()
    invariants = (CitationsResolve(),)

    def __init__(self, embedder: "Embedder | None" = None, folder: Path | None = None) -> None:
        self._given, self._kept_in = embedder, folder

    @property
    def defects(self) -> Sequence[Variant]:
        """The citation rule deleted; knowledge of its own allowed where the notes say nothing."""
        system = template_text(TEMPLATE).split("\n---\n")[1]
        form = system[system.index("each in exactly this form") : system.index("\nIf ")]
        nothing = system[system.index("write only: NONE") :]
        return (
            damaged("no-citation-rule", TEMPLATE, form, "in plain prose", why="the citation rule is gone"),
            damaged("no-abstention", TEMPLATE, nothing, "answer all the same, as well as you can."),
        )

    def cases(self) -> list[Case]:
        """The golden questions of the retriever, and more of the same kind so that every note has some."""
        found = [row for file in FILES for row in rows(file)]
        unanswerable = [row["id"] for row in found if not row["expected"]]
        return [_case(row, unanswerable) for row in found]

    def versions(self) -> Mapping[str, str]:
        """The embedder, and the notes that are searched: both decide what the model gets to read."""
        whole = hashlib.sha256()
        for path in sorted((ROOT / "tracks").rglob("*.md")):
            whole.update(path.name.encode() + b"\0" + path.read_bytes())
        embedder = self._embedder
        return {"retrieval": f"{embedder.name if embedder else 'words only'}, notes {whole.hexdigest()[:8]}"}

    def run(self, case: Case, chat: Chat, options: Mapping[str, str]) -> Value:
        """Ask the graph; only the notes are searched, so that a learner's own files move no figure."""
        from agent.adapters.retrieval import similar_by
        from agent.adapters.retrieval.files import WorkspaceFiles
        from graphs.ask import AskContext

        files = WorkspaceFiles(ROOT)
        context = AskContext(self._retriever, files, chat, similar=similar_by(self._embedder))
        given = cast("AskInput", {"question": case.input["question"], "filters": {"folders": ["tracks"]}})
        state = self._graph.invoke(given, context=context)
        if state["outcome"] == "passages":
            raise Unparsed(f"There is no answer: {state['notice']}")
        answer = [{**item, "resolves": _resolves(item, files.text(item["path"]) or "")} for item in state["answer"]]
        return {"outcome": state["outcome"], "answer": answer}

    def imitate(self, case: Case, user: str) -> tuple[str, str]:
        """The statement that answers, cited as the template asks; silence, or a fact where silence was right."""
        places = case.expected["places"]
        if places:
            return _cited(user, str(places[0]["text"])), "NONE"
        return "NONE", _cited(user, "")

    @cached_property
    def _graph(self) -> Any:
        from graphs.ask import build_ask

        return build_ask().compile()

    @cached_property
    def _embedder(self) -> "Embedder | None":
        from agent.app import App

        return self._given or App.load_anywhere().embedder

    @cached_property
    def _retriever(self) -> Retriever:
        from agent.adapters.retrieval import HybridRetriever, NoteIndex

        index = NoteIndex(_notes_only(), self._folder, self._embedder)
        index.sync()
        return Remembered(HybridRetriever(index))

    @property
    def _folder(self) -> Path:
        return self._kept_in or ROOT / ".study" / "evals" / ("index" if self._embedder else "index-words")


def _notes_only() -> "Source":
    from agent.adapters.retrieval.files import Found, WorkspaceFiles

    class NotesOnly(WorkspaceFiles):
        def scan(self) -> Iterator[Found]:
            return (found for found in super().scan() if found.path.startswith("tracks/"))

    return NotesOnly(ROOT)


def _case(row: Mapping[str, Any], unanswerable: Sequence[str]) -> Case:
    places = [
        {"path": e["path"], "line": block_line(ROOT, e["path"], e["block"]), "text": _text(e["path"], e["block"])}
        for e in row["expected"]
    ]
    note = Path(places[0]["path"]).stem if places else ""
    slices = {"wording": row["wording"], "track": track(note) if note else "none"}
    split = split_of(note) if note else split_of_some(unanswerable.index(row["id"]))
    question = str(row["question"])
    return Case(
        row["id"], note or row["id"], split, {"question": question}, {"places": places}, slices, f"Question: {question}"
    )


def _text(path: str, block: str) -> str:
    line = (ROOT / path).read_text(encoding="utf-8").split("\n")[block_line(ROOT, path, block) - 1]
    return _BULLET.sub("", line).strip()


def _resolves(cited: Mapping[str, Any], source: str) -> bool:
    """Whether the words of the quote stand in a row at the cited lines; apart from the product's own check."""
    lines = " ".join(words("\n".join(source.split("\n")[cited["start_line"] - 1 : cited["end_line"]])))
    quote = " ".join(words(str(cited["quote"])))
    return bool(quote) and f" {quote} " in f" {lines} "


def _cited(user: str, wanted: str) -> str:
    """One cited sentence in the template's own form, of the line nearest to `wanted`; `NONE` where none is near."""
    number, best = "", (0.0, "", "")
    for line in user.split("\nQuestion:")[0].split("\n"):
        found = _NUMBERED.match(line)
        number, text = (found[1], found[2]) if found else (number, line)
        text = _BULLET.sub("", _BULLET.sub("", text)).strip()
        if not number or len(words(text)) < 5 or text.startswith(("#", "|", "Q:", "```")):
            continue
        stems, target = content_stems(text), content_stems(wanted)
        near = len(stems & target) / len(target) if target else 0.5
        best = max(best, (near, number, text), key=lambda item: item[0])
    near, number, text = best
    if near < (0.8 if wanted else 0.1):
        return "NONE"
    return f'[{number}] "{text}" -> {text}' if "->" in template_text(TEMPLATE) else f"{text.rstrip('.')}. [{number}]"
