"""Stacks wired as linear multistep methods against Euler and Runge-Kutta at equal cost (claim C19).

Adams-Bashforth methods reuse the slopes of earlier steps; LM-ResNet (Lu et al. 2018) the last state, with a learned
weight k_n for each step. A starting method makes the first states: midpoint for two steps, Heun's third-order method
for three, Euler's for LM-ResNet. After the start each branch is one step.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.nets.multistep import step_count
from odestack.nets.resnet import block_count, branch_count
from odestack.studies.frame import over_seeds, short_base, tidy

TITLE = "Multistep stacking"
SEEDS = (0, 1)
SCHEMES = ("euler", "midpoint", "rk4")
STARTS = {"ab2": "midpoint", "ab3": "heun3", "lm": "euler"}
"""The starting method of each multistep stack, of the stack's own order."""


def jobs(profile: str) -> list[Job]:
    """Three Runge-Kutta methods and three multistep stacks, at depth 50 (smoke: 26)."""
    base = short_base(profile)

    def arms(seed: int) -> list[RunConfig]:
        plain = [replace(base, scheme=scheme, seed=seed) for scheme in SCHEMES]
        return plain + [replace(base, scheme=start, multistep=name, seed=seed) for name, start in STARTS.items()]

    return over_seeds(arms, SEEDS, profile)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: arm ("euler", ..., "ab2", "ab3", "lm"), multistep, T, and the results of ``frame.tidy``.

    ``multistep`` says whether the stack is a multistep method. T is the integration time: steps times their size.
    """
    frame = tidy(records, "scheme", "multistep")
    frame.insert(0, "arm", frame["multistep"].fillna(frame["scheme"]))
    frame.insert(2, "T", [time(record.config) for record in records])
    return frame.assign(multistep=frame["multistep"].notna()).drop(columns="scheme")


def time(config: RunConfig) -> float:
    """Steps times their size. LM-ResNet's k_n rescale it (``methods.multistep.lm_resnet``); that is left out."""
    if config.multistep is None:
        return config.h * sum(block_count(config.method(), config.depth, config.branch, remainder=config.remainder))
    return config.h * step_count(config.multistep, config.method(), branch_count(config.depth, config.branch))


def coefficients(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run of LM-ResNet, epoch and step: seed, epoch, step (from 2, since step 1 is Euler's), k."""
    rows = [
        (record.config.seed, row["epoch"], step, value)
        for record in records
        for row in record.epochs
        for step, value in enumerate(row.get("coefficients", ()), start=2)
    ]
    return pd.DataFrame(rows, columns=["seed", "epoch", "step", "k"])
