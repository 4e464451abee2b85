import json
import math
from pathlib import Path

import pytest

from agent.adapters.retrieval import HybridRetriever, NoteIndex
from agent.domain.errors import UsageError
from evals.golden import block_line, by_leg, leg_table, load_cases, measure, table
from evals.retrieve import read_qrels, retrieve_beir, score
from tests.helpers.embedders import HashingEmbedder

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    {"_id": "d1", "title": "Cats", "text": "The cat sleeps on the mat. " * 80},
    {"_id": "2", "title": "", "text": "# no heading\n\nDogs bark at 17 strangers.\0"},
    {"_id": "3", "title": "Title only", "text": ""},
    {"_id": "4", "text": "Fish swim in q2q water."},
]
QUERIES = [{"_id": "a", "text": "sleeping cat"}, {"_id": "b", "text": "barking dogs 17"}, {"_id": "c", "text": "title"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(d) + "\n" for d in DOCUMENTS))
    (tmp_path / "queries.jsonl").write_text("".join(json.dumps(q) + "\n\n" for q in QUERIES))
    (tmp_path / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\na\td1\t1\nb\t2\t2\nb\t9\t0\n")
    return tmp_path


def test_run_and_scores(folder: Path, tmp_path: Path) -> None:
    report = retrieve_beir(folder, tmp_path / "out.trec", HashingEmbedder())
    assert (report.documents, report.queries, report.judged) == (4, 3, 2)
    assert report.measures is not None
    assert set(report.measures) == {"fused", "lexical", "dense", "rrf"}
    assert report.measures["fused"]["ndcg@10"].mean == pytest.approx(1.0)
    lines = [line.split() for line in (tmp_path / "out.trec").read_text().splitlines()]
    assert [(f[0], f[2]) for f in lines if f[3] == "1"] == [("a", "d1"), ("b", "2"), ("c", "3")]
    assert len({(f[0], f[2]) for f in lines}) == len(lines), "a document of several chunks appears once"
    assert all(len(f) == 6 and f[1] == "Q0" and f[5] == "study" for f in lines)
    assert json.loads(report.as_json())["documents"] == 4
    assert "nDCG@10" in report.as_text()


def test_without_judgements_nothing_is_scored(folder: Path, tmp_path: Path) -> None:
    (folder / "qrels/test.tsv").unlink()
    report = retrieve_beir(folder, tmp_path / "out.trec", None)
    assert report.measures is None
    assert "nothing was scored" in report.as_text()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("corpus.jsonl", None, "cannot be read"),
        ("corpus.jsonl", '{"_id": "1"}\n', "line 1 has no"),
        ("corpus.jsonl", '{"_id": "1", "text": "x"}\n[]\n', "line 2 is no JSON object"),
        ("queries.jsonl", "{broken\n", "line 1 is no JSON object"),
        ("queries.jsonl", '{"text": "x"}\n', "line 1 has no"),
        ("qrels/test.tsv", "a b\n", "line 1 is not"),
        ("qrels/test.tsv", "a b high\n", "line 1 is not"),
    ],
)
def test_malformed_folder_is_one_sentence(
    folder: Path, tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    (folder / name).unlink() if content is None else (folder / name).write_text(content)
    with pytest.raises(UsageError, match=message):
        retrieve_beir(folder, tmp_path / "out.trec", None)
    assert not (tmp_path / "out.trec").exists()


def test_run_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        retrieve_beir(folder, tmp_path / "missing/out.trec", None)


def test_several_qrels_without_a_test_file(folder: Path) -> None:
    (folder / "qrels/test.tsv").rename(folder / "qrels/dev.tsv")
    assert set(read_qrels(folder)) == {"a", "b"}
    (folder / "qrels/train.tsv").write_text("")
    with pytest.raises(UsageError, match=r"no test\.tsv"):
        read_qrels(folder)


def test_score_by_hand() -> None:
    measures = score({"a": ["x", "r2", "r1"], "b": ["x"]}, {"a": {"r1": 2, "r2": 1, "x": 0}, "b": {"r": 1}})
    ideal = 2 + 1 / math.log2(3)
    assert measures["ndcg@10"].mean == pytest.approx((1 / math.log2(3) + 2 / 2) / ideal / 2)
    assert measures["recall@10"].mean == pytest.approx(0.5)
    assert measures["mrr@10"].mean == pytest.approx(0.25)
    assert measures["mrr@10"].low <= 0.25 <= measures["mrr@10"].high


def test_golden_cases_name_blocks_that_exist() -> None:
    cases = load_cases()
    counts = {kind: sum(c.wording == kind for c in cases) for kind in ("near", "away", "unanswerable")}
    assert counts["near"] + counts["away"] >= 120
    assert counts["away"] * 2 >= counts["near"] + counts["away"]
    assert counts["unanswerable"] >= 25
    assert len({c.id for c in cases}) == len(cases)
    for case in cases:
        assert bool(case.expected) is (case.wording != "unanswerable")
        for path, block in case.expected:
            block_line(REPOSITORY, path, block)


def test_golden_measure(tmp_path: Path) -> None:
    (tmp_path / "tracks").mkdir()
    (tmp_path / "tracks/a.md").write_text("# Cats\n\n- Cats sleep long. ^sleep\n")
    place = [{"path": "tracks/a.md", "block": "sleep"}]
    rows = [
        {"id": "1", "question": "cats sleep", "wording": "near", "expected": place},
        {"id": "2", "question": "feline slumber", "wording": "away", "expected": place},
        {"id": "3", "question": "quantum zebra", "wording": "unanswerable", "expected": []},
    ]
    cases = load_cases("\n".join(json.dumps(row) for row in rows))
    with NoteIndex(tmp_path, tmp_path / "index", HashingEmbedder()) as index:
        index.sync()
        retriever = HybridRetriever(index)
        outcomes = measure(tmp_path, retriever, cases)
        ranks = by_leg(tmp_path, index, retriever, cases)
        retriever.close()
    assert ranks[0] == {"words": 1, "vectors": 1, "reciprocal rank": 1, "shipped": 1}
    assert ranks[1]["words"] is None, "no word of the question is in the note"
    assert "near          n=1   shipped         @1 1.000" in leg_table(cases, ranks)
    assert (outcomes[0].block_rank, outcomes[0].evidence) == (1, True)
    assert (outcomes[2].block_rank, outcomes[2].evidence) == (None, False)
    assert "recall of the block @1 1.000" in table(outcomes)
    with pytest.raises(UsageError, match="no block 'gone'"):
        block_line(tmp_path, "tracks/a.md", "gone")
