"""Blocks of blocks (claim C9): a method whose branch is the increment of another method's step.

Written out, each is an ordinary tableau of outer times inner stages (``methods.nesting``), and at equal depth it has as
many branches as any other. RK4 of RK4 is left out: its block has 16 branches, 32 layers, so that depth 50 holds one
block and, as the rest, eight of Euler's.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig, custom_scheme
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.methods import catalogue
from odestack.methods.nesting import nested
from odestack.methods.tableau import Tableau
from odestack.studies.frame import early_loss, over_seeds, short_base, tidy

TITLE = "Nesting"
SEEDS = (0, 1)
DEPTH = 50
"""Its 24 branches divide by 2, 4, 6 and 8 stages."""
PLAIN = ("midpoint", "rk4")
PAIRS = (("midpoint", "midpoint"), ("midpoint", "rk4"), ("rk4", "midpoint"), ("heun3", "midpoint"))
"""Outer and inner method."""


def tableaux() -> dict[tuple[str, str], Tableau]:
    """The nested methods, by outer and inner method."""
    return {(outer, inner): nested(catalogue.get(outer), catalogue.get(inner)) for outer, inner in PAIRS}


def jobs(profile: str) -> list[Job]:
    """Two methods and four nested ones, at depth 50 in every profile."""
    base = replace(short_base(profile), depth=DEPTH)
    schemes = [{"scheme": name} for name in PLAIN] + [custom_scheme(tableau) for tableau in tableaux().values()]

    def arms(seed: int) -> list[RunConfig]:
        return [replace(base, seed=seed, **scheme) for scheme in schemes]

    return over_seeds(arms, SEEDS, profile)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: arm, outer, inner, stages, the results of ``frame.tidy``, and early_loss.

    The inner method of an un-nested one is "euler", whose increment is the branch itself. ``early_loss`` is that of
    ``frame.early_loss``.
    """
    frame = tidy(records, "scheme")
    pairs = {tableau.name: pair for pair, tableau in tableaux().items()} | {name: (name, "euler") for name in PLAIN}
    frame.insert(0, "arm", [arm(name) for name in frame["scheme"]])
    frame.insert(1, "outer", [pairs[name][0] for name in frame["scheme"]])
    frame.insert(2, "inner", [pairs[name][1] for name in frame["scheme"]])
    frame.insert(3, "stages", [len(record.config.method().used_stages) for record in records])
    frame["early_loss"] = [early_loss(record) for record in records]
    return frame.drop(columns="scheme")


def arm(scheme: str) -> str:
    """As figures call it, such as "rk4 of midpoint"."""
    return scheme.replace("-of-", " of ")
