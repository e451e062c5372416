"""Work that dies in the middle, in a process of its own."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import torch
from few_images import few_test_images

from odestack.lab import train
from odestack.lab.config import RunConfig
from odestack.lab.workers import new_processes


def killed(work: Callable[..., None], *arguments: object) -> None:
    """Do the work, a function of a module, with one thread; it must end in ``die``."""
    process = new_processes().Process(target=_alone, args=(work, arguments))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _alone(work: Callable[..., None], arguments: tuple[object, ...]) -> None:
    torch.set_num_threads(1)
    work(*arguments)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def two_epochs(config: RunConfig, checkpoint: Path) -> None:
    """Train, and die when the second epoch is done, before its checkpoint. Evaluated on few images."""
    train.data = few_test_images
    train.run(config, checkpoint=checkpoint, on_epoch=lambda epoch, _: die() if epoch == 2 else None)
