"""The sentence and the verdict of a comparison: a drop that is there is never called none."""

import pytest

from evals.suite.decision import Comparison, alarms, confirmed, judge


def comparison(difference: float, error: float, p: float, detectable: float = 0.07) -> Comparison:
    low, high = difference - 1.96 * error, difference + 1.96 * error
    return Comparison(200, 50, 0.8, 0.8 + difference, difference, low, high, p, 1 - p, detectable, 20, 10, error)


@pytest.mark.parametrize(
    ("found", "verdict", "sentence"),
    [
        (comparison(-0.045, 0.007, 9e-10), "inconclusive", "4.5 points worse (p < 0.001), anything from 3.1 to 5.9"),
        (comparison(-0.030, 0.007, 1e-5), "not worse", "3.0 points worse (p < 0.001), within the margin of 5"),
        (comparison(-0.041, 0.023, 0.04), "inconclusive", "4.1 points worse (p 0.040), anything from 0.0 to 8.6"),
        (comparison(-0.010, 0.020, 0.31), "not worse", "no drop was found; a drop of 7.0 points would have been seen"),
        (comparison(-0.010, 0.050, 0.42, 0.15), "inconclusive", "no drop was found, but only a drop of 15.0 points"),
        (comparison(0.060, 0.020, 0.999), "not worse", "better; a drop of 7.0 points would have been seen"),
    ],
)
def test_verdicts_without_a_regression(found: Comparison, verdict: str, sentence: str) -> None:
    assert judge(found)[0] == verdict
    assert judge(found)[1].startswith(sentence)


def test_what_fresh_samples_bore_out_is_a_drop_whatever_both_stages_say_together() -> None:
    verdict, sentence = judge(comparison(-0.02, 0.014, 0.07), worse=True)
    assert (verdict, "no drop" in sentence) == ("not worse", False)
    assert sentence == "2.0 points worse (p 0.070), within the margin of 5"


def test_an_alarm_is_borne_out_by_fresh_samples_alone_corrected_over_the_alarms() -> None:
    first = {"a": comparison(-0.06, 0.02, 0.002), "b": comparison(-0.06, 0.02, 0.004), "c": comparison(0.01, 0.02, 0.6)}
    assert set(alarms(first)) == {"a", "b"}
    assert confirmed({"a": comparison(-0.05, 0.02, 0.02), "b": comparison(-0.04, 0.02, 0.03)}) == {"a", "b"}
    assert confirmed({"a": comparison(-0.05, 0.02, 0.03), "b": comparison(-0.04, 0.02, 0.04)}) == set()
