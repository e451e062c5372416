"""Training a study anew, into a store of its own, and holding the result against the committed records."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import variance

import pandas as pd
from scipy import stats

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
STATED = {"accuracy": 2.0, "iou": 2.0, "psnr": 0.2}
"""Tolerance of one run's final score on the test images where too few runs differ in their seed alone to derive it:
points of accuracy or overlap, and dB."""
LEAST_DF = 5
"""Degrees of freedom from which the scatter between seeds is taken for known."""


@dataclass(frozen=True)
class Tolerance:
    """How far a retrained study may be from its records: at most what other seeds would give, at a level of 5 %.

    On the same processor, with the same threads and versions, the difference is zero. Elsewhere sums are rounded in
    another order and training amplifies that: at worst, a run becomes one of another seed, and the difference of the
    two has the standard deviation sqrt(2) x ``scatter``. The bound of one run is Bonferroni's for all runs of the
    study; that of their mean finds a shift that no single run shows.

    Attributes:
        runs: that are compared.
        scatter: standard deviation of the score between seeds, pooled over configs; None if too few runs tell it.
        df: its degrees of freedom.
        stated: bound of one run without a scatter.
    """

    runs: int
    scatter: float | None
    df: int
    stated: float

    @property
    def one_run(self) -> float:
        return self._bound(self.runs) if self.scatter is not None else self.stated

    @property
    def mean(self) -> float:
        if self.scatter is None:
            return self.stated
        return self._bound(1) / math.sqrt(self.runs)

    def _bound(self, comparisons: int) -> float:
        assert self.scatter is not None
        return float(stats.t.isf(0.025 / comparisons, self.df)) * math.sqrt(2) * self.scatter


def tolerance(records: Sequence[Record]) -> Tolerance:
    """From the records of a study: those that ended well and differ in their seed alone tell the scatter."""
    done = [record for record in records if record.status == "done"]
    groups = defaultdict(list)
    for record in done:
        groups[replace(record.config, seed=0).key].append(_score(record))
    squares = [(len(scores) - 1) * variance(scores) for scores in groups.values() if len(scores) > 1]
    df = sum(len(scores) - 1 for scores in groups.values())
    scatter = math.sqrt(sum(squares) / df) if df >= LEAST_DF else None
    return Tolerance(len(done), scatter, df, STATED[TASKS[records[0].config.task].score] if records else 0.0)


def reproduce(
    study: str, profile: str = "auto", *, train: Callable[[Sequence[AnyJob], Store], object] = evidence.train
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Retrain every run of the study that has a committed record, and compare.

    Returns:
        One row a run, and a last one for the mean of those that ended well: key, score, its committed and fresh value,
        difference, tolerance, and whether it agrees: within the tolerance, and of the same status. And one row a claim
        of the study: id, committed and fresh verdict, and whether they agree.

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
        compared([old for old, _ in runs], [new for _, new in runs]),
        _verdicts(Evidence(study, committed.profile, [new for _, new in pairs], committed.missing)),
    )


def compared(committed: Sequence[Record], fresh: Sequence[Record]) -> pd.DataFrame:
    """The first table of ``reproduce``, from the records of the same runs in the same order."""
    bounds = tolerance(committed)
    rows = [
        {
            "run": old.config.key,
            "committed": _score(old),
            "fresh": _score(new),
            "tolerance": bounds.one_run,
            "same_status": old.status == new.status,
        }
        for old, new in zip(committed, fresh, strict=True)
    ]
    done = [row for row, old, new in zip(rows, committed, fresh, strict=True) if old.status == new.status == "done"]
    if done:
        means = {name: sum(row[name] for row in done) / len(done) for name in ("committed", "fresh")}
        rows.append({"run": f"mean of {len(done)}", **means, "tolerance": bounds.mean, "same_status": True})
    table = pd.DataFrame(rows, columns=["run", "committed", "fresh", "tolerance", "same_status"])
    table.insert(3, "difference", table["fresh"] - table["committed"])
    table["agrees"] = table.pop("same_status") & ~(table["difference"].abs() > table["tolerance"])
    if committed:
        table.insert(1, "score", TASKS[committed[0].config.task].score)
    return table


def _score(record: Record) -> float:
    """The final score on the test images, NaN of a run that failed."""
    if record.status != "done":
        return math.nan
    return record.final[f"test_{TASKS[record.config.task].score}"]


def _verdicts(fresh: Evidence) -> pd.DataFrame:
    """The claims that rest on the study, judged with the committed and with the fresh records of it."""
    rows = [
        {"claim": old.claim.id, "committed": old.verdict, "fresh": new.verdict, "agrees": old.verdict == new.verdict}
        for old, new in zip(claims.scorecard(fresh.profile), claims.scorecard(fresh.profile, fresh), strict=True)
        if fresh.study in old.claim.studies
    ]
    return pd.DataFrame(rows, columns=["claim", "committed", "fresh", "agrees"])
