"""What a run does with a subject: which items, which arms, against what; fixed before anything is measured."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from evals.suite.baseline import Baseline
from evals.suite.contract import CURRENT, Case, Subject, Variant
from evals.suite.fingerprint import Parts, differing, fingerprint, undeclared
from evals.suite.store import digest

CANARY = 20
ITEMS = 5
REPEATS = 3
_MEASURE = frozenset({"dataset", "scorer", "sampler"})
"""Axes of the measurement: they may differ from the baseline's where both arms are measured anew."""
_RERUN = _MEASURE | {"template"}
"""Axes on which the baseline's arm can be run again with the code and the model of today."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller asks for.

    `items`: cases of each source for a subject with a chat model (the others take all). `sources`: notes, days or
    situations at most, always the same ones; enough to see large damage, too few for a baseline. `repeats`: samples of
    an item where replies vary. `temperature` is the one of the product; `spread` the one at which fresh samples are
    drawn of a model that gives the same bytes each time. `anew`: hold nothing against it, for a baseline that no longer
    compares (its cases or its scorer have changed). `variants`: another candidate than the working tree, by subject.
    """

    full: bool = False
    axis: str = "prompt"
    items: int = ITEMS
    sources: int | None = None
    repeats: int = REPEATS
    temperature: float = 0.0
    spread: float = 0.7
    anew: bool = False
    variants: Mapping[str, Variant] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """One subject of a run.

    `kind`: `first` without a baseline, `unchanged` where nothing that decides has changed, else `changed`. `axes` are
    those on which candidate and baseline differ. `salt` parts this comparison's fresh samples from all others; it stays
    the same over nights until the comparison has its verdict, so that samples add up.
    """

    subject: Subject
    cases: Sequence[Case]
    candidate: Variant
    fingerprint: Parts
    baseline: Baseline | None
    kind: Literal["first", "unchanged", "changed"]
    axes: tuple[str, ...]
    options: Options
    salt: str

    @property
    def rerunnable(self) -> bool:
        """Whether the baseline's arm can be run again, so that fresh samples of both arms can confirm an alarm."""
        return self.subject.uses_chat and self.baseline is not None and set(self.axes) <= _RERUN

    @property
    def stored_scores_hold(self) -> bool:
        """Whether the baseline's scores were taken as this run takes them: cases, scorer, sampler."""
        return self.baseline is not None and not _MEASURE & set(self.axes)

    @property
    def elsewhere(self) -> bool:
        """Whether the baseline was made on another kind of processor, or on one that it does not name."""
        here = self.fingerprint.get("processor")
        return self.baseline is not None and here is not None and self.baseline.fingerprint.get("processor") != here

    @property
    def first_cases(self) -> list[Case]:
        """The items that may raise an alarm; the sealed ones confirm it where no fresh samples can."""
        if self.rerunnable or self.baseline is None:
            return list(self.cases)
        return [case for case in self.cases if case.split == "dev"]

    @property
    def sealed_cases(self) -> list[Case]:
        """The items that were not looked at."""
        return [case for case in self.cases if case.split == "sealed"]

    @property
    def canary_cases(self) -> list[Case]:
        """The items that must come out byte for byte; one of each source first."""
        return list(self.cases[:CANARY])

    @property
    def baseline_variant(self) -> Variant:
        """The arm to compare with, for plans that have a baseline."""
        assert self.baseline is not None
        return self.baseline.variant

    def refusal(self) -> str:
        """Why the two must not be compared, "" where they may."""
        if self.baseline is None:
            return ""
        wrong = undeclared(set(self.axes) - {"dataset", "scorer"}, self.options.axis, uses_chat=self.subject.uses_chat)
        if wrong:
            names = ", ".join(sorted(wrong))
            return f"the baseline differs in {names}, and only the {self.options.axis} may: name the axis, or promote"
        if not self.stored_scores_hold and not self.rerunnable:
            return "cases, scorer or sampler have changed, so the baseline cannot be run again: use --anew and promote"
        return ""


def plan_subject(
    subject: Subject,
    baseline: Baseline | None,
    options: Options,
    model: Parts,
    epochs: Mapping[str, int] | None = None,
) -> Plan:
    """Plan one subject. `model` are the transport's parts; `epochs` counts the verdicts of each comparison so far."""
    every = subject.cases()
    candidate = options.variants.get(subject.name, CURRENT)
    sampler = _sampler(subject, baseline, options)
    parts = fingerprint(subject, candidate, every, sampler=sampler, model=model if subject.uses_chat else None)
    axes = differing(parts, baseline.fingerprint) if baseline else ()
    kind: Literal["first", "unchanged", "changed"] = "first" if baseline is None else "changed" if axes else "unchanged"
    extent = [options.items, options.repeats] + ([options.sources] if options.sources else [])
    comparison = digest([parts, dict(baseline.fingerprint) if baseline else None, *extent])
    salt = f"{comparison}/{(epochs or {}).get(comparison, 0)}"
    cases = round_robin(every, options.items if subject.uses_chat else None, options.sources)
    return Plan(subject, cases, candidate, parts, baseline, kind, axes, options, salt)


def _sampler(subject: Subject, baseline: Baseline | None, options: Options) -> str:
    """How its replies are drawn, as a part of the fingerprint. A first run finds out, and `promote` writes it down."""
    if not subject.uses_chat:
        return "none"
    repeatable = baseline.repeatable if baseline else True
    return sampler_name(options, repeatable=repeatable)


def sampler_name(options: Options, *, repeatable: bool) -> str:
    """`greedy`, or the temperature and the repeats."""
    return "greedy" if repeatable else f"t={options.temperature:g}×{options.repeats}"


def round_robin(cases: Iterable[Case], per_source: int | None, most: int | None = None) -> list[Case]:
    """The first item of every source, then the second, and so on: a run that is cut short is cut short evenly.

    Within a source the order is by a hash of the id, so that a new case does not move the others; of the sources the
    `most` first ones by a hash are taken.
    """
    sources: dict[str, list[Case]] = {}
    for case in cases:
        sources.setdefault(case.source, []).append(case)
    for group in sources.values():
        group.sort(key=lambda case: hashlib.sha256(case.id.encode()).hexdigest())
    order = sorted(sorted(sources, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:most])
    deepest = max((len(group) for group in sources.values()), default=0)
    depth = deepest if per_source is None else min(per_source, deepest)
    return [sources[name][place] for place in range(depth) for name in order if place < len(sources[name])]


def in_order(plans: Iterable[Plan], measured: Mapping[str, str]) -> list[Plan]:
    """Changed prompts first, then what was measured longest ago. `measured`: subject → when, in ISO 8601."""
    return sorted(plans, key=lambda plan: (plan.kind == "unchanged", measured.get(plan.subject.name, "")))
