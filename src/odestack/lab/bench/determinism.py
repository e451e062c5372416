"""What a repetition gives: the same run again, on more threads, with other instructions, in another precision, with
another seed, and where another machine has trained it before."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace

import pandas as pd
import torch

from odestack.lab import train
from odestack.lab.bench.measuring import Case, Pace, Result
from odestack.lab.cifar import CIFAR_FILE, DATASETS
from odestack.lab.config import RunConfig
from odestack.lab.environment import best_precision
from odestack.lab.records import Record, Store

STEPS = 50
LOSSES = (1, 10, STEPS)
"""Steps whose training loss is kept."""
AGAIN, THREADS, PRECISION, SEED = "the same again", "two threads", "bf16", "another seed"
INSTRUCTIONS = "AVX2 only"
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
"""The variables that keep torch and its libraries from AVX-512."""
RUNS: tuple[tuple[str, dict[str, object], int], ...] = (
    ("reference", {}, 1),
    (AGAIN, {}, 1),
    (THREADS, {}, 2),
    (INSTRUCTIONS, {}, 1),
    (PRECISION, {"precision": "bf16"}, 1),
    (f"{PRECISION}, {THREADS}", {"precision": "bf16"}, 2),
    (SEED, {"seed": 1}, 1),
)
"""Name, changes of the config, threads. Those in bf16 are for processors that compute in it, the one with AVX2 only for
those that have AVX-512."""
RECORDS = 8
"""Committed runs that are trained again."""
RETRAINED = "test accuracy, retrained minus record"


def base(steps: int = STEPS) -> RunConfig:
    """A short run on CIFAR-10, or on mini-cifar10 where that was not fetched."""
    dataset = "cifar10" if CIFAR_FILE.exists() else "mini-cifar10"
    images = min(128 * steps, DATASETS[dataset].n_train)
    return RunConfig(scheme="rk4", depth=26, dataset=dataset, n_train=images, steps=steps)


def committed() -> list[Record]:
    """Evenly chosen records of the cpu profile that trained on mini-cifar10 to the end."""
    paths = sorted(Store("cpu").folder.glob("*.json"))
    found = [Record.from_json(path.read_bytes(), str(path)) for path in paths]
    small = [record for record in found if record.config.dataset == "mini-cifar10" and record.status == "done"]
    return small[:: -(-len(small) // RECORDS)] if small else []


def cases(pace: Pace, config: RunConfig | None = None, records: Sequence[Record] | None = None) -> list[Case]:
    """Losses of some steps and the test accuracy of each run, then records trained again. The pace is no matter."""
    config = config or base()
    threads = torch.get_num_threads()
    found = []
    try:
        for name, changes, wanted in RUNS:
            torch.set_num_threads(wanted)
            run = replace(config, **changes)  # type: ignore[arg-type]
            if run.precision == "bf16" != best_precision():
                continue
            if name == INSTRUCTIONS and torch.backends.cpu.get_cpu_capability() != "AVX512":
                continue
            found += _metrics(name, with_avx2(run) if name == INSTRUCTIONS else train.run(run), wanted)
        torch.set_num_threads(1)
        found += [retrained(record) for record in (committed() if records is None else records)]
    finally:
        torch.set_num_threads(threads)
    return found


def _metrics(name: str, record: Record, threads: int) -> list[Case]:
    run = record.config
    settings = {"run": name, "seed": run.seed, "precision": run.precision, "threads": threads}
    settings |= {"dataset": run.dataset, "steps": run.total_steps}
    losses = [(step, record.early_loss[step - 1]) for step in LOSSES if step <= run.total_steps]
    found = [Case(f"training loss, step {step}", settings, "nats", [loss]) for step, loss in losses]
    return [*found, Case("test accuracy", settings, "%", [record.final["test_accuracy"]])]


def with_avx2(config: RunConfig) -> Record:
    """Train in a process of its own, on one thread, without the instructions of AVX-512."""
    code = (
        "import json, sys; from odestack.lab import config, train; "
        "print(train.run(config.RunConfig(**json.loads(sys.argv[1]))).to_json())"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, json.dumps(asdict(config))],
        env={**os.environ, **AVX2, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=True,
    ).stdout
    return Record.from_json(out)


def retrained(record: Record) -> Case:
    """How far the final test accuracy is from the record when this machine trains the run, in points."""
    difference = train.run(record.config).final["test_accuracy"] - record.final["test_accuracy"]
    settings = {"run": record.config.key, "processor": record.environment["device"]}
    return Case(RETRAINED, settings, "points", [difference])


def spreads(result: Result) -> pd.DataFrame:
    """Largest distance of each kind of repetition from the reference: one row a kind, one column a metric."""
    table = result.table().query("case != @RETRAINED")
    table = table.pivot_table(index=["run", "seed"], columns="case", values="median", sort=False)
    distances = (table - table.xs("reference").iloc[0]).abs()
    return distances.drop("reference").groupby("run", sort=False).max()[list(table.columns)]


def beside_records(result: Result) -> str:
    """What training committed runs again gave, in a sentence."""
    again = [case for case in result.cases if case.name == RETRAINED]
    if not again:
        return "No committed run was trained again."
    before = ", ".join(sorted({case.settings["processor"] for case in again}))
    largest, root = max(abs(case.median) for case in again), (sum(c.median**2 for c in again) / len(again)) ** 0.5
    return (
        f"{len(again)} runs of the lab, recorded on {before}, were trained again on {result.environment['device']}: "
        f"their accuracy moved by {largest:.2f} points at most (root mean square {root:.2f})."
    )
