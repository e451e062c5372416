"""Training speed: the engine against the loop that a tutorial would write, on the same images and network."""

import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import count
from statistics import median
from typing import TypeVar

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from odestack.lab import cifar, train
from odestack.lab.config import RunConfig
from odestack.lab.environment import best_precision
from odestack.nets.cost import cost

WORKERS = (0, 1, 2)
WARM_UP = 4  # steps before each measurement; also empties what the loader's workers prepared while they waited
LONGEST = 600
"""Seconds of one measurement at most."""
ROOF_SIZE = 2048
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

Steps = Iterator[object]
Loop = TypeVar("Loop", bound=Hashable)


def bench_train(width: int = 16, depth: int = 50, *, repeats: int = 5, seconds: float = 5.0) -> pd.DataFrame:
    """Time whole training steps of an Euler network on mini-cifar10, in this processor's best precision.

    All loops are measured in turn, ``repeats`` times for ``seconds`` each, and medians taken.

    Returns:
        One row a loop, with its ``precision``; ``images_per_s``; ``speed`` as a multiple of the fastest plain loop;
        ``of_roof``, the share of what a 2048 x 2048 matrix product reaches in the same precision, counting 3 x 2
        operations for each multiply-accumulate of the forward pass; ``data_share``, the part of the engine's step
        that goes into making batches (NaN for the plain loops).

    Raises:
        ValueError: width or depth cannot be built, ``repeats`` is below 1, or ``seconds`` is not in (0, ``LONGEST``].
        cifar.DataError: mini-cifar10 is damaged.
    """
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}, but must be at least 1")
    if not 0 < seconds <= LONGEST:
        raise ValueError(f"seconds is {seconds:g}, but must be more than 0 and at most {LONGEST}")
    config = RunConfig(dataset="mini-cifar10", width=width, depth=depth, precision=best_precision())
    plain = {f"plain, {workers} workers": _plain_loop(config, workers) for workers in WORKERS}
    loops: dict[str, Steps] = {"engine": _engine(config), **plain, "data": _batches(config)}
    loops |= {precision: _matrix_products(DTYPES[precision]) for precision in {"fp32", config.precision}}
    rates = median_rates(loops, repeats, seconds)

    fastest_plain = max(rates[name] for name in plain)
    step_flops = 3 * 2 * config.batch * cost(config.network()).macs
    rows = []
    for name in ("engine", *plain):
        precision = config.precision if name == "engine" else "fp32"
        rows.append(
            {
                "loop": name,
                "precision": precision,
                "images_per_s": round(config.batch * rates[name], 1),
                "speed": round(rates[name] / fastest_plain, 3),
                "of_roof": round(rates[name] * step_flops / (rates[precision] * 2 * ROOF_SIZE**3), 3),
                "data_share": round(rates[name] / rates["data"], 4) if name == "engine" else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def median_rates(
    loops: Mapping[Loop, Steps], repeats: int, seconds: float, clock: Callable[[], float] = time.perf_counter
) -> dict[Loop, float]:
    """Steps per second of each loop: the median of ``repeats`` measurements of so many seconds, made in turn, so that a
    slow moment of the machine does not meet one loop alone. The clock may be that of this thread's processor time."""
    rates: dict[Loop, list[float]] = {name: [] for name in loops}
    for _ in range(repeats):
        for name, steps in loops.items():
            rates[name].append(_rate(steps, seconds, clock))
    return {name: median(measured) for name, measured in rates.items()}


def _rate(steps: Steps, seconds: float, clock: Callable[[], float]) -> float:
    for _ in range(WARM_UP):
        next(steps)
    done, began = 0, clock()
    while (elapsed := clock() - began) < seconds:
        next(steps)
        done += 1
    return done / elapsed


def _batches(config: RunConfig) -> Iterator[tuple[Tensor, Tensor]]:
    """The engine's batches, epoch after epoch."""
    split, _ = cifar.load(config.dataset)
    for epoch in count():
        order = torch.randperm(len(split), generator=train.stream(config.seed, "order", epoch))
        augmentation = train.stream(config.seed, "augment", epoch)
        yield from cifar.batches(split, config.batch, order=order, augmentation=augmentation)


def _engine(config: RunConfig) -> Steps:
    network = train.initial_network(config)
    optimiser = config.optimiser(network)
    for images, labels in _batches(config):
        yield train.step(config, network, optimiser, images, labels)


class Photographs(Dataset[tuple[Tensor, int]]):
    """PIL images with torchvision's transforms, one by one; repeated to the length of CIFAR-10's epoch."""

    def __init__(self, split: cifar.Split) -> None:
        to_pil = transforms.ToPILImage()
        self.images = [to_pil(image) for image in split.images]
        self.labels = split.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(cifar.MEAN, cifar.STD),
            ]
        )

    def __len__(self) -> int:
        return cifar.DATASETS["cifar10"].n_train

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        index %= len(self.images)
        return self.transform(self.images[index]), self.labels[index]


def _plain_loop(config: RunConfig, workers: int) -> Steps:
    """NCHW, fp32, eager, with a DataLoader."""
    network = train.initial_network(config).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    optimiser = torch.optim.SGD(
        network.parameters(), lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
    )
    loader = DataLoader(
        Photographs(cifar.load(config.dataset)[0]),
        config.batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    while True:
        for images, labels in loader:
            optimiser.zero_grad()
            loss = F.cross_entropy(network(images), labels)
            loss.backward()
            optimiser.step()
            yield loss.detach()


def _matrix_products(dtype: torch.dtype) -> Steps:
    a, b = (torch.randn(ROOF_SIZE, ROOF_SIZE, generator=torch.Generator().manual_seed(i)).to(dtype) for i in (0, 1))
    while True:
        yield a @ b
