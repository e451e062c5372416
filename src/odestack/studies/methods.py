"""Every method of the catalogue at one depth (claim C12)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.methods import catalogue, stability
from odestack.methods.tableau import Tableau
from odestack.nets.resnet import block_count
from odestack.studies.frame import early_loss, over_seeds, short_base, tidy

TITLE = "Ten methods and more"
SEEDS = (0, 1, 2)
TRAITS = ["stages", "sum_b", "sum_a", "T", "added", "real", "imaginary"]
"""What changes with the method besides its order: stages used, sums of abs(b) and abs(a), integration time, what all
blocks add to the mean square of the state at initialisation (blocks times the sum of b^2), stability intervals."""


def jobs(profile: str) -> list[Job]:
    """All methods at depth 50 (smoke: 26); those whose stages do not divide it are filled with Euler blocks."""
    base = short_base(profile)

    def arm(scheme: str, seed: int) -> RunConfig:
        try:
            return replace(base, scheme=scheme, seed=seed)
        except ValueError:
            return replace(base, scheme=scheme, seed=seed, remainder=True)

    schemes = [name for name in catalogue.names() if fits(name, base.depth)]
    return over_seeds(lambda seed: [arm(name, seed) for name in schemes], SEEDS, profile)


def fits(scheme: str, depth: int) -> bool:
    """Whether at least one block of the method fits into the depth."""
    return depth - 2 >= 2 * len(catalogue.get(scheme).used_stages)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, depth, remainder, the results of ``frame.tidy``, ``frame.early_loss``, and
    ``TRAITS``."""
    frame = tidy(records, "scheme", "depth", "remainder")
    frame["early_loss"] = [early_loss(record) for record in records]
    rows = [traits(record.config.method(), record.config.depth) for record in records]
    return frame.join(pd.DataFrame(rows, columns=TRAITS))


@cache
def traits(tableau: Tableau, depth: int) -> tuple[float, ...]:
    """``TRAITS`` at step 1 and two layers a branch."""
    method = tableau.reduced()
    A, b, _ = method.floats()
    blocks, euler_blocks = block_count(method, depth, remainder=True)
    added = blocks * (b**2).sum() + euler_blocks
    intervals = stability.real_interval(method), stability.imaginary_interval(method)
    return method.stages, abs(b).sum(), abs(A).sum(), blocks + euler_blocks, added, *intervals
