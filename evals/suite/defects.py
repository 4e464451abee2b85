"""Planted damage: a template with one rule taken out or weakened."""

from agent.domain.errors import StudyError
from evals.suite.contract import Variant
from graphs.prompts import template_text


class DefectError(StudyError):
    """A planted defect no longer applies to the template; choose another text to damage."""


def damaged(name: str, template: str, old: str, new: str, *, why: str = "", rule: str = "") -> Variant:
    """The working tree with `old` replaced by `new` in one template.

    `rule`: what our own endpoint looks for in a rendered prompt; needed where `old` holds a variable.

    Raises:
        DefectError: the template lacks `old`.
    """
    text = template_text(template)
    if old not in text:
        raise DefectError(f"The defect {name!r} damages {old!r}, which {template} no longer says; mend the defect.")
    return Variant(name, {template: text.replace(old, new)}, why=why or f"{old!r} became {new!r}", rule=rule or old)
