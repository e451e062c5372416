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

from odestack.lab.checkpoint import read_checkpoint, restore, write_checkpoint
from odestack.lab.environment import commit, environment
from odestack.lab.image_folder import Augmented
from odestack.lab.imagenet_config import ImageNetConfig
from odestack.lab.records import Record
from odestack.lab.train import as_record, autocast, initial_network, stream, train_epoch


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
    commit()  # as in train.run
    first = dist.get_rank() == 0
    network = initial_network(config).to(where)
    optimiser = config.optimiser(network)
    saved = read_checkpoint(checkpoint, torch.device("cpu"), network) if first else None
    state = restore(of_first(saved), network, optimiser)
    forward = DistributedDataParallel(network, device_ids=[where] if where.type == "cuda" else None)
    began = time.perf_counter() - state["seconds"]
    status = "done"
    steps = {"total": config.total_steps, "initial": state["step"], "unit": "step"}
    with tqdm(desc=config.key, disable=not (progress and first), **steps) as bar:
        while state["step"] < config.total_steps and status == "done":
            batches = train_batches(config, train, len(state["epochs"]), where, loaders)
            status = train_epoch(config, state, network, forward, optimiser, batches, bar, mean)
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


def mean(values: list[Tensor]) -> Tensor:
    """Of 0-d tensors, over the processes: (n,)."""
    together = torch.stack(values).double()
    dist.all_reduce(together)
    return together / dist.get_world_size()


def of_first(value: Any) -> Any:
    """What the first process has, on all of them."""
    values = [value]
    dist.broadcast_object_list(values, 0)
    return values[0]


def _loading(where: torch.device, loaders: int) -> dict[str, Any]:
    return {"num_workers": loaders, "pin_memory": where.type == "cuda"}


def _moved(loader: DataLoader, where: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    for images, labels in loader:
        images = images.to(where, memory_format=torch.channels_last, non_blocking=True)
        yield images, labels.to(where, non_blocking=True)
