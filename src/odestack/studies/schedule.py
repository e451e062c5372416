"""In which order runs are trained, how much is done, and how long the rest will take."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from math import isnan, nan

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.measurements import Measurement
from odestack.lab.records import Store
from odestack.lab.sweep import AnyJob
from odestack.studies import STUDIES, get
from odestack.studies.evidence import outdated_among, waiting

KEEP = ("nothing", "final", "epochs")


def queue(studies: Sequence[str], profile: str) -> list[AnyJob]:
    """The jobs of several studies: every study has seed 0 of all its arms before any has seed 1, and so on.

    A run that two studies share is listed once, and keeps what either of them wants kept.
    """
    jobs: dict[str, AnyJob] = {}
    for job in sorted((job for name in studies for job in get(name).jobs(profile)), key=lambda job: job.config.seed):
        other = jobs.get(job.config.key, job)
        jobs[job.config.key] = max(job, other, key=lambda each: KEEP.index(each.keep))
    return list(jobs.values())


def pace(profile: str) -> Callable[[RunConfig | Measurement], float] | None:
    """Hours of a run, judged by the profile's finished runs of its architecture on its data set, or by all if there are
    none yet; and of a measurement, by those of its kind.

    None if no run is finished. It is the speed of the machines and threads behind the records: a guide and no promise.
    """

    def like(config: RunConfig | Measurement) -> tuple[str, str | None]:
        return config.architecture, config.dataset if isinstance(config, RunConfig) else None

    store = Store(profile)
    spent: dict[tuple[str, str | None], float] = defaultdict(float)
    work: dict[tuple[str, str | None], float] = defaultdict(float)
    for job in queue(list(STUDIES), profile):
        record = store.get(job.config)
        if record is not None and record.status == "done":
            spent[like(job.config)] += record.seconds / 3600
            work[like(job.config)] += job.config.work
    if not spent:
        return None
    usual = sum(spent.values()) / sum(work.values())
    speed = {name: spent[name] / work[name] for name in spent}
    return lambda config: config.work * speed.get(like(config), usual)


def hours(missing: Sequence[RunConfig | Measurement], profile: str) -> float | None:
    """Hours of training, one run after the other, at the profile's ``pace``; None if that is unknown."""
    speed = pace(profile)
    return None if speed is None else sum(map(speed, missing))


def progress(profile: str, studies: Sequence[str] = tuple(STUDIES)) -> pd.DataFrame:
    """How far the studies are. Index study, then "all together", where a run that studies share counts once.

    Columns: runs, missing, failed (a status other than "done"); trained and left, in hours of one run after the other
    (``pace``; NaN if unknown).
    """
    store, speed = Store(profile), pace(profile)
    rows = {}
    for name in (*studies, None):
        configs = [job.config for job in queue(studies if name is None else [name], profile)]
        found = {config.key: store.get(config) for config in configs}
        records = [record for record in found.values() if record is not None]
        missing = [config for config in configs if found[config.key] is None]
        rows[name or "all together"] = {
            "runs": len(configs),
            "missing": len(missing),
            "failed": sum(record.status != "done" for record in records),
            "trained": sum(record.seconds for record in records) / 3600,
            "left": sum(map(speed, missing)) if speed else nan if missing else 0.0,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("study")


def overview(studies: Sequence[str], profile: str, *, keys: bool = False) -> str:
    """A line a study, its runs, how many are missing and their hours; then all together, shared runs counted once.

    With ``keys`` the missing runs are listed. Records of another recipe version are named, with what to do.
    """
    store = Store(profile)
    lines = [f"{'study':<18} {'runs':>5} {'missing':>8} {'hours left':>11}"]
    for name, row in progress(profile, studies).iterrows():
        time = "unknown" if isnan(row["left"]) else f"{row['left']:.1f}"
        lines.append(f"{name:<18} {row['runs']:>5.0f} {row['missing']:>8.0f} {time:>11}")
        if keys and name in studies:
            missing = store.missing([job.config for job in queue([str(name)], profile)])
            lines += [f"  {config.key} {waiting(config, store)}".rstrip() for config in missing]
    lines.append("hours: one run after the other, at the speed of the records; divide by the number of workers")
    if outdated := outdated_among(store.missing([job.config for job in queue(studies, profile)]), store):
        lines.append(
            f"{len(outdated)} of the missing runs have a record of another recipe version, which does not count; "
            f"odestack sweep {' '.join(studies)} --profile {profile} trains them anew, and these files can be deleted:"
        )
        lines += [f"  {path}" for path in outdated]
    return "\n".join(lines)
