"""The first 300 steps at a constant rate, and settings in which the plain stack fails (claims C6, C7, C21)."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.profiles import profile_base
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.studies.frame import EARLY_STEPS, early_loss, over_seeds, smoothed, tidy

TITLE = "Learning rate and the initial state"
SCHEMES = ("euler", "midpoint", "heun3", "rk4")
DEPTHS = (26, 98)
RATES = (0.05, 0.1, 0.2, 0.8, 3.2)
SEEDS = (0, 1)
VERY_DEEP = 194
HARSH = ({"final_norm": False}, {"relu": False}, {"batch_norm": False}, {"batch_norm": False, "relu": False})
"""Networks without what tames the plain stack, or may: the norms and the ReLU, at the article's rate."""
SETTING = ["depth", "lr", "relu", "batch_norm", "final_norm"]
USUAL = "as trained"
LACKING = {"final_norm": "no final norm", "batch_norm": "no batch norm", "relu": "no ReLU"}
"""How a network is named that lacks one of these, or several."""
STALLED = 2.25
"""Training loss after the first steps above which a run has failed; guessing among ten classes gives ln 10 = 2.30."""


def jobs(profile: str) -> list[Job]:
    """Depths by rates by methods; then, one seed each, the harsh settings at the larger depth, and the very deep."""
    smoke = profile == "smoke"
    base = replace(profile_base(profile), schedule="constant", steps=4 if smoke else EARLY_STEPS)
    depths, rates = ((26,), (0.1,)) if smoke else (DEPTHS, RATES)

    def arms(seed: int) -> list[RunConfig]:
        main = [
            replace(base, scheme=scheme, depth=depth, lr=lr, seed=seed)
            for depth in depths
            for lr in rates
            for scheme in SCHEMES
        ]
        if seed != SEEDS[0]:
            return main
        harsh = [replace(base, scheme=s, depth=depths[-1], seed=seed, **setting) for setting in HARSH for s in SCHEMES]
        deep = [replace(base, scheme=s, depth=VERY_DEEP, seed=seed) for s in ("euler", "rk4")]
        return main + harsh + deep

    return over_seeds(arms, SEEDS, profile)


def setting(config: RunConfig) -> str:
    """What the network lacks, such as "no batch norm, no ReLU", or ``USUAL``."""
    return ", ".join(name for field, name in LACKING.items() if not getattr(config, field)) or USUAL


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, depth, lr, relu, batch_norm, final_norm, the results of ``frame.tidy``, and three more.

    ``early_loss`` is that of ``frame.early_loss``; ``failed`` says that it is above ``STALLED`` or that the run
    diverged; ``setting`` is what the network lacks.
    """
    frame = tidy(records, "scheme", "depth", "lr", "relu", "batch_norm", "final_norm")
    frame["early_loss"] = [early_loss(record) for record in records]
    frame["failed"] = (frame["early_loss"] > STALLED) | (frame["status"] != "done")
    frame["setting"] = [setting(record.config) for record in records]
    return frame


def failed_seeds(table: pd.DataFrame, schemes: Sequence[str]) -> pd.DataFrame:
    """How many runs of each setting failed with each of these methods, of the seeds that all of them have: one row a
    setting, one column a method."""
    wide = table.assign(failed=table["failed"].astype(int)).pivot_table(
        index=[*SETTING, "seed"], columns="scheme", values="failed"
    )
    return pd.DataFrame(wide.reindex(columns=list(schemes)).dropna().groupby(level=SETTING).sum())


def curves(records: Sequence[Record]) -> pd.DataFrame:
    """One row a step and run: scheme, depth, lr, setting, seed, step (from 1) and loss.

    The loss is the training loss before the step, its mean over this and up to 19 earlier steps. The curve of a run
    that diverged ends at its last finite loss.
    """
    columns = ["scheme", "depth", "lr", "setting", "seed", "step", "loss"]
    runs = []
    for record in records:
        config = record.config
        about = {"scheme": config.scheme, "depth": config.depth, "lr": config.lr, "seed": config.seed}
        smooth = smoothed(record)
        steps = {"step": range(1, len(smooth) + 1), "loss": smooth}
        runs.append(pd.DataFrame({**about, "setting": setting(config), **steps}))
    return pd.concat(runs, ignore_index=True) if runs else pd.DataFrame(columns=columns)
