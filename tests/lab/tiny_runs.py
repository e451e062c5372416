"""Runs of a second or two."""

from dataclasses import replace

import torch

from odestack.lab import train
from odestack.lab.config import RunConfig
from odestack.lab.records import Record

TINY = RunConfig(dataset="mini-cifar10", n_train=128, depth=10, width=8, batch=32, epochs=2)
"""Eight steps, evaluated twice on the 1,000 test images."""


def tiny(**changes: object) -> RunConfig:
    return replace(TINY, **changes)  # type: ignore[arg-type]


def metrics(record: Record) -> tuple[str, list[dict[str, float]], list[float]]:
    """What must be the same when a run is repeated: all but times and environment."""
    rows = [{name: row[name] for name in row if "seconds" not in name} for row in record.epochs]
    return record.status, rows, record.early_loss


def final_weights(config: RunConfig, *, recompute: bool = False) -> tuple[Record, train.Weights]:
    """The record, and the weights after the last epoch."""
    kept: list[train.Weights] = []
    record = train.run(config, recompute=recompute, on_epoch=lambda _, weights: kept.append(copied(weights)))
    return record, kept[-1]


def copied(weights: train.Weights) -> train.Weights:
    return {name: tensor.clone() for name, tensor in weights.items()}


def same(first: train.Weights, second: train.Weights) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
