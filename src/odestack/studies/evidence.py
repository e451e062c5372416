"""The records that a page rests on: which profile, which runs, and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from odestack.lab.config import ConfigError, RunConfig
from odestack.lab.measurements import Measured, Measurement
from odestack.lab.profiles import PROFILES
from odestack.lab.records import Record, Store
from odestack.lab.sweep import SomeJob, means, records, sweep
from odestack.studies import get

if TYPE_CHECKING:
    from IPython.display import Markdown

AUTO = ("gpu", "cpu")
"""Profiles that "auto" chooses from, largest first."""


@dataclass(frozen=True)
class Evidence:
    """Records and measurements of one study at one profile, the configs that have none, and how many of these have a
    record of another recipe version."""

    study: str
    profile: str
    records: Sequence[Record | Measured] = field(repr=False)
    missing: Sequence[RunConfig | Measurement] = field(repr=False)
    outdated: int = 0

    @property
    def runs(self) -> list[Record]:
        """The records without the measurements."""
        return [record for record in self.records if isinstance(record, Record)]

    def statement(self) -> "Markdown":
        """What the page rests on, in one sentence; missing runs are named, with the command that trains them."""
        from IPython.display import Markdown  # the command line works without a notebook's packages

        total = len(self.records) + len(self.missing)
        if total == 0:
            return Markdown(f"Study `{self.study}` has no runs at profile `{self.profile}`.")
        all_configs = [*(result.config for result in self.records), *self.missing]
        measures = any(isinstance(config, Measurement) for config in all_configs)
        runs = "runs and measurements" if measures else "runs"
        have = f"{len(self.records)} of {total} {runs}"
        text = f"This page rests on {have} of study `{self.study}`, profile `{self.profile}`."
        if self.outdated:
            text += (
                f" {self.outdated} of the missing runs have a record of another recipe version, which does not count."
            )
        if self.missing:
            store = Store(self.profile)
            names = "".join(f"<li><code>{c.key}</code> {waiting(c, store)}</li>" for c in self.missing)
            text += (
                f" **{len(self.missing)} {runs} have no record yet: what follows is incomplete.** To train them: "
                f"`odestack sweep {self.study} --profile {self.profile}`.\n\n"
                f"<details><summary>The missing {runs}</summary><ul>{names}</ul></details>"
            )
        return Markdown(text)


def gather(study: str, profile: str = "auto", budget: float = 0.0) -> Evidence:
    """Train what is missing within the budget, then collect the records.

    With "auto" it is the largest profile that has all its records, else cpu. Where CUDA is present the budget goes to
    the gpu profile first.

    Args:
        study: name of the study.
        profile: "smoke", "cpu", "gpu" or "auto".
        budget: start no run after so many seconds; 0 trains nothing.

    Raises:
        ConfigError: no such study or profile.
    """
    check_profile(profile)
    jobs = get(study).jobs
    if budget > 0:
        target = profile if profile != "auto" else ("gpu" if torch.cuda.is_available() else "cpu")
        train(jobs(target), Store(target), budget)
    if profile == "auto":
        profile = largest_complete([study])
    configs = [job.config for job in jobs(profile)]
    store = Store(profile)
    found = records(configs, store)
    have = {record.config.key for record in found}
    missing = [config for config in configs if config.key not in have]
    return Evidence(study, profile, found, missing, len(outdated_among(missing, store)))


def waiting(config: RunConfig | Measurement, store: Store) -> str:
    """What a missing measurement waits for; empty where nothing is waited for."""
    return (
        f"waits for the weights of run {config.run.key}"
        if isinstance(config, Measurement) and store.waits(config)
        else ""
    )


def outdated_among(missing: Sequence[RunConfig | Measurement], store: Store) -> list[Path]:
    """The store's records of the missing runs that are of another recipe version."""
    keys = {config.key for config in missing}
    return [path for path, config in store.outdated().items() if config.key in keys] if keys else []


def check_profile(profile: str) -> None:
    """Raises ConfigError: it is neither a profile nor "auto"."""
    if profile not in (*PROFILES, "auto"):
        raise ConfigError(f"profile {profile!r} does not exist; choose one of auto, {', '.join(PROFILES)}")


def largest_complete(studies: Sequence[str]) -> str:
    """The largest profile at which each study has runs and none is missing.

    If there is none: cpu, or the largest one where that has no runs.
    """

    def configs(profile: str) -> list[list[RunConfig | Measurement]]:
        return [[job.config for job in get(study).jobs(profile)] for study in studies]

    for profile in AUTO:
        if all(each and not Store(profile).missing(each) for each in configs(profile)):
            return profile
    return "cpu" if all(configs("cpu")) or not any(configs(AUTO[0])) else AUTO[0]


def train(
    jobs: Sequence[SomeJob], store: Store, budget: float | None = None, *, progress: bool = False
) -> list[SomeJob]:
    """Sweep with this machine's means. Returns what is still missing."""
    return sweep(jobs, store, **means(store.profile), budget=budget, progress=progress)
