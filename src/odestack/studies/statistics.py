"""Effects with intervals: a linear model of arms and seeds, contrasts of arms, and Holm's correction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats


@dataclass(frozen=True)
class Effect:
    """An estimated effect, its standard error and degrees of freedom (0: one seed an arm, so no interval)."""

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

    def __neg__(self) -> "Effect":
        return Effect(-self.estimate, self.error, self.df)


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
        self.arms = sorted(set(names))
        self.runs = {arm: names.count(arm) for arm in self.arms}
        seeds = sorted(set(table["seed"]))
        design = np.zeros((len(table), len(self.arms) + max(len(seeds) - 1, 0)))
        for row, (arm, seed) in enumerate(zip(names, table["seed"], strict=True)):
            design[row, self.arms.index(arm)] = 1
            if (column := seeds.index(seed)) > 0:
                design[row, len(self.arms) + column - 1] = 1
        outcomes = table[outcome].to_numpy(dtype=float)
        self.covariance = np.linalg.pinv(design.T @ design)
        self.coefficients = self.covariance @ design.T @ outcomes
        rank = int(np.linalg.matrix_rank(design)) if len(table) else 0
        self.df = len(table) - rank
        residual = outcomes - design @ self.coefficients
        self.variance = float(residual @ residual) / self.df if self.df > 0 else np.nan

    def effect(self, weights: Mapping[tuple, float]) -> Effect | None:
        """The contrast sum of weight x arm; None if an arm has no run."""
        if any(arm not in self.runs for arm in weights):
            return None
        contrast = np.zeros(len(self.coefficients))
        for arm, weight in weights.items():
            contrast[self.arms.index(arm)] = weight
        estimate = float(contrast @ self.coefficients)
        if self.df <= 0:
            return Effect(estimate, np.inf, 0)
        return Effect(estimate, float(np.sqrt(self.variance * (contrast @ self.covariance @ contrast))), self.df)


def slope(levels: Mapping[tuple, float]) -> dict[tuple, float]:
    """Weights of the least-squares slope of arms on their levels, such as order."""
    values = np.array(list(levels.values()), dtype=float)
    centred = values - values.mean()
    return dict(zip(levels, centred / (centred @ centred), strict=True))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted.tolist()
