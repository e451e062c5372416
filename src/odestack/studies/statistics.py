"""Effects with intervals: contrasts in a linear model of arms and seeds, other tests, and Holm's correction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Protocol

import numpy as np
import pandas as pd
from scipy import stats

CHANCE, CHANCE_LOSS = 10.0, log(10)
"""What guessing among ten classes gives: percent correct, and nats of loss."""


class Effect(Protocol):
    """An estimate with a 95 % interval and a one-sided p-value."""

    @property
    def estimate(self) -> float: ...

    def interval(self) -> tuple[float, float]: ...

    def p_above(self, bound: float = 0.0) -> float:
        """Against an effect of at most the bound."""
        ...


@dataclass(frozen=True)
class Contrast:
    """An estimated contrast of arms, its standard error and degrees of freedom (0: one seed an arm, so no interval)."""

    estimate: float
    error: float
    df: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval by Student's t; infinite without degrees of freedom."""
        if self.df == 0:
            return -np.inf, np.inf
        half = float(stats.t.ppf(0.5 + level / 2, self.df)) * self.error
        return self.estimate - half, self.estimate + half

    def p_above(self, bound: float = 0.0) -> float:
        """One-sided p-value against an effect of at most the bound; 1 without degrees of freedom."""
        if self.df == 0:
            return 1.0
        if self.error == 0:
            return float(self.estimate <= bound)
        return float(stats.t.sf((self.estimate - bound) / self.error, self.df))

    def p_below(self, bound: float = 0.0) -> float:
        """One-sided p-value against an effect of at least the bound."""
        return (-self).p_above(-bound)

    def __neg__(self) -> "Contrast":
        return Contrast(-self.estimate, self.error, self.df)


@dataclass(frozen=True)
class Nonparametric:
    """An estimate whose interval and p-value come from an exact or a resampling test against an effect of at most 0."""

    estimate: float
    low: float
    high: float
    p_value: float

    def interval(self) -> tuple[float, float]:
        return self.low, self.high

    def p_above(self, bound: float = 0.0) -> float:
        """Raises ValueError: the bound is not 0."""
        if bound != 0:
            raise ValueError(f"this effect was tested against 0, not against {bound:g}")
        return self.p_value


