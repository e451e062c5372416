"""What a claim asks for, and how its verdict follows.

A claim is a conjunction of directions. It is

* *reproduced* if every direction is shown: at a level of 5 %, one-sided, after Holm's correction over all claims that
  have been tested. Those are the claims with an effect: a direction that was not run has the p-value 1, a claim without
  any effect costs the others nothing;
* *not reproduced* if some direction is excluded: the 95 % interval lies outside what the claim needs, which is the
  smallest effect of interest for "rises", and the bound itself for "does not rise" and "equals". The intervals are not
  corrected for the number of claims, and one that lies wholly within what is to be shown excludes nothing: a small
  effect that only Holm's correction keeps from being shown is no contradiction;
* *inconclusive at this scale* otherwise, and as long as runs of its studies are missing, since a verdict that may be
  taken at any moment is taken when chance is in its favour; *not run* without any effect.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite

import pandas as pd

from odestack.studies.statistics import Contrast, Effect, holm

SMALLEST = 0.5
"""Smallest effect of interest, in points of accuracy."""
SMALLEST_LOSS = 0.02
"""The same in nats of loss. In the later epochs of our runs accuracy falls by about 35 points per nat of test loss, so
that half a point is about 0.014 nats; this is rounded up (a test takes the slope from the committed records)."""
SMALLEST_PSNR = 0.1
"""The same in dB of PSNR: 2.3 % of the squared error that is left. The six methods that Zhang et al. (2017, *DnCNN*,
table II) compare with theirs lie from 28.57 to 28.96 dB at this noise, and theirs 0.27 above the best of them."""
ALPHA = 0.05

REPRODUCED = "reproduced"
NOT_REPRODUCED = "not reproduced"
INCONCLUSIVE = "inconclusive at this scale"
NOT_RUN = "not run"

POINTS, NATS, DECIBELS, SHARE, TAU, DOUBLINGS = (
    "points",
    "nats",
    "dB",
    "share of settings",
    "(Kendall's τ)",
    "doublings",
)
BOUND = {POINTS: SMALLEST, NATS: SMALLEST_LOSS, DECIBELS: SMALLEST_PSNR, SHARE: 0.0, DOUBLINGS: 1.0}
"""Smallest effect of interest by unit; none was fixed for shares."""


@dataclass(frozen=True)
class Direction:
    """One thing that a claim needs of an effect.

    Attributes:
        what: the effect in words.
        effect: its estimate; None if an arm has no run.
        p_value: against the effect's being outside ``shown``; 1 without an effect.
        shown: the range to be shown, as (low, high).
        needed: an effect surely outside this range, and not surely within ``shown``, contradicts the direction.
        unit: of the effect.
    """

    what: str
    effect: Effect | None
    p_value: float
    shown: tuple[float, float]
    needed: tuple[float, float]
    unit: str = POINTS

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval; infinite without an effect."""
        return (-inf, inf) if self.effect is None else self.effect.interval()

    @property
    def excluded(self) -> bool:
        low, high = self.interval
        within = self.shown[0] < low and high < self.shown[1]
        return not within and (high < self.needed[0] or low > self.needed[1])

    @property
    def open(self) -> bool:
        """Whether the interval still crosses a bound of what is to be shown."""
        low, high = self.interval
        return any(low <= bound <= high for bound in self.shown if isfinite(bound))

    @property
    def asks(self) -> str:
        """What is to be shown, in signs."""
        low, high = self.shown
        if high == inf:
            return f"> {low:g}"
        return f"< {high:g}" if low == -inf else f"within ±{high:g}"


def rises(what: str, effect: Effect | None, unit: str = POINTS, *, needed: float | None = None) -> Direction:
    """The effect is above zero; contradicted if surely below ``needed``, by default the unit's smallest of interest."""
    p_value = 1.0 if effect is None else effect.p_above(0.0)
    return Direction(what, effect, p_value, (0.0, inf), (BOUND[unit] if needed is None else needed, inf), unit)


def exceeds(what: str, effect: Contrast | None, unit: str) -> Direction:
    """The effect is above the unit's smallest of interest; contradicted if surely below it."""
    bound = BOUND[unit]
    p_value = 1.0 if effect is None else effect.p_above(bound)
    return Direction(what, effect, p_value, (bound, inf), (bound, inf), unit)


