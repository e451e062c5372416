"""The lab for a class: methods by integration time, without batch norm, small enough for any laptop and ten seeds."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.methods import catalogue
from odestack.studies.frame import over_seeds, tidy
from odestack.studies.learning_rate import STALLED

TITLE = "A lab for a class"
SCHEMES = ("euler", "midpoint", "heun3", "rk4")
TIMES = (24, 12, 8, 6)
"""Integration times at depth 50. Each method reaches one of them with h = 1, in the order of ``SCHEMES``."""
SEEDS = tuple(range(10))
BASE = RunConfig(dataset="mini-cifar10", width=8, depth=50, batch=32, epochs=2, lr=0.02, batch_norm=False, relu=False)
BRANCHES = 24
TAIL = 20
"""The last loss is the mean over so many last steps."""


def arm(scheme: str, time: float, seed: int) -> RunConfig:
    """The run in which the blocks of a method share out this integration time."""
    return replace(BASE, scheme=scheme, h=time * catalogue.get(scheme).stages / BRANCHES, seed=seed)


def jobs(profile: str) -> list[Job]:
    """Four methods by four integration times. It wants no GPU: there are no runs at gpu."""
    if profile == "gpu":
        return []

    steps = 4 if profile == "smoke" else None

    def arms(seed: int) -> list[RunConfig]:
        return [replace(arm(scheme, time, seed), steps=steps) for time in TIMES for scheme in SCHEMES]

    return over_seeds(arms, SEEDS, profile)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, h, the results of ``frame.tidy``, and four more.

    ``T`` is the integration time, ``first_loss`` the training loss before the first step, ``last_loss`` the mean over
    the last ``TAIL`` steps (None if the run diverged), ``failed`` that the run diverged or its last loss is above
    ``learning_rate.STALLED``.
    """
    frame = tidy(records, "scheme", "h")
    stages = [catalogue.get(record.config.scheme).stages for record in records]
    frame["T"] = [round(h * BRANCHES / s) for h, s in zip(frame["h"], stages, strict=True)]
    frame["first_loss"] = [record.early_loss[0] if record.early_loss else None for record in records]
    frame["last_loss"] = [last_loss(record) if record.status == "done" else None for record in records]
    frame["failed"] = ~(frame["last_loss"].astype(float) <= STALLED)
    return frame


def last_loss(record: Record) -> float:
    """Mean training loss of the last ``TAIL`` steps."""
    last = record.early_loss[-TAIL:]
    return sum(last) / len(last)
