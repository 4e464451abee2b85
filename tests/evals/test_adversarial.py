"""The adversarial set: complete, pinned, split by note; variants change one thing; counts are those of the quiz."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from agent.domain.quiz import claim_hash
from agent.domain.verdict import ClaimText, Verdict, VerdictName
from evals.adversarial import Case, judge_cases, load_cases, load_seen, stale_pins, table
from evals.adversarial.cases import LABELS, TRUTHFUL
from evals.adversarial.pins import ROOT, note_named, notes, stale, text_of, write_pins
from evals.adversarial.report import kind_table, summary, worst
from evals.adversarial.templates import answers, light_edit
from evals.adversarial.variants import excluded, negate, of, renumber, turn

CASES = load_cases()
HAND = [case for case in CASES if case.source == "hand"]


class Stub:
    """Gives the same verdict to everything."""

    version = "stub"

    def __init__(self, name: VerdictName, p: float = 0.95, *, abstain: bool = False) -> None:
        self._name, self._p, self._abstain = name, p, abstain

    def judge(self, question: str, claims: Sequence[ClaimText], answer: str) -> list[Verdict]:
        against = 0.95 if self._name == "contradicted" else 0.0
        p = self._p if self._name == "covered" else 0.0
        return [Verdict(c.id, self._name, p, against, "", self._abstain) for c in claims]


class TestTheSet:
    def test_nothing_was_edited_under_its_labels(self) -> None:
        found = [f"{item.note}^{item.block}" for item in stale_pins()]
        assert not found, "read the answers to these again, then run `python -m evals.adversarial --pin`"

    def test_is_as_large_and_wide_as_asked(self) -> None:
        items = {(case.note, case.claim.id) for case in HAND}
        tracks = {note_named(case.note).path.split("/")[1] for case in HAND}
        assert len(items) >= 60
        assert len({note for note, _ in items}) >= 20
        assert len(tracks) == 4
        assert {"core", "claim", "boundary", "misconception"} <= {case.claim.kind for case in HAND}

    def test_each_claim_has_true_and_false_answers_by_hand(self) -> None:
        styles: dict[tuple[str, str], set[str]] = {}
        for case in HAND:
            styles.setdefault((case.note, case.claim.id), set()).add(case.style)
        for (note, block), found in styles.items():
            if note_named(note).misconception(block):
                assert found == {"voices", "denies", "refutes", "unrelated"}, block
            else:
                assert len(found & set(TRUTHFUL)) >= 4, block
                assert {"partial", "vague", "wrong"} <= found, block
                assert found & {"negated", "swapped"}, block

    def test_a_note_is_in_one_split_and_a_third_is_sealed(self) -> None:
        split = {case.note: case.split for case in CASES}
        assert all(case.split == split[case.note] for case in CASES)
        assert 0.25 <= list(split.values()).count("sealed") / len(split) <= 0.4

    def test_the_judge_was_not_trained_on_these_notes(self) -> None:
        folder = ROOT / "lab/claim-grader/data/answers"
        trained = {yaml.safe_load(path.read_text("utf-8"))["note"] for path in folder.glob("*.yaml")}
        assert trained.isdisjoint(case.note for case in CASES)

    def test_no_answer_stands_twice_at_one_claim(self) -> None:
        counts = Counter((case.note, case.claim.id, case.answer) for case in HAND)
        assert not [key for key, count in counts.items() if count > 1]

    def test_exclusions_name_variants_that_exist(self) -> None:
        rows = yaml.safe_load((ROOT / "evals/cases/grading/exclusions.yml").read_text("utf-8"))
        texts = {case.id: case for case in CASES if case.source in ("hand", "sheet")}
        for id, styles in rows.items():
            note, block = id.split("/")[0].split("^")
            claim = note_named(note).claim(block)
            assert claim is not None, id
            text = claim.text if id.endswith("/claim") else texts[id].answer
            made = {style for style, _ in of(text, claim.text, claim.questions[0])}
            assert set(styles) <= made, id
            assert all(excluded(id, style) for style in styles)


class TestPins:
    def test_an_edited_claim_is_stale_until_pinned_again(self, tmp_path: Path) -> None:
        path = tmp_path / "pins.json"
        blocks = [("kv-cache", "no-queries"), ("kv-cache", "misc-what")]
        assert [item.block for item in stale(blocks, path)] == ["misc-what", "no-queries"]
        write_pins(blocks, path)
        assert stale(blocks, path) == []
        text = path.read_text("utf-8")
        now = claim_hash(text_of(note_named("kv-cache"), "no-queries"))
        path.write_text(text.replace(now, claim_hash("another text")), "utf-8")
        assert [item.block for item in stale(blocks, path)] == ["no-queries"]

    def test_a_block_that_is_gone_is_stale(self, tmp_path: Path) -> None:
        assert [item.text for item in stale([("kv-cache", "never-there")], tmp_path / "pins.json")] == [""]


class TestVariants:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("The cache grows with the batch.", "The cache does not grow with the batch."),
            ("It is linear.", "It is not linear."),
            ("It is not linear.", None),
            ("You can't unsend it.", None),
            ("Nothing verbal here", None),
        ],
    )
    def test_negation(self, text: str, expected: str | None) -> None:
        assert negate(text) == expected

    def test_numbers_of_the_claim_change_and_those_of_the_question_stay(self) -> None:
        text = "Of the 64 heads 8 are kept since 2019, as in 3 other models."
        changed = renumber(text, "8 of 64 heads, 2019", "There are 64 heads?")
        assert changed == "Of the 64 heads 56 are kept since 2019, as in 3 other models."

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("small ones pay latency, large ones bandwidth", "large ones pay latency, small ones bandwidth"),
            ("A larger ef raises recall", "A smaller ef raises recall"),
            ("the key and query vectors", None),
            ("no opposite stands here", None),
        ],
    )
    def test_direction(self, text: str, expected: str | None) -> None:
        assert turn(text) == expected

    def test_long_answers_are_left_alone(self) -> None:
        assert list(of("It is one. It is two. It is three.", "", "")) == []


class TestTemplates:
    def test_every_kind_is_made_and_the_stuffing_is_no_copy(self) -> None:
        claim = note_named("kv-cache").core[0]
        made = list(answers(claim.text, claim.questions[0], 0))
        assert {style for style, _ in made} == {"injected", "empty", "copied", "near_copied", "stuffed"}
        assert {style for style, _ in made} <= LABELS.keys()
        assert all(text != claim.text for style, text in made if style != "copied")

    def test_a_light_edit_keeps_the_content(self) -> None:
        assert light_edit("the cache is small") == "this cache gets small"


def _some(style: str, count: int = 3) -> list[Case]:
    return [case for case in CASES if case.style == style and case.source != "variant"][:count]


class TestOutcomes:
    def test_a_grader_that_accepts_everything_is_stopped_by_the_copy_detection_alone(self) -> None:
        outcomes = judge_cases(Stub("covered"), _some("copied") + _some("vague") + _some("terse"))
        assert [o.accepted for o in outcomes] == [False] * 3 + [True] * 6
        assert [o.copied for o in outcomes] == [True] * 3 + [False] * 6
        assert [o.is_right for o in outcomes] == [True] * 3 + [False] * 3 + [True] * 3
        assert {o.case.style for o in worst(outcomes, 10)} == {"vague"}

    def test_abstaining_accepts_nothing_and_fails_only_the_true_answers(self) -> None:
        outcomes = judge_cases(Stub("covered", abstain=True), _some("terse") + _some("wrong"))
        assert not any(o.accepted for o in outcomes)
        assert [o.is_right for o in outcomes] == [False] * 3 + [True] * 3

    def test_misconceptions_are_heard_and_taken_back_by_the_rules_of_the_quiz(self) -> None:
        denial = judge_cases(Stub("contradicted"), _some("denies", 1))[0]
        assert (denial.accepted, denial.taken_back, denial.is_right) == (False, True, True)
        unsure = judge_cases(Stub("covered", p=0.6), _some("voices", 1))[0]
        assert (unsure.accepted, unsure.is_right) == (False, False)

    def test_the_table_counts_by_style(self) -> None:
        outcomes = judge_cases(Stub("covered"), _some("vague", 4) + _some("terse", 2))
        lines = table(outcomes).splitlines()
        assert next(line for line in lines if line.startswith("vague")).split()[1:3] == ["4", "100.0%"]
        assert "2 of 2" in next(line for line in lines if line.startswith("truthful accepted"))
        assert "4 of 4" in next(line for line in lines if line.startswith("all false answers"))
        assert "n/a" in summary("nothing", [])

    def test_each_kind_of_claim_has_its_own_rates_and_calibration(self) -> None:
        some = [case for case in _some("terse", 60) + _some("vague", 60) if case.claim.kind in ("core", "boundary")]
        lines = kind_table(judge_cases(Stub("covered", p=0.95), some)).splitlines()[1:]
        assert {line.split()[0] for line in lines} == {"core", "boundary"}
        for line in lines:
            group = [case for case in some if case.claim.kind == line.split()[0]]
            true = sum(case.style == "terse" for case in group)
            assert f"{true} of {true}" in line
            assert float(line.split()[-2].rstrip("%")) == 100.0  # all passed: nothing better can be promised
            assert float(line.split()[-1]) == pytest.approx(abs(0.95 - true / len(group)), abs=0.006)


class TestSeen:
    def test_every_note_without_held_out_cases_has_five_claims(self) -> None:
        seen = load_seen()
        assert {case.note for case in seen} == set(notes()) - {case.note for case in CASES}
        for note in {case.note for case in seen}:
            assert len({case.claim.id for case in seen if case.note == note}) == 5

    def test_none_of_the_answers_was_trained_on(self) -> None:
        trained = " ".join(path.read_text("utf-8") for path in (ROOT / "lab/claim-grader/data").rglob("*.yaml"))
        assert not [case.id for case in load_seen() if case.answer in trained]

    def test_no_published_figure_counts_them(self) -> None:
        assert not {case.note for case in load_seen()} & {case.note for case in load_cases()}
