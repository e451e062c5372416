"""The article's claims: each with its study, its effects and the rule that decides it.

The rules were fixed before the runs. A claim is a conjunction of directions. It is

* *reproduced* if every direction is shown: the effect is above its bound at a level of 5 %, one-sided, after Holm's
  correction over all claims;
* *not reproduced* if some direction is excluded: the 95 % interval lies below what the claim needs, which is the
  smallest effect of interest (0.5 points) for "rises", and the bound itself for "does not rise by that much";
* *inconclusive at this scale* otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import nan

import pandas as pd

from odestack.methods import catalogue
from odestack.studies import cost, depth_by_order
from odestack.studies.evidence import Evidence
from odestack.studies.statistics import ArmModel, Effect, holm, slope

SMALLEST = 0.5
"""Smallest effect of interest, in points of accuracy."""
ALPHA = 0.05

REPRODUCED = "reproduced"
NOT_REPRODUCED = "not reproduced"
INCONCLUSIVE = "inconclusive at this scale"
NOT_RUN = "not run"


@dataclass(frozen=True)
class Direction:
    """One thing a claim needs: effect > above, in points.

    Attributes:
        what: the effect in words.
        effect: its estimate; None if an arm has no run.
        above: to be exceeded for the direction to be shown.
        needed: an effect surely below this contradicts the direction.
    """

    what: str
    effect: Effect | None
    above: float = 0.0
    needed: float = SMALLEST

    @property
    def p_value(self) -> float:
        return 1.0 if self.effect is None else self.effect.p_above(self.above)

    @property
    def excluded(self) -> bool:
        return self.effect is not None and self.effect.interval()[1] < self.needed


def rises(what: str, effect: Effect | None) -> Direction:
    """The effect is above zero; contradicted if surely below the smallest effect of interest."""
    return Direction(what, effect)


def does_not_rise(what: str, effect: Effect | None) -> Direction:
    """The effect is below the smallest effect of interest: the half of an equivalence test that matters where a
    decline counts as well. Contradicted if surely above it."""
    return Direction(f"minus ({what})", None if effect is None else -effect, above=-SMALLEST, needed=-SMALLEST)


@dataclass(frozen=True)
class Claim:
    """A claim as the article makes it, and how our data answer.

    Attributes:
        id: as in the list of claims.
        article: what the article says.
        chapter: of the book, as document name.
        directions: all of which the claim needs; empty if the arms were not run.
        runs: number of runs behind it.
        profile: of those runs.
        exact: for a claim that is decided by counting: whether it holds.
    """

    id: str
    article: str
    chapter: str
    directions: tuple[Direction, ...] = ()
    runs: int = 0
    profile: str = ""
    exact: bool | None = None

    @property
    def p_value(self) -> float:
        """Of the conjunction: the largest of its parts (intersection-union test)."""
        return max((direction.p_value for direction in self.directions), default=1.0)


@dataclass(frozen=True)
class Verdict:
    """A claim with its verdict and adjusted p-value."""

    claim: Claim
    verdict: str
    p_value: float | None = field(default=None)


def judge(claims: Sequence[Claim]) -> list[Verdict]:
    """Verdicts for all claims together, since Holm's correction runs over those decided by a test."""
    tested = [claim for claim in claims if claim.exact is None]
    adjusted = dict(zip((claim.id for claim in tested), holm([claim.p_value for claim in tested]), strict=True))
    return [_verdict(claim, adjusted.get(claim.id)) for claim in claims]


def _verdict(claim: Claim, p_value: float | None) -> Verdict:
    if claim.exact is not None:
        return Verdict(claim, REPRODUCED if claim.exact else NOT_REPRODUCED)
    if not claim.directions or all(direction.effect is None for direction in claim.directions):
        return Verdict(claim, NOT_RUN)
    if p_value is not None and p_value < ALPHA:
        return Verdict(claim, REPRODUCED, p_value)
    if any(direction.excluded for direction in claim.directions):
        return Verdict(claim, NOT_REPRODUCED, p_value)
    return Verdict(claim, INCONCLUSIVE, p_value)


