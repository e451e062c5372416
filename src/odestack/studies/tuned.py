"""Euler and RK4 at their own best rate, chosen on images held out of training (claim C20)."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.studies.frame import over_seeds, short_base, tidy
from odestack.studies.statistics import with_chance

TITLE = "Tuned"
SCHEMES = ("euler", "rk4")
DEPTHS = (50, 98)
RATES = (0.05, 0.1, 0.2, 0.4)
SEEDS = (0, 1)
HELD_OUT = 5_000


def jobs(profile: str) -> list[Job]:
    """Every rate for each method and depth, trained without the held-out images."""
    smoke = profile == "smoke"
    base = replace(short_base(profile), held_out=200 if smoke else HELD_OUT)
    depths = (base.depth,) if smoke else DEPTHS

    def arms(seed: int) -> list[RunConfig]:
        return [
            replace(base, scheme=scheme, depth=depth, lr=lr, seed=seed)
            for depth in depths
            for scheme in SCHEMES
            for lr in RATES
        ]

    return over_seeds(arms, SEEDS, profile)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, depth, lr, the results of ``frame.tidy``, and held_out_accuracy (percent)."""
    frame = tidy(records, "scheme", "depth", "lr")
    frame["held_out_accuracy"] = [record.final.get("held_out_accuracy") for record in records]
    return frame


def best(table: pd.DataFrame) -> pd.DataFrame:
    """The rows at each method's and depth's best rate, by mean held-out accuracy over seeds.

    A run that diverged counts as chance, so that a rate at which only some seeds train is not taken at its best.
    """
    scores = with_chance(table).pivot_table(index=["scheme", "depth"], columns="lr", values="held_out_accuracy")
    if scores.empty:
        return table
    chosen = scores.idxmax(axis=1).rename("lr").reset_index()
    return table.merge(chosen, on=["scheme", "depth", "lr"])
