"""The article's own depths 30 and 58, and 34 (claims C2 and C18).

RK4 has eight layers a block, and 28 and 56 layers leave a remainder of 4 and 0: Euler blocks fill it.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.profiles import profile_base
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.studies.frame import over_seeds, tidy

TITLE = "The article's depths"
SCHEMES = ("euler", "rk4")
DEPTHS = (30, 34, 58)
SEEDS = (0, 1, 2)


def jobs(profile: str) -> list[Job]:
    """Euler and RK4 at each depth, trained as in the study of depth and order."""
    base = profile_base(profile)

    def arms(seed: int) -> list[RunConfig]:
        return [
            replace(base, scheme=scheme, depth=depth, seed=seed, remainder=scheme == "rk4" and bool((depth - 2) % 8))
            for depth in DEPTHS
            for scheme in SCHEMES
        ]

    return over_seeds(arms, SEEDS, profile)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, depth, remainder, and the results of ``frame.tidy``."""
    return tidy(records, "scheme", "depth", "remainder")
