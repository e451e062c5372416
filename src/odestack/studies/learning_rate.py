"""The first 300 steps at a constant rate, and settings in which the plain stack fails (claims C6, C7, C21)."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig, profile_base
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.studies.frame import over_seeds, tidy

TITLE = "Learning rate and the initial state"
SCHEMES = ("euler", "midpoint", "heun3", "rk4")
DEPTHS = (26, 98)
RATES = (0.05, 0.1, 0.2, 0.8, 3.2)
STEPS = 300
SEEDS = (0, 1)
VERY_DEEP = 194
HARSH = ({"final_norm": False}, {"batch_norm": False}, {"batch_norm": False, "relu": False})
"""Networks without the norms that tame the plain stack, at the article's rate."""


def jobs(profile: str) -> list[Job]:
    """Depths by rates by methods; then, one seed each, the harsh settings at the larger depth, and the very deep."""
    smoke = profile == "smoke"
    base = replace(profile_base(profile), schedule="constant", steps=4 if smoke else STEPS)
    depths, rates, seeds = ((26,), (0.1,), (0,)) if smoke else (DEPTHS, RATES, SEEDS)

    def arms(seed: int) -> list[RunConfig]:
        return [
            replace(base, scheme=scheme, depth=depth, lr=lr, seed=seed)
            for depth in depths
            for lr in rates
            for scheme in SCHEMES
        ]

    harsh = [replace(base, scheme=s, depth=depths[-1], **setting) for setting in HARSH for s in SCHEMES]
    deep = [replace(base, scheme=s, depth=VERY_DEEP) for s in ("euler", "rk4")]
    first, *others = seeds
    return [Job(config) for config in arms(first) + harsh + deep + over_seeds(arms, others)]


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, depth, lr, relu, batch_norm, final_norm, the results of ``frame.tidy``, and early_loss.

    ``early_loss`` is the mean training loss of the last 20 of the first steps, infinite for a run that diverged.
    """
    frame = tidy(records, "scheme", "depth", "lr", "relu", "batch_norm", "final_norm")
    late = [record.early_loss[-20:] for record in records]
    frame["early_loss"] = [
        sum(losses) / len(losses) if record.status == "done" else float("inf")
        for record, losses in zip(records, late, strict=True)
    ]
    return frame
