"""``python killed_run.py CHECKPOINT CONFIG``: train, and die without warning when the second epoch is done."""

import json
import os
import signal
import sys
from pathlib import Path

import torch

from odestack.lab import train
from odestack.lab.architectures import config_from_dict


def die(epoch: int, _: train.Weights) -> None:
    if epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)


torch.set_num_threads(1)
train.run(config_from_dict(json.loads(sys.argv[2])), checkpoint=Path(sys.argv[1]), on_epoch=die)
