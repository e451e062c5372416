"""Training a study anew, into a store of its own, and holding the result against the committed records."""

import math
from collections.abc import Callable, Sequence

import pandas as pd

from odestack import claims
from odestack.lab.cifar import DATA
from odestack.lab.config import ConfigError
from odestack.lab.records import Record, Store
from odestack.lab.sweep import AnyJob
from odestack.lab.tasks import TASKS
from odestack.studies import evidence, get
from odestack.studies.evidence import Evidence

FRESH = DATA / "reproduced"
"""Where retrained records go. It is kept, so that a stopped reproduction goes on; delete it to begin again."""
TOLERANCE = {"accuracy": 2.0, "iou": 2.0, "psnr": 0.2}
"""For one run's final score on the test images: points of accuracy or overlap, and dB. On the same processor and number
of threads the difference is zero. Elsewhere rounding differs, training amplifies it, and a run behaves like one of
another seed."""


def reproduce(
    study: str, profile: str = "auto", *, train: Callable[[Sequence[AnyJob], Store], object] = evidence.train
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Retrain every run of the study that has a committed record, and compare.

    Returns:
        One row a run: key, score, its committed and fresh value, difference, tolerance, and whether it agrees: within
        the tolerance, and of the same status. And one row a claim of the study: id, committed and fresh verdict, and
        whether they agree.

    Raises:
        ConfigError: no such study or profile, or no committed record to compare with.
    """
    committed = evidence.gather(study, profile)
    if not committed.records:
        raise ConfigError(
            f"study {study} has no committed record at profile {committed.profile}, so nothing to compare"
        )
    keys = {record.config.key for record in committed.records}
    fresh_store = Store(committed.profile, FRESH)
    train([job for job in get(study).jobs(committed.profile) if job.config.key in keys], fresh_store)
    fresh = [fresh_store.get(record.config) for record in committed.records]
    pairs = [(old, new) for old, new in zip(committed.records, fresh, strict=True) if new is not None]
    runs = [(old, new) for old, new in pairs if isinstance(old, Record) and isinstance(new, Record)]
    return (
        pd.DataFrame([_compared(old, new) for old, new in runs]),
        _verdicts(Evidence(study, committed.profile, [new for _, new in pairs], committed.missing)),
    )


def _compared(old: Record, new: Record) -> dict[str, object]:
    score = TASKS[old.config.task].score
    before, after = (record.final.get(f"test_{score}", math.nan) for record in (old, new))
    difference = after - before
    same_status = old.status == new.status
    return {
        "run": old.config.key,
        "score": score,
        "committed": before,
        "fresh": after,
        "difference": difference,
        "tolerance": TOLERANCE[score],
        "agrees": same_status and (old.status != "done" or abs(difference) <= TOLERANCE[score]),
    }


def _verdicts(fresh: Evidence) -> pd.DataFrame:
    """The claims that rest on the study, judged with the committed and with the fresh records of it."""
    rows = [
        {"claim": old.claim.id, "committed": old.verdict, "fresh": new.verdict, "agrees": old.verdict == new.verdict}
        for old, new in zip(claims.scorecard(fresh.profile), claims.scorecard(fresh.profile, fresh), strict=True)
        if fresh.study in old.claim.studies
    ]
    return pd.DataFrame(rows, columns=["claim", "committed", "fresh", "agrees"])
