"""RepVGG's branches wired as methods of order 1 to 4 (claim C14).

A branch is one weight layer when folded. At depth 50 all networks have 48 branches, with equal parameters and
multiplications, before the fold and after it, and a ReLU before each of them: without one between its stages a step
would be a single convolution, whatever its order.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.records import Record
from odestack.lab.repvgg_config import RepVGGConfig
from odestack.lab.sweep import Job
from odestack.studies.frame import over_seeds, short_base, tidy

TITLE = "Re-parameterisation"
SCHEMES = ("euler", "midpoint", "heun3", "rk4")
SEEDS = (0, 1)


def jobs(profile: str) -> list[Job]:
    """Four methods at depth 50 (smoke: 26). The final weights of seed 0 are kept at cpu, to be folded."""
    settings = short_base(profile).to_dict() | {"architecture": "repvgg"}
    base = RepVGGConfig.from_dict(settings)

    def arms(seed: int) -> list[RepVGGConfig]:
        return [replace(base, scheme=scheme, seed=seed) for scheme in SCHEMES]

    return over_seeds(arms, SEEDS, profile, "final" if profile == "cpu" else "nothing")


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, and the results of ``frame.tidy``."""
    return tidy(records, "scheme")
