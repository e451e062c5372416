"""How many layers a branch should have, at equal depth (claim C17)."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.nets.branch import KINDS
from odestack.studies.frame import over_seeds, short_base, tidy

TITLE = "Layers per branch"
SCHEMES = ("euler", "rk4")
SEEDS = (0, 1)
DEPTH = 50
"""Its 48 layers divide by 1, 2, 3 and 4 layers a branch times four stages."""


def jobs(profile: str) -> list[Job]:
    """Every kind of branch, wired by Euler and by RK4."""
    base = replace(short_base(profile), depth=DEPTH)

    def arms(seed: int) -> list[RunConfig]:
        return [replace(base, scheme=scheme, branch=kind, seed=seed) for kind in KINDS for scheme in SCHEMES]

    return over_seeds(arms, SEEDS, profile)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, branch, and the results of ``frame.tidy``."""
    return tidy(records, "scheme", "branch")
