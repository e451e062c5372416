"""A sweep of two small runs that can be killed at any moment."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from odestack.lab.config import RunConfig
from odestack.lab.records import Store
from odestack.lab.sweep import Job, sweep

BASE = RunConfig(dataset="mini-cifar10", n_train=128, depth=10, width=4, batch=32, epochs=2)
CONFIGS = [replace(BASE, scheme=scheme) for scheme in ("euler", "rk4")]
calls = count(1)


def mortal(call: Callable[..., Any], moment: int) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if next(calls) == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*arguments, **options)
        if next(calls) == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


def run(folder: Path, moment: int, started: Connection) -> None:
    """Sweep, keeping all weights, in a process of its own; say when it begins, and how many moments it had.

    Args:
        folder: of the store.
        moment: 0, or the number of the moment at which the process is killed: just before or after a file is written
            to disk, gets its name, or is removed.
        started: receives "ready", and in the end the number of moments.
    """
    torch.set_num_threads(1)
    for owner, name in ((os, "fsync"), (os, "replace"), (Path, "unlink")):
        setattr(owner, name, mortal(getattr(owner, name), moment))
    started.send("ready")
    sweep([Job(config, "epochs") for config in CONFIGS], Store("smoke", folder))
    started.send(next(calls) - 1)
