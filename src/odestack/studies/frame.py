"""What all studies share: arms repeated over seeds, and a tidy table with one row a run."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf, nan
from typing import Any

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.profiles import profile_base
from odestack.lab.records import Record
from odestack.lab.sweep import Job, Keep

SHORT_EPOCHS = {"cpu": 4}
"""Epochs of the studies other than that of depth and order, where they differ."""

EARLY_STEPS = 300
"""The early loss ends at this step."""

RESULTS = ["order", "seed", "status", "train_loss", "test_loss", "accuracy", "minutes"]


def short_base(profile: str) -> RunConfig:
    """The base run of a profile, for the studies that make do with fewer epochs."""
    base = profile_base(profile)
    return replace(base, epochs=SHORT_EPOCHS.get(profile, base.epochs))


def recipe(base: RunConfig) -> dict[str, Any]:
    """The fields of a base run that it gives to networks with a config of their own."""
    return {name: getattr(base, name) for name in ("dataset", "batch", "epochs", "steps", "precision")}


def over_seeds(
    arms: Callable[[int], Sequence[RunConfig]], seeds: Sequence[int], profile: str, keep: Keep = "nothing"
) -> list[Job]:
    """The arms of each seed (smoke: of the first alone), so that one seed of every arm comes before any second seed.

    ``keep`` says which weights of the first seed's runs are kept; of the others none are.
    """
    first, *others = seeds[:1] if profile == "smoke" else seeds
    return [Job(config, keep) for config in arms(first)] + [Job(config) for seed in others for config in arms(seed)]


def tidy(records: Sequence[Record], *fields: str) -> pd.DataFrame:
    """One row a run: the named fields of its config, then ``RESULTS``.

    The losses and the accuracy (percent) are those of the last epoch, None if the run failed before its end.
    """
    rows = []
    for record in records:
        final = record.final if record.status == "done" else {}
        results = {
            "order": record.config.order,
            "seed": record.config.seed,
            "status": record.status,
            "train_loss": final.get("train_loss"),
            "test_loss": final.get("test_loss"),
            "accuracy": final.get("test_accuracy"),
            "minutes": record.seconds / 60,
        }
        rows.append({field: getattr(record.config, field) for field in fields} | results)
    frame = pd.DataFrame(rows, columns=[*fields, *RESULTS])
    flags = [field for field in fields if isinstance(getattr(RunConfig, field, None), bool)]
    return frame.astype(dict.fromkeys(flags, bool))


def smoothed(record: Record) -> list[float]:
    """Training loss of the first steps, the mean over each and up to 19 before it."""
    return pd.Series(record.early_loss, dtype=float).rolling(20, min_periods=1).mean().tolist()


def early_loss(record: Record) -> float:
    """Mean training loss of the last 20 of the first 300 steps.

    Infinite if the run failed in them, NaN if none is recorded.
    """
    if record.status != "done" and len(record.early_loss) < EARLY_STEPS:
        return inf
    late = record.early_loss[:EARLY_STEPS][-20:]
    return sum(late) / len(late) if late else nan
