"""A small vision transformer on CIFAR-10, wired as methods of order 1, 2 and 4 (half of claim C13).

A branch is the increment of one pair of attention and MLP; there are twelve. Parameters and multiplications are equal.
"""

from collections.abc import Sequence

import pandas as pd

from odestack.lab.profiles import profile_base
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.lab.vit_config import ViTConfig
from odestack.studies.frame import over_seeds, recipe, tidy

TITLE = "Transformer"
SCHEMES = ("euler", "midpoint", "rk4")
SEEDS = (0, 1, 2)
WIDTH = {"smoke": 8, "cpu": 48, "gpu": 192}


def jobs(profile: str) -> list[Job]:
    """Three methods."""
    shared = recipe(profile_base(profile))

    def arms(seed: int) -> list[ViTConfig]:
        return [ViTConfig(scheme=scheme, width=WIDTH[profile], seed=seed, **shared) for scheme in SCHEMES]

    return over_seeds(arms, SEEDS, profile)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, and the results of ``frame.tidy``."""
    return tidy(records, "scheme")