def with_chance(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the accuracy of guessing for runs that failed, so that they count, and early loss capped at that
    of guessing, which is also that of a run that failed before it was measured."""
    failed = (table["status"] != "done").to_numpy()
    counted = {
        column: np.where(failed, CHANCE, table[column].to_numpy(dtype=float))
        for column in ("accuracy", "held_out_accuracy")
        if column in table
    }
    if "early_loss" in table:
        loss = table["early_loss"].to_numpy(dtype=float)
        counted["early_loss"] = np.minimum(np.where(failed & np.isnan(loss), CHANCE_LOSS, loss), CHANCE_LOSS)
    return table.assign(**counted)


class ArmModel:
    """Least squares of outcome = arm + seed, so that arms are compared within seeds.

    The residual variance is pooled over all arms. Arms may lack seeds.

    Args:
        table: one row a run, with column "seed", the arm columns and the outcome. Rows without an outcome are left out.
        arms: columns that together name an arm.
        outcome: column to explain.
    """

    def __init__(self, table: pd.DataFrame, arms: Sequence[str], outcome: str = "accuracy") -> None:
        table = table.dropna(subset=[outcome])
        names = list(table[list(arms)].itertuples(index=False, name=None))
        self.runs = dict(sorted(Counter(names).items()))
        self.arms = list(self.runs)
        seeds = sorted(set(table["seed"]))
        of_arm = np.eye(len(self.arms))[[self.arms.index(arm) for arm in names]]
        of_seed = np.eye(len(seeds))[[seeds.index(seed) for seed in table["seed"]]]
        design = np.hstack([of_arm, of_seed[:, 1:]])
        outcomes = table[outcome].to_numpy(dtype=float)
        self.covariance = np.linalg.pinv(design.T @ design)
        self.row_space = self.covariance @ design.T @ design
        self.coefficients = self.covariance @ design.T @ outcomes
        rank = int(np.linalg.matrix_rank(design)) if len(table) else 0
        self.df = len(table) - rank
        residual = outcomes - design @ self.coefficients
        self.variance = float(residual @ residual) / self.df if self.df > 0 else np.nan

    def effect(self, weights: Mapping[tuple, float]) -> Contrast | None:
        """The contrast sum of weight x arm; None if the runs cannot tell it: an arm has none, or no chain of shared
        seeds joins the arms."""
        if any(arm not in self.runs for arm in weights):
            return None
        contrast = np.zeros(len(self.coefficients))
        for arm, weight in weights.items():
            contrast[self.arms.index(arm)] = weight
        if not np.allclose(self.row_space @ contrast, contrast):
            return None
        estimate = float(contrast @ self.coefficients)
        if self.df <= 0:
            return Contrast(estimate, np.inf, 0)
        return Contrast(estimate, float(np.sqrt(self.variance * (contrast @ self.covariance @ contrast))), self.df)


def slope(levels: Mapping[tuple, float]) -> dict[tuple, float]:
    """Weights of the least-squares slope of arms on their levels, such as order."""
    values = np.array(list(levels.values()), dtype=float)
    centred = values - values.mean()
    return dict(zip(levels, centred / (centred @ centred), strict=True))


def rise(levels: Mapping[tuple, float]) -> dict[tuple, float]:
    """Weights of what the fitted line rises by from the lowest to the highest level."""
    span = max(levels.values()) - min(levels.values())
    return {arm: span * weight for arm, weight in slope(levels).items()}


def mean(arms: Sequence[tuple]) -> dict[tuple, float]:
    """Weights of the mean of some arms."""
    return dict.fromkeys(arms, 1 / len(arms))


def minus(first: tuple | Mapping[tuple, float], second: tuple | Mapping[tuple, float]) -> dict[tuple, float]:
    """Weights of the difference of two arms, or of two contrasts given by their weights."""
    weights = dict(first) if isinstance(first, Mapping) else {first: 1.0}
    for arm, weight in (second if isinstance(second, Mapping) else {second: 1.0}).items():
        weights[arm] = weights.get(arm, 0.0) - weight
    return weights


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted.tolist()


def sign_test(first: Sequence[bool], second: Sequence[bool]) -> Nonparametric | None:
    """Whether the first of a pair happens more often than the second: share of pairs with the first alone, minus share
    with the second alone, by the exact sign test on the discordant pairs (McNemar 1947).

    The interval is that of Clopper and Pearson for the discordant pairs, given their number. None without pairs;
    without discordant pairs the interval is infinite and p is 1.
    """
    pairs = len(first)
    if pairs == 0:
        return None
    alone = sum(a and not b for a, b in zip(first, second, strict=True))
    other = sum(b and not a for a, b in zip(first, second, strict=True))
    discordant = alone + other
    if discordant == 0:
        return Nonparametric(0.0, -np.inf, np.inf, 1.0)
    test = stats.binomtest(alone, discordant, alternative="greater")
    bounds = stats.binomtest(alone, discordant).proportion_ci(0.95, method="exact")
    low, high = ((2 * share - 1) * discordant / pairs for share in (bounds.low, bounds.high))
    return Nonparametric((alone - other) / pairs, low, high, float(test.pvalue))


def tau_b(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kendall's tau-b along the last axis; 0 where x or y is constant. Vectorised, which scipy's is not."""
    i, j = np.triu_indices(x.shape[-1], 1)
    a, b = np.sign(x[..., i] - x[..., j]), np.sign(y[..., i] - y[..., j])
    norm = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return (a * b).sum(-1) / np.where(norm == 0, 1.0, norm)


def rank_correlation(x: Sequence[float], y: Sequence[float], draws: int = 2_000) -> Nonparametric | None:
    """Kendall's tau-b of paired values: percentile interval by resampling pairs, p-value by permutation.

    The same values give the same result. None with fewer than three pairs.
    """
    first, second = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(first) < 3:
        return None
    rng = np.random.default_rng(0)
    estimate = float(tau_b(first, second))
    drawn = rng.integers(0, len(first), (draws, len(first)))
    low, high = np.quantile(tau_b(first[drawn], second[drawn]), [0.025, 0.975])
    shuffled = tau_b(np.tile(first, (draws, 1)), rng.permuted(np.tile(second, (draws, 1)), axis=1))
    p_value = (1 + int((shuffled >= estimate - 1e-12).sum())) / (1 + draws)
    return Nonparametric(estimate, float(low), float(high), p_value)
