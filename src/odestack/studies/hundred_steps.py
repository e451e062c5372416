"""Networks after their first 100 steps, kept for a look at state and gradient from block to block. Of no claim."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.profiles import profile_base
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.studies.frame import over_seeds, tidy
from odestack.studies.learning_rate import DEPTHS, SCHEMES

TITLE = "After a hundred steps"
STEPS = 100
SEEDS = (0,)


def jobs(profile: str) -> list[Job]:
    """The four methods at the two depths, at a constant rate; at smoke the smaller depth, for two steps."""
    smoke = profile == "smoke"
    base = replace(profile_base(profile), schedule="constant", steps=2 if smoke else STEPS)
    depths = DEPTHS[:1] if smoke else DEPTHS

    def arms(seed: int) -> list[RunConfig]:
        return [replace(base, scheme=scheme, depth=depth, seed=seed) for depth in depths for scheme in SCHEMES]

    return over_seeds(arms, SEEDS, profile, keep="final")


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, depth, and the results of ``frame.tidy``."""
    return tidy(records, "scheme", "depth")
