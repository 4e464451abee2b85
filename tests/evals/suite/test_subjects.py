"""What every subject promises, checked on all of them."""

import json

import pytest

from evals.suite.contract import Subject
from evals.suite.preflight import scorer_faults
from evals.suite.subjects import SUBJECTS
from graphs.prompts import replaced, template, template_text

NAMES = list(SUBJECTS)


@pytest.fixture(scope="module", params=NAMES)
def subject(request: pytest.FixtureRequest) -> Subject:
    made: Subject = SUBJECTS[request.param]()
    assert made.name == request.param
    return made


def test_scorers_separate_good_from_bad(subject: Subject) -> None:
    assert scorer_faults(subject.scorer) == []
    assert set(subject.scorer.targets) <= set(subject.scorer.metrics)


def test_cases_are_well_formed(subject: Subject) -> None:
    cases = subject.cases()
    assert len({case.id for case in cases}) == len(cases)
    assert len({case.source for case in cases}) >= 8, "clusters that a test can be built on"
    assert {case.split for case in cases} == {"dev", "sealed"}
    split = {case.source: case.split for case in cases}
    assert all(split[case.source] == case.split for case in cases), "a source belongs to one split"
    for case in cases:
        json.dumps([case.input, case.expected])
        assert bool(case.marker) == subject.uses_chat
    markers = [case.marker for case in cases if case.marker]
    assert len(set(markers)) == len(markers), "our own endpoint knows a case by its marker"


def test_defects_damage_what_the_subject_uses(subject: Subject) -> None:
    assert subject.defects
    before = {name: template(name).id for name in subject.templates}
    for defect in subject.defects:
        assert set(defect.templates) <= set(subject.templates)
        assert defect.templates or defect.options
        for name, text in defect.templates.items():
            assert text != template_text(name)
            assert defect.rule in template_text(name), "our own endpoint looks for the rule"
            assert "{{" not in defect.rule, "a variable is filled in before the endpoint sees the rule"
        with replaced(defect.templates):
            assert all(template(name).id != before[name] for name in defect.templates)
        assert all(template(name).id == id for name, id in before.items())
