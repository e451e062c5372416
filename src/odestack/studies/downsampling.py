"""Where the one downsampling sits: in the stem, or in the first branch (claim C8)."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.nets.resnet import DOWNSAMPLE
from odestack.studies.frame import over_seeds, short_base, tidy

TITLE = "Downsampling"
SCHEMES = ("euler", "midpoint", "heun3", "rk4")
SEEDS = (0, 1, 2)


def jobs(profile: str) -> list[Job]:
    """Two places and four methods, at depth 50 (smoke: 26)."""
    base = short_base(profile)

    def arms(seed: int) -> list[RunConfig]:
        return [replace(base, scheme=scheme, downsample=place, seed=seed) for place in DOWNSAMPLE for scheme in SCHEMES]

    return over_seeds(arms, SEEDS, profile)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, downsample, and the results of ``frame.tidy``."""
    return tidy(records, "scheme", "downsample")
