"""``python logged_sweep.py LOG SEEDS``: sweep tiny runs, appending the key of each that is trained to the log."""

import os
import sys

import torch
from tiny_runs import tiny

from odestack.lab import train
from odestack.lab.config import RunConfig
from odestack.lab.records import Record, Store
from odestack.lab.sweep import Job, sweep

run = train.run


def logged(config: RunConfig, **options: object) -> Record:
    descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{config.key}\n".encode())
    os.close(descriptor)
    return run(config, **options)  # type: ignore[arg-type]


train.run = logged
torch.set_num_threads(1)
missing = sweep([Job(tiny(epochs=1, seed=seed)) for seed in range(int(sys.argv[2]))], Store("smoke"))
print(len(missing))