def does_not_rise(what: str, effect: Contrast | None) -> Direction:
    """The effect is below the smallest effect of interest: the half of an equivalence test that matters where a
    decline counts as well. Contradicted if surely above it."""
    p_value = 1.0 if effect is None else effect.p_below(SMALLEST)
    return Direction(what, effect, p_value, (-inf, SMALLEST), (-inf, SMALLEST))


def equals(what: str, effect: Contrast | None, unit: str = POINTS) -> Direction:
    """The effect is smaller than the smallest effect of interest, either way: two one-sided tests (Schuirmann 1987).
    Contradicted if surely larger."""
    bound = BOUND[unit]
    p_value = 1.0 if effect is None else max(effect.p_above(-bound), effect.p_below(bound))
    return Direction(what, effect, p_value, (-bound, bound), (-bound, bound), unit)


Answer = tuple[list[Direction], pd.DataFrame]
"""The directions of a rule, and the rows that they rest on."""
Rule = Callable[[pd.DataFrame], Answer]
"""From the table of a study to its answer."""


@dataclass(frozen=True)
class Claim:
    """A claim as the article makes it, and what decides it.

    Attributes:
        id: as in the list of claims.
        article: what the article says.
        chapter: of the book, as document name; empty if there is none yet.
        rules: by study; the claim is the conjunction of all their directions. Empty if no study exists yet.
        counted: for a claim that is decided by counting instead.
    """

    id: str
    article: str
    chapter: str = ""
    rules: Mapping[str, Rule] | None = None
    counted: Callable[[], bool] | None = None

    @property
    def studies(self) -> tuple[str, ...]:
        return tuple(self.rules or ())


@dataclass(frozen=True)
class Finding:
    """What the records say about a claim.

    Attributes:
        claim: the claim.
        by_study: the directions, by study.
        runs, seeds: number of runs that they rest on, and of different seeds among them.
        profile: of those runs; empty for a claim without any.
        missing: number of runs of the studies that have no record.
        holds: for a claim that is decided by counting.
    """

    claim: Claim
    by_study: Mapping[str, Sequence[Direction]]
    runs: int = 0
    seeds: int = 0
    profile: str = ""
    missing: int = 0
    holds: bool | None = None

    @property
    def directions(self) -> list[Direction]:
        return [direction for directions in self.by_study.values() for direction in directions]

    @property
    def tested(self) -> bool:
        """Whether there is an effect at all."""
        return any(direction.effect is not None for direction in self.directions)

    @property
    def p_value(self) -> float:
        """Of the conjunction: the largest of its parts (intersection-union test)."""
        return max((direction.p_value for direction in self.directions), default=1.0)


@dataclass(frozen=True)
class Verdict:
    """A finding, its verdict, and its p-value adjusted over all claims (None where nothing was tested)."""

    finding: Finding
    verdict: str
    p_value: float | None = None

    def __str__(self) -> str:
        return f"{self.verdict} (provisional)" if self.provisional else self.verdict

    @property
    def claim(self) -> Claim:
        return self.finding.claim

    @property
    def provisional(self) -> bool:
        """Whether something was measured, but runs of its studies are missing."""
        return self.finding.tested and self.finding.missing > 0

    @property
    def more_seeds(self) -> list[str]:
        """The studies that should get another seed.

        The rule, fixed beforehand: every study starts with the seeds of its module. If then a verdict is
        inconclusive though no run is missing, the studies with a direction whose interval still crosses its bound get
        one seed more.
        """
        if self.verdict != INCONCLUSIVE or self.finding.missing:
            return []
        by_study = self.finding.by_study
        return [study for study, directions in by_study.items() if any(direction.open for direction in directions)]


def judge(findings: Sequence[Finding]) -> list[Verdict]:
    """Verdicts for all claims together, since Holm's correction runs over those that have been tested."""
    tested = [finding for finding in findings if finding.tested]
    p_values = holm([finding.p_value for finding in tested])
    adjusted = {finding.claim.id: p for finding, p in zip(tested, p_values, strict=True)}
    pairs = [(finding, adjusted.get(finding.claim.id)) for finding in findings]
    return [Verdict(finding, _word(finding, p_value), p_value) for finding, p_value in pairs]


def _word(finding: Finding, p_value: float | None) -> str:
    if finding.holds is not None:
        return REPRODUCED if finding.holds else NOT_REPRODUCED
    if p_value is None:
        return NOT_RUN
    if finding.missing:
        return INCONCLUSIVE
    if p_value < ALPHA:
        return REPRODUCED
    if any(direction.excluded for direction in finding.directions):
        return NOT_REPRODUCED
    return INCONCLUSIVE
