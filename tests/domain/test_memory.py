"""Golden sequences of the memory model, and which reviews attempts give."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from agent.domain.memory import LONGEST_DAYS, Memory, Rating, Recall, claim_reviews, replay, topic_reviews, weakest
from tests.helpers.fakes import START
from tests.helpers.sittings import act, attempt, later, quiz_note, right, wrong

NOTE = quiz_note()
GOOD, HARD, AGAIN = Rating.GOOD, Rating.HARD, Rating.AGAIN


def kept(memory: Memory | None) -> Memory:
    assert memory is not None
    return memory


def sequence(*ratings: Rating) -> list[tuple[int, float]]:
    """Recall each time it is due: (days until the next review, stability) after each."""
    reviews, at, out = list[Recall](), START, list[tuple[int, float]]()
    for rating in ratings:
        reviews.append(Recall(at, rating))
        memory = kept(replay(reviews))
        out.append(((memory.due - at).days, round(memory.stability, 4)))
        at = memory.due
    return out


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        (
            (GOOD,) * 6,
            [(2, 2.3065), (11, 10.9643), (46, 46.2802), (163, 162.8622), (365, 497.4472), (365, 1172.3756)],
        ),
        ((HARD,) * 4, [(1, 1.2931), (3, 3.2494), (7, 6.7283), (12, 11.9164)]),
        ((GOOD, GOOD, AGAIN, GOOD, GOOD), [(2, 2.3065), (11, 10.9643), (2, 1.5383), (5, 4.8763), (12, 12.3117)]),
        ((AGAIN, GOOD), [(1, 0.212), (2, 1.8868)]),
    ],
    ids=["good", "hard", "a lapse", "from nothing"],
)
def test_golden_sequences(ratings: tuple[Rating, ...], expected: list[tuple[int, float]]) -> None:
    assert sequence(*ratings) == expected
    assert all(days <= LONGEST_DAYS for days, _ in expected)


def test_retrievability_falls_with_the_days() -> None:
    memory = kept(replay([Recall(START, GOOD)]))
    days = (0, 1, 2, 7, 30, 365)
    chances = [round(memory.retrievability(START + timedelta(days=day)), 4) for day in days]
    assert chances == [1.0, 0.9468, 0.9095, 0.8083, 0.6675, 0.4589]
    assert not memory.is_due(START + timedelta(days=1))
    assert memory.is_due(START + timedelta(days=2))


def test_a_clock_that_went_backwards_gives_no_chance_above_one() -> None:
    memory = kept(replay([Recall(START, GOOD)]))
    assert memory.retrievability(START - timedelta(days=30)) == 1.0


def test_order_zone_and_repetition_change_nothing() -> None:
    first, second = Recall(START, GOOD), Recall(START + timedelta(days=3), GOOD)
    elsewhere = Recall(second.at.astimezone(timezone(timedelta(hours=9))), GOOD)
    assert replay([second, first]) == replay([first, elsewhere])
    assert replay([]) is None


def test_a_time_needs_its_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        replay([Recall(datetime(2026, 1, 1), GOOD)])  # noqa: DTZ001


class TestOfATopic:
    def test_from_the_first_pass_on(self) -> None:
        failed = attempt(NOTE, [*[act("skip")] * 9])
        passed = attempt(NOTE, [right] * 9, start=later(1))
        assert [r.rating for r in topic_reviews([passed, failed])] == [GOOD]
        assert topic_reviews([failed]) == []

    def test_a_follow_up_makes_it_hard_and_a_failure_is_a_lapse(self) -> None:
        passed = attempt(NOTE, [wrong, *[right] * 9])
        lapse = attempt(NOTE, [*[act("skip")] * 9], [], start=later(20))
        assert [r.rating for r in topic_reviews([passed, lapse])] == [HARD, AGAIN]

    def test_what_was_stopped_or_edited_says_nothing(self) -> None:
        passed = attempt(NOTE, [right] * 9)
        stopped = attempt(NOTE, [wrong], start=later(3)).model_copy(update={"state": "stopped"}).sealed()
        forged = attempt(NOTE, [right] * 9, start=later(5)).model_copy(update={"topic": "rope"})
        assert len(topic_reviews([passed, stopped, forged])) == 1


class TestOfClaims:
    def test_each_claim_has_its_own_history(self) -> None:
        first = attempt(NOTE, [wrong, right, *[right] * 9])
        again = attempt(NOTE, [act("skip"), *[right] * 9], start=later(20))
        reviews = claim_reviews(NOTE, [first, again])
        assert [r.rating for r in reviews["c0"]] == [HARD, AGAIN]
        assert [r.rating for r in reviews["c1"]] == [GOOD, GOOD]
        assert "c9" not in reviews

    def test_what_was_carried_over_is_no_review(self) -> None:
        first = attempt(NOTE, [right, *[act("skip")] * 9])
        second = attempt(NOTE, [right] * 9, [first], start=later(1))
        assert len(claim_reviews(NOTE, [first, second])["c0"]) == 1

    def test_a_claim_that_was_reworded_begins_anew(self) -> None:
        first = attempt(NOTE, [right] * 9)
        claim = NOTE.claims[0]
        reworded = replace(NOTE, claims=(replace(claim, text=f"{claim.text} Always."), *NOTE.claims[1:]))
        assert set(claim_reviews(NOTE, [first])) - set(claim_reviews(reworded, [first])) == {"c0"}
        assert weakest(reworded, [first], later(1))[0].id == "c0"

    def test_the_weakest_come_first(self) -> None:
        # c2 was explained last of all; what was never explained is weakest.
        first = attempt(NOTE, [right] * 9)
        assert [c.id for c in weakest(NOTE, [], later(1))] == ["c0", "c1", "c2"]
        lapse = attempt(NOTE, [right, right, act("skip"), right, *[right] * 5], start=later(20))
        assert weakest(NOTE, [first, lapse], later(25))[0].id == "c2"
        assert len(weakest(NOTE, [first], later(25), 2)) == 2
