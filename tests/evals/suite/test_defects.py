import pytest

from evals.suite.defects import DefectError, damaged
from graphs.prompts import replaced, template


def test_damage_is_in_force_within_the_block_only() -> None:
    defect = damaged("prose", "ask/answer", "in exactly this form", "as you like")
    before = template("ask/answer")
    with replaced(defect.templates):
        assert "as you like" in template("ask/answer").system
        assert template("ask/answer").id != before.id
    assert template("ask/answer") == before


def test_a_defect_that_no_longer_bites_is_refused() -> None:
    with pytest.raises(DefectError, match="no longer says"):
        damaged("gone", "ask/answer", "a rule that was never there", "")
