"""Coefficients steered by the error estimate of an embedded pair, and a learned gate as control (claim C10).

Fehlberg's pair has six stages, four blocks at depth 50, under every rule. Dormand and Prince's error needs its seventh
stage: with the rules "step" and "blend" it has three blocks of seven branches, and three blocks of Euler's method fill
the depth. Fixed coefficients and the gate do without the error, so they have four blocks of six branches. So that
the rules are compared with fixed coefficients in an equal layout, this pair has the rule "mean" as well.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.methods import catalogue
from odestack.nets.adaptive import RULES, used
from odestack.studies.frame import over_seeds, short_base, tidy

TITLE = "Adaptive coefficients"
SEEDS = (0, 1)
SCHEMES = ("fehlberg45", "dormand_prince5")
FIXED = "fixed"
ERROR_DRIVEN = ("step", "blend")


def jobs(profile: str) -> list[Job]:
    """The two pairs with fixed coefficients and under their rules, at depth 50 (smoke: 26)."""
    base = short_base(profile)

    def arm(scheme: str, rule: str | None, seed: int) -> RunConfig:
        stages = used(catalogue.get(scheme), rule).stages
        return replace(base, scheme=scheme, adaptive=rule, remainder=bool((base.depth - 2) % (2 * stages)), seed=seed)

    def arms(seed: int) -> list[RunConfig]:
        return [arm(scheme, rule, seed) for scheme in SCHEMES for rule in (None, *rules(scheme))]

    return over_seeds(arms, SEEDS, profile)


def control(scheme: str, rule: str) -> str:
    """The fixed coefficients in the layout of the rule, which it is compared with."""
    further = used(catalogue.get(scheme), rule).stages > used(catalogue.get(scheme), None).stages
    return "mean" if further and rule in ERROR_DRIVEN else FIXED


def rules(scheme: str) -> list[str]:
    """Those under which the study trains the pair: "mean" only where others are compared with it."""
    controls = {control(scheme, rule) for rule in ERROR_DRIVEN}
    return [rule for rule in RULES if rule != "mean" or rule in controls]


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, rule ("fixed" or of ``RULES``), remainder, and the results of ``frame.tidy``."""
    frame = tidy(records, "scheme", "adaptive", "remainder").rename(columns={"adaptive": "rule"})
    return frame.assign(rule=frame["rule"].fillna(FIXED))


def coefficients(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run, epoch and block: scheme, rule, seed, epoch, block (from 1, the stem's side), coefficient.

    The coefficient is the mean of s, or of w under "blend" and "mean", over the first batch of test images after the
    epoch (``nets.adaptive``). Runs with fixed coefficients have no rows, and neither have the Euler blocks.
    """
    columns = ["scheme", "rule", "seed", "epoch", "block", "coefficient"]
    rows = [
        (record.config.scheme, record.config.adaptive, record.config.seed, row["epoch"], block, value)
        for record in records
        for row in record.epochs
        for block, value in enumerate(row.get("coefficients", ()), start=1)
    ]
    return pd.DataFrame(rows, columns=columns)
