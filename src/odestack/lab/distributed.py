"""One run on several processes, each with a part of every batch (Li et al. 2020, *PyTorch Distributed*)."""

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, Subset
from torchvision.datasets import ImageFolder
from tqdm import tqdm

from odestack.lab.checkpoint import read_checkpoint, write_checkpoint
from odestack.lab.environment import environment
from odestack.lab.image_folder import Augmented
from odestack.lab.imagenet_config import ImageNetConfig
from odestack.lab.records import Record
from odestack.lab.train import (
    CHECK_EVERY,
    as_record,
    autocast,
    initial_network,
    keep_losses,
    learning_rate,
    step,
    stream,
)


@contextmanager
def process_group(device: str) -> Iterator[torch.device]:
    """Join the processes that torchrun started, or be the only one; yields the device of this one."""
    cuda = device == "cuda"
    where = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(where)
    alone = {} if "WORLD_SIZE" in os.environ else {"store": dist.HashStore(), "rank": 0, "world_size": 1}
    dist.init_process_group("nccl" if cuda else "gloo", **alone)
    try:
        yield where
    finally:
        dist.destroy_process_group()


def run(
    config: ImageNetConfig,
    train: Augmented,
    test: ImageFolder,
    where: torch.device,
    *,
    checkpoint: Path,
    loaders: int = 0,
    progress: bool = False,
) -> tuple[Record, nn.Module]:
    """Train as the config says with all processes of the group; every one returns the same record and network.

    Gradients are averaged over the processes, batch norm is not: each normalises its own part of the batch.

    Args:
        config: the run.
        train, test: the images.
        where: device of this process.
        checkpoint: file of the first process for the state after each epoch, from which an interrupted run goes on.
        loaders: processes that load images, for each that trains.
        progress: draw a progress bar on stderr.
    """
    first = dist.get_rank() == 0
    network = initial_network(config).to(where)
    optimiser = config.optimiser(network)
    state = _resume(checkpoint, network, optimiser)
    forward = DistributedDataParallel(network, device_ids=[where] if where.type == "cuda" else None)
    began = time.perf_counter() - state["seconds"]
    status = "done"
    steps = {"total": config.total_steps, "initial": state["step"], "unit": "step"}
    with tqdm(desc=config.key, disable=not (progress and first), **steps) as bar:
        while state["step"] < config.total_steps and status == "done":
            batches = train_batches(config, train, len(state["epochs"]), where, loaders)
            status = _epoch(config, state, forward, optimiser, batches, bar)
            if status == "done":
                started = time.perf_counter()
                row = state["epochs"][-1]
                row["test_loss"], row["test_accuracy"] = evaluate(network, test, config, where, loaders)
                row["eval_seconds"] = round(time.perf_counter() - started, 2)
                if not math.isfinite(row["test_loss"]):
                    state["epochs"].pop()
                    status = "diverged"
            state["seconds"] = time.perf_counter() - began
            if first and status == "done" and state["step"] < config.total_steps:
                write_checkpoint(checkpoint, state, network, optimiser)
    return as_record(config, status, state, environment(where, compiled=False)), network


def rate(config: ImageNetConfig, at: int) -> float:
    """Learning rate of the step with this number, from 0: the schedule's, after a linear warm-up."""
    warmup = config.warmup * config.steps_per_epoch
    return learning_rate(config, at) * (1.0 if at >= warmup else (at + 1) / warmup)


def train_batches(
    config: ImageNetConfig, train: Augmented, epoch: int, where: torch.device, loaders: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """This process's parts (B / processes, 3, H, W) of the epoch's whole batches, and their labels."""
    sampler = DistributedSampler(train, seed=stream(config.seed, "order").initial_seed(), drop_last=True)
    sampler.set_epoch(epoch)
    train.epoch = epoch
    size = config.batch // config.processes
    loader = DataLoader(train, size, sampler=sampler, drop_last=True, **_loading(where, loaders))
    return _moved(loader, where)


@torch.no_grad()
def evaluate(
    network: nn.Module, test: ImageFolder, config: ImageNetConfig, where: torch.device, loaders: int
) -> tuple[float, float]:
    """Mean cross-entropy and accuracy in percent over all test images, each seen by one process.

    Running statistics differ between the processes, since batch norm does; those of the first count, and every process
    has them afterwards.
    """
    for buffer in network.buffers():
        dist.broadcast(buffer, 0)
    network.eval()
    mine = Subset(test, range(dist.get_rank(), len(test), config.processes))
    totals = torch.zeros(2, dtype=torch.float64, device=where)
    for images, labels in _moved(DataLoader(mine, config.batch // config.processes, **_loading(where, loaders)), where):
        with autocast(config, where):
            logits = network(images).float()
        totals[0] += F.cross_entropy(logits, labels, reduction="sum")
        totals[1] += (logits.argmax(1) == labels).sum()
    dist.all_reduce(totals)
    network.train()
    loss, hits = (totals / len(test)).tolist()
    return loss, 100 * hits


def _epoch(
    config: ImageNetConfig,
    state: dict[str, Any],
    forward: nn.Module,
    optimiser: torch.optim.Optimizer,
    batches: Iterator[tuple[Tensor, Tensor]],
    bar: tqdm,
) -> str:
    """As in ``lab.train``, with losses averaged over the processes, so that all of them stop at the same step."""
    started = time.perf_counter()
    losses: list[Tensor] = []
    scores: list[Tensor] = []
    for images, labels in batches:
        for group in optimiser.param_groups:
            group["lr"] = rate(config, state["step"])
        loss, score = step(config, forward, optimiser, images, labels)
        losses.append(loss)
        scores.append(score)
        state["step"] += 1
        last = state["step"] == config.total_steps
        if last or len(losses) % CHECK_EVERY == 0 or len(losses) == config.steps_per_epoch:
            bar.update(state["step"] - bar.n)
            (recent,) = _mean([loss])
            bar.set_postfix(loss=f"{recent:.3f}")
            if not math.isfinite(recent) or last:
                break
    values = _mean(losses)
    if not keep_losses(state, values):
        return "diverged"
    state["epochs"].append(
        {
            "epoch": len(state["epochs"]) + 1,
            "step": state["step"],
            "lr": rate(config, state["step"] - 1),
            "train_loss": sum(values) / len(values),
            "train_accuracy": sum(_mean(scores)) * config.processes / (len(values) * config.batch),
            "seconds": round(time.perf_counter() - started, 2),
        }
    )
    return "done"


def _mean(values: list[Tensor]) -> list[float]:
    """Of 0-d tensors, over the processes."""
    together = torch.stack(values).double()
    dist.all_reduce(together)
    return (together / dist.get_world_size()).tolist()


def of_first(value: Any) -> Any:
    """What the first process has, on all of them."""
    values = [value]
    dist.broadcast_object_list(values, 0)
    return values[0]


def _resume(checkpoint: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """The state from which to go on: what the first process has in its checkpoint, or a new one."""
    first = dist.get_rank() == 0
    state = of_first(read_checkpoint(checkpoint, torch.device("cpu")) if first else None)
    if state is None:
        return {"step": 0, "epochs": [], "early_loss": [], "seconds": 0.0}
    network.load_state_dict(state.pop("network"))
    optimiser.load_state_dict(state.pop("optimiser"))
    return state


def _loading(where: torch.device, loaders: int) -> dict[str, Any]:
    return {"num_workers": loaders, "pin_memory": where.type == "cuda"}


def _moved(loader: DataLoader, where: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    for images, labels in loader:
        images = images.to(where, memory_format=torch.channels_last, non_blocking=True)
        yield images, labels.to(where, non_blocking=True)
