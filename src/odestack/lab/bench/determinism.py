"""What a repetition gives: the same run again, on more threads, in another precision, and with another seed."""

from dataclasses import replace

import pandas as pd
import torch

from odestack.lab import train
from odestack.lab.bench.measuring import Case, Pace, Result
from odestack.lab.cifar import CIFAR_FILE, DATASETS
from odestack.lab.config import RunConfig

STEPS = 50
LOSSES = (1, 10, STEPS)
"""Steps whose training loss is kept."""
AGAIN, THREADS, PRECISION, SEED = "the same again", "two threads", "bf16", "another seed"
RUNS: tuple[tuple[str, dict[str, object], int], ...] = (
    ("reference", {}, 1),
    (AGAIN, {}, 1),
    (THREADS, {}, 2),
    (PRECISION, {"precision": "bf16"}, 1),
    (f"{PRECISION}, {THREADS}", {"precision": "bf16"}, 2),
    (SEED, {"seed": 1}, 1),
)
"""Name, changes of the config, threads."""


def base(steps: int = STEPS) -> RunConfig:
    """A short run on CIFAR-10, or on mini-cifar10 where that was not fetched."""
    dataset = "cifar10" if CIFAR_FILE.exists() else "mini-cifar10"
    images = min(128 * steps, DATASETS[dataset].n_train)
    return RunConfig(scheme="rk4", depth=26, dataset=dataset, n_train=images, steps=steps)


def cases(pace: Pace, config: RunConfig | None = None) -> list[Case]:
    """Losses of some steps and the final test accuracy of each run; the pace does not matter."""
    config = config or base()
    threads = torch.get_num_threads()
    found = []
    try:
        for name, changes, wanted in RUNS:
            torch.set_num_threads(wanted)
            run = replace(config, **changes)  # type: ignore[arg-type]
            record = train.run(run)
            settings = {"run": name, "seed": run.seed, "precision": run.precision, "threads": wanted}
            settings |= {"dataset": run.dataset, "steps": run.total_steps}
            losses = [(step, record.early_loss[step - 1]) for step in LOSSES if step <= run.total_steps]
            found += [Case(f"training loss, step {step}", settings, "nats", [loss]) for step, loss in losses]
            found.append(Case("test accuracy", settings, "%", [record.final["test_accuracy"]]))
    finally:
        torch.set_num_threads(threads)
    return found


def spreads(result: Result) -> pd.DataFrame:
    """Largest distance of each kind of repetition from the reference: one row a kind, one column a metric."""
    table = result.table().pivot_table(index=["run", "seed"], columns="case", values="median", sort=False)
    distances = (table - table.xs("reference").iloc[0]).abs()
    return distances.drop("reference").groupby("run", sort=False).max()[list(table.columns)]
