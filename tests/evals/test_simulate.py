"""The simulation: learners say what they are made to, the real graph decides, and the tables count it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.domain.attempt import Question
from agent.domain.quiz import Policy
from agent.domain.verdict import ClaimText, Verdict
from evals.simulate import main
from evals.simulation import KINDS, CachedGrader, Learner, load_sheets, play
from evals.simulation.learners import REGISTERS, RETRIES, SHOULD_PASS, Kind, spoken
from evals.simulation.oracle import OracleGrader
from evals.simulation.report import by_claim, false_passes, summary, summary_table
from evals.stats import cluster_interval, wilson

SHEETS = load_sheets()
SHEET = next(sheet for sheet in SHEETS if sheet.note.id == "rope")
PERFECT = OracleGrader([SHEET])


class Refusing:
    """Knows the sheets, and refuses these claims all the same; with `times` only that often each."""

    version = "refusing"

    def __init__(self, claims: set[str], times: int = 99) -> None:
        self._left = dict.fromkeys(claims, times)

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        return [self._refused(verdict) for verdict in PERFECT.judge(question, claims, answer)]

    def _refused(self, verdict: Verdict) -> Verdict:
        if not self._left.get(verdict.claim):
            return verdict
        self._left[verdict.claim] -= 1
        return Verdict(verdict.claim, "missing", 0.02, 0.02, "", False)


class TestSheets:
    def test_there_are_eight_of_all_tracks(self) -> None:
        assert len(SHEETS) >= 8
        assert len({sheet.note.path.split("/")[1] for sheet in SHEETS}) == 4
        assert {sheet.split for sheet in SHEETS} == {"dev", "sealed"}

    def test_wordings_differ(self) -> None:
        for sheet in SHEETS:
            for id, answers in sheet.claims.items():
                assert len({*answers.knows, answers.weak, answers.wrong}) == 4, id


class TestLearners:
    def test_the_same_seed_gives_the_same_learner(self) -> None:
        assert Learner.draw("knows half", SHEET, 3) == Learner.draw("knows half", SHEET, 3)
        assert len({Learner.draw("knows half", SHEET, seed).unknown for seed in range(10)}) > 5

    @pytest.mark.parametrize("kind", sorted(RETRIES))
    def test_who_appeals_or_sits_again_is_one_who_knows_all(self, kind: Kind) -> None:
        assert Learner.draw(kind, SHEET, 3) == replace(Learner.draw("knows all", SHEET, 3), kind=kind)

    def test_asked_again_another_wording_is_given(self) -> None:
        learner = Learner.draw("knows all", SHEET, 0)
        first = Question(claim="base", kind="ask", text="?")
        again = first.model_copy(update={"kind": "follow_up"})
        assert learner.answer(first, 0) != learner.answer(again, 1)

    @pytest.mark.parametrize("kind", KINDS)
    def test_everybody_answers_every_question(self, kind: Kind) -> None:
        learner = Learner.draw(kind, SHEET, 1)
        for id in [*SHEET.claims, *SHEET.misconceptions]:
            answer = learner.answer(Question(claim=id, kind="ask", text="?"), 0)
            assert answer.strip()
            assert not answer.startswith("/")

    @pytest.mark.parametrize("register", REGISTERS)
    def test_a_register_keeps_the_words(self, register: str) -> None:
        import random

        text = "It's linear, not quadratic."
        said = spoken(text, register, random.Random(0))  # type: ignore[arg-type]
        assert {"linear", "not", "quadratic"} <= set(said.lower().replace(".", " ").replace(",", " ").split())


class TestPlay:
    @pytest.mark.parametrize("kind", KINDS)
    def test_with_a_perfect_grader_the_right_learners_pass(self, kind: Kind) -> None:
        for seed in range(2):
            played = play(Learner.draw(kind, SHEET, seed), PERFECT, Policy())
            assert played.passed == (kind in SHOULD_PASS), (kind, seed, played.attempt.reasons)
            assert played.answers <= (12 if kind in SHOULD_PASS else Policy().max_turns)

    def test_a_grader_that_abstains_always_passes_nobody(self) -> None:
        played = play(Learner.draw("knows all", SHEET, 0), OracleGrader([SHEET], accepts=0.0), Policy())
        assert not played.passed
        assert played.answers == Policy().max_turns

    def test_one_refused_core_claim_is_mended_by_an_appeal_and_a_second_is_not(self) -> None:
        one, two = Refusing({SHEET.note.core[0].id}), Refusing({claim.id for claim in SHEET.note.core[:2]})
        assert not play(Learner.draw("knows all", SHEET, 0), one, Policy()).passed
        mended = play(Learner.draw("knows all, appeals", SHEET, 0), one, Policy())
        assert mended.passed
        assert [s.claim for s in mended.attempt.standings if s.status == "appealed"] == [SHEET.note.core[0].id]
        missed = play(Learner.draw("knows all, appeals", SHEET, 0), two, Policy())
        assert not missed.passed
        assert sum(turn.action == "appeal" for turn in missed.attempt.turns) == 1

    def test_a_boundary_is_not_appealed(self) -> None:
        refusing = Refusing({claim.id for claim in SHEET.note.boundaries})
        played = play(Learner.draw("knows all, appeals", SHEET, 0), refusing, Policy())
        assert not any(turn.action == "appeal" for turn in played.attempt.turns)

    def test_a_second_sitting_asks_what_the_first_refused_and_carries_the_rest_over(self) -> None:
        refused = SHEET.note.core[0].id
        learner = Learner.draw("knows all, second sitting", SHEET, 0)
        played = play(learner, Refusing({refused}, times=2), Policy())
        assert played.passed
        assert played.attempt.turns[0].question.claim == refused
        carried = {s.claim for s in played.attempt.standings if s.origin != "quiz"}
        assert {claim.id for claim in SHEET.note.core[1:]} <= carried
        first = play(Learner.draw("knows all", SHEET, 0), Refusing({refused}), Policy())
        assert played.answers > len(played.attempt.turns) + len(SHEET.note.core)
        assert not first.passed

    def test_the_second_sitting_begins_with_the_other_wording(self) -> None:
        question = Question(claim="base", kind="ask", text="?")
        learner = Learner.draw("knows all, second sitting", SHEET, 0)
        again = question.model_copy(update={"kind": "follow_up"})
        assert replace(learner, sitting=1).answer(question, 0) == learner.answer(again, 0)

    def test_who_passed_does_not_sit_again(self) -> None:
        once = play(Learner.draw("knows all, second sitting", SHEET, 0), PERFECT, Policy())
        assert once.answers == len(once.attempt.turns)

    def test_a_grader_that_accepts_everything_is_seen_in_the_table(self) -> None:
        kinds: tuple[Kind, ...] = ("knows all", "lacks one claim", "copies", "bluffs")
        easy = OracleGrader([SHEET], passes=1.0)
        played = [play(Learner.draw(kind, SHEET, seed), easy, Policy()) for kind in kinds for seed in range(2)]
        rows = {row["kind"]: row for row in summary(played)}
        assert {kind: row["passed"] for kind, row in rows.items()} == {
            "knows all": 2, "lacks one claim": 2, "bluffs": 2, "copies": 0,
        }  # fmt: skip
        assert {kind: row["met"] for kind, row in rows.items()} == {
            "knows all": True, "lacks one claim": False, "bluffs": False, "copies": True,
        }  # fmt: skip
        told = false_passes(played, 5)
        assert [line.partition(":")[0] for line in told] == ["lacks one claim"] * 2 + ["bluffs"] * 2
        assert "accepted ^" in told[0], "it names what was taken for true"
        assert "| bluffs | 2 | 100.0% |" in summary_table(list(rows.values()))


class TestTables:
    def test_claims_are_counted_at_first_and_in_the_end(self) -> None:
        played = [
            play(Learner.draw("knows all", SHEET, seed), OracleGrader([SHEET], accepts=0.5), Policy())
            for seed in (0, 1)
        ]
        rows = by_claim(played)
        assert {row["claim"] for row in rows} >= {claim.id for claim in SHEET.note.core}
        assert all(row["first"] <= row["after"] for row in rows)
        assert any(row["first"] < row["after"] for row in rows)

    def test_wilson(self) -> None:
        assert wilson(0, 0) == (0.0, 1.0)
        low, high = wilson(8, 10)  # R: prop.test(8, 10, correct = FALSE)
        assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-4)

    def test_the_clustered_interval_is_wider_where_clusters_disagree(self) -> None:
        apart = cluster_interval({"a": [True] * 20, "b": [False] * 20, "c": [True] * 20, "d": [False] * 20})
        mixed = cluster_interval({name: [True, False] * 10 for name in "abcd"})
        assert apart[1] - apart[0] > mixed[1] - mixed[0] + 0.3
        assert cluster_interval({"a": [True]}) == (0.0, 1.0)


class _Counting:
    def __init__(self, version: str = "counting") -> None:
        self.version, self.calls = version, 0

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        self.calls += len(claims)
        return [Verdict(c.id, "covered", 0.9, 0.0, answer, False) for c in claims]


class TestCache:
    CLAIMS = (ClaimText("a", "one", "core"), ClaimText("b", "two", "core"))

    def test_only_what_is_new_is_judged_and_the_order_stays(self, tmp_path: Path) -> None:
        inner = _Counting()
        grader = CachedGrader(inner, tmp_path / "cache.json")
        grader.judge("q", self.CLAIMS, "text")
        assert [v.claim for v in grader.judge("q", self.CLAIMS, "text")] == ["a", "b"]
        assert inner.calls == 2
        grader.judge("another question", self.CLAIMS[:1], "text")
        assert inner.calls == 3

    def test_the_asked_claim_is_kept_apart_from_the_same_one_beside_another(self) -> None:
        bands = _Counting()
        grader = CachedGrader(bands)
        grader.judge("q", self.CLAIMS, "text")
        assert [v.claim for v in grader.judge("q", self.CLAIMS[::-1], "text")] == ["b", "a"]
        assert bands.calls == 4

    def test_the_file_serves_the_same_version_only(self, tmp_path: Path) -> None:
        path = tmp_path / "cache.json"
        first = CachedGrader(_Counting(), path)
        first.judge("q", self.CLAIMS, "text")
        first.save()
        same, other = _Counting(), _Counting("newer")
        assert CachedGrader(same, path).judge("q", self.CLAIMS, "text") == first.judge("q", self.CLAIMS, "text")
        CachedGrader(other, path).judge("q", self.CLAIMS, "text")
        assert (same.calls, other.calls) == (0, 2)

    @pytest.mark.parametrize("torn", ['{"version": "counting", "verd', "[]", '{"version": "counting"}', ""])
    def test_a_torn_file_counts_as_none(self, tmp_path: Path, torn: str) -> None:
        path = tmp_path / "cache.json"
        path.write_text(torn, encoding="utf-8")
        inner = _Counting()
        grader = CachedGrader(inner, path)
        grader.judge("q", self.CLAIMS, "text")
        assert inner.calls == 2
        grader.save()
        assert len(CachedGrader(inner, path).judge("q", self.CLAIMS, "text")) == inner.calls == 2

    def test_a_file_that_cannot_be_written_is_still_the_old_one(self, tmp_path: Path) -> None:
        path = tmp_path / "cache.json"
        grader = CachedGrader(_Counting(), path)
        grader.judge("q", self.CLAIMS, "text")
        grader.save()
        before = path.read_bytes()
        grader._known["bad"] = [object()]
        with pytest.raises(TypeError):
            grader.save()
        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["cache.json"]


def test_the_command_prints_its_tables_and_writes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    given = ["--kind", "oracle", "--learners", "1", "--split", "sealed", "--only", "knows all", "--only", "attacks"]
    monkeypatch.setattr("sys.argv", ["simulate", *given, "--policy", "max_turns=14", "--out", str(out)])
    assert main() == 0
    printed = capsys.readouterr().out
    assert "| knows all | 3 | 100.0% |" in printed
    assert "max_turns=14" in printed
    result = json.loads(out.read_text("utf-8"))
    assert [row["kind"] for row in result["summary"]] == ["knows all", "attacks"]
    assert result["quizzes"] == []
