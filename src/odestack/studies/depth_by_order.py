"""Accuracy by depth and by order of the method (claims C2 to C5).

Four methods of order 1 to 4 at depths 2 + 24k, where all of them have exactly the same layers, parameters and
multiplications. Beside them, one seed each: Euler and RK4 without the ReLU after the addition at every depth, and the
four methods with the head of the released code, which lacks a final batch norm, at the smallest depth.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.profiles import profile_base
from odestack.lab.records import Record
from odestack.lab.sweep import Job, Keep
from odestack.studies.frame import over_seeds, tidy

TITLE = "Depth and order"
SCHEMES = ("euler", "midpoint", "heun3", "rk4")
DEPTHS = (26, 50, 98)
SEEDS = (0, 1, 2)
SNAPSHOTS = ("euler", "rk4")


def jobs(profile: str) -> list[Job]:
    """All runs of the study: one seed of every arm before any second seed."""
    base = profile_base(profile)
    depths = (base.depth,) if profile == "smoke" else DEPTHS

    def arms(seed: int) -> list[RunConfig]:
        main = [replace(base, scheme=scheme, depth=depth, seed=seed) for depth in depths for scheme in SCHEMES]
        if seed != SEEDS[0]:
            return main
        released = [replace(base, scheme=s, depth=depths[0], seed=seed, final_norm=False) for s in SCHEMES]
        plain = [replace(base, scheme=s, depth=d, seed=seed, relu=False) for d in depths for s in ("euler", "rk4")]
        return main + released + plain

    return [replace(job, keep=_keep(job.config, profile)) for job in over_seeds(arms, SEEDS, profile)]


def _keep(config: RunConfig, profile: str) -> Keep:
    """Weights for the loss surfaces: seed 0 at the ends of the depth range."""
    main = config.seed == 0 and config.relu and config.final_norm
    if profile != "cpu" or not main or config.depth not in (DEPTHS[0], DEPTHS[-1]):
        return "nothing"
    return "epochs" if config.depth == DEPTHS[-1] and config.scheme in SNAPSHOTS else "final"


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, depth, relu, final_norm, and the results of ``frame.tidy``."""
    return tidy(records, "scheme", "depth", "relu", "final_norm")