def equal_cost() -> Claim:
    """C1, by counting at the article's width and depth."""
    table = cost.table(width=64, depths=(50,))
    same = all(table[column].nunique() == 1 for column in ("parameters", "macs"))
    return Claim(
        "C1",
        "Re-wiring costs nothing: 2+2×24 = 2+4×12 = 2+8×6 layers, equal parameters and FLOPs",
        "04_stacking",
        exact=same,
    )


def by_depth_and_order(evidence: Evidence) -> list[Claim]:
    """C2 (its trend), C3, C4 and C5 from the study of depth and order."""
    table = depth_by_order.table(evidence.records)
    table = table.loc[table["relu"] & table["final_norm"]]
    model = ArmModel(table, ["scheme", "depth"])
    orders = {scheme: catalogue.get(scheme).order for scheme in depth_by_order.SCHEMES}
    shallow, middle, deep = depth_by_order.DEPTHS

    def difference(a: tuple, b: tuple) -> Effect | None:
        return model.effect({a: 1.0, b: -1.0})

    def by_order(depth: int) -> Direction:
        levels = {(scheme, depth): order for scheme, order in orders.items()}
        span = max(orders.values()) - min(orders.values())
        weights = {arm: span * weight for arm, weight in slope(levels).items()}
        return rises(f"slope of accuracy on order, over orders 1 to 4, at depth {depth}", model.effect(weights))

    gap = {("rk4", deep): 1.0, ("euler", deep): -1.0, ("rk4", shallow): -1.0, ("euler", shallow): 1.0}
    growth = {scheme: difference((scheme, deep), (scheme, middle)) for scheme in orders}

    def claim(id: str, article: str, *directions: Direction) -> Claim:
        return Claim(id, article, "05_depth_and_order", directions, len(table), evidence.profile)

    return [
        claim(
            "C2",
            "The plain stack degrades with depth at an unchanged rate (here: the trend to depth 98)",
            rises(f"Euler, depth {middle} minus depth {deep}", difference(("euler", middle), ("euler", deep))),
        ),
        claim("C3", "At sufficient depth, accuracy rises with order", by_order(middle), by_order(deep)),
        claim(
            "C4",
            "The gap is small when shallow and grows with depth",
            rises(f"(RK4 − Euler at depth {deep}) − (RK4 − Euler at depth {shallow})", model.effect(gap)),
        ),
        claim(
            "C5",
            "Around 100 layers only order 4 still improves; orders 2 and 3 stall",
            rises(f"RK4, depth {deep} minus depth {middle}", growth["rk4"]),
            does_not_rise(f"midpoint, depth {deep} minus depth {middle}", growth["midpoint"]),
            does_not_rise(f"Heun 3, depth {deep} minus depth {middle}", growth["heun3"]),
        ),
    ]


BY_STUDY: dict[str, Callable[[Evidence], list[Claim]]] = {"depth_by_order": by_depth_and_order}
"""What decides the claims that rest on runs."""


def scorecard(gather: Callable[[str], Evidence]) -> list[Verdict]:
    """Every claim with its verdict; ``gather`` gives the evidence of a study by name."""
    return judge([equal_cost(), *(claim for study, decide in BY_STUDY.items() for claim in decide(gather(study)))])


def frame(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a direction: claim, article, effect, estimate, low, high, p_value (adjusted), runs, profile, verdict."""
    rows = []
    for verdict in verdicts:
        claim = verdict.claim
        for direction in claim.directions or (Direction("counted", None),):
            effect = direction.effect
            low, high = (nan, nan) if effect is None else effect.interval()
            rows.append(
                {
                    "claim": claim.id,
                    "article": claim.article,
                    "effect": direction.what,
                    "estimate": nan if effect is None else effect.estimate,
                    "low": low,
                    "high": high,
                    "p_value": verdict.p_value,
                    "runs": claim.runs,
                    "profile": claim.profile,
                    "verdict": verdict.verdict,
                }
            )
    return pd.DataFrame(rows)
