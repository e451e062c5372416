"""One training run, from config to record."""

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from odestack.lab import cifar, pets
from odestack.lab.checkpoint import State, read_checkpoint, restore, write_checkpoint
from odestack.lab.config import RunConfig
from odestack.lab.environment import commit, environment
from odestack.lab.records import Record
from odestack.lab.tasks import TASKS, Wanted
from odestack.nets.coefficients import coefficients
from odestack.nets.network import Network
from odestack.nets.neural_ode import NeuralODE
from odestack.nets.recompute import recompute_branches
from odestack.nets.solvers import NFE, SolverError

torch.backends.cudnn.allow_tf32 = False  # fp32 means fp32, on a GPU too

EARLY_STEPS = 400
"""Number of first steps whose loss goes into the record one by one."""
EVALUATION_BATCH = 500
EVALUATION_SEED = -1
"""Of what a task draws in an evaluation; no ``stream`` has a negative seed."""
CHECK_EVERY = 20
"""Steps between two looks at the loss: for divergence, and for the progress bar."""

Weights = dict[str, Tensor]


@cache
def data(name: str, device: torch.device) -> tuple[cifar.Split, cifar.Split]:
    train, test = pets.load() if name == pets.NAME else cifar.load(name)
    return train.to(device), test.to(device)


def stream(seed: int, name: str, epoch: int = 0) -> torch.Generator:
    """An independent CPU generator for each use of randomness and epoch, so that a resumed run draws the same."""
    number = ("init", "order", "augment").index(name)
    return torch.Generator().manual_seed((seed * 1_000_003 + epoch) * 3 + number)


def initial_network(config: RunConfig) -> Network:
    """The network as the run's seed initialises it, on the CPU, channels last. Leaves torch's generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(config.seed, "init").initial_seed())
        return config.network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def autocast(config: RunConfig, device: torch.device) -> contextlib.AbstractContextManager[Any]:
    return torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16")


@torch.no_grad()
def evaluate(
    network: nn.Module, split: cifar.Split, config: RunConfig, batch: int = EVALUATION_BATCH
) -> tuple[float, ...]:
    """Mean loss and scores of the config's task, with running statistics; what is drawn is the same in every call."""
    task, generator = TASKS[config.task], torch.Generator().manual_seed(EVALUATION_SEED)
    network.eval()
    sums = [0.0] * (1 + len(task.scores))
    for start in range(0, len(split), batch):
        images, targets = split.images[start : start + batch], split.labels[start : start + batch]
        shown, wanted = task.pose(cifar.normalise(images), targets, generator)
        with autocast(config, images.device):
            outputs = network(shown).float()
        values = [task.loss(outputs, wanted, reduction="sum"), *(of(outputs, wanted) for of in task.scores.values())]
        sums = [total + value.item() for total, value in zip(sums, values, strict=True)]
    network.train()
    return tuple(total / len(split) for total in sums)


def measured(name: str, network: nn.Module, split: cifar.Split, config: RunConfig) -> dict[str, float]:
    """The columns of a record's row that an ``evaluate`` of the split gives, such as test_loss and test_accuracy."""
    columns = [f"{name}_{what}" for what in ("loss", *TASKS[config.task].scores)]
    return dict(zip(columns, evaluate(network, split, config), strict=True))


def batch_coefficients(network: Network, split: cifar.Split, config: RunConfig) -> list[float]:
    """The network's ``coefficients`` on the first batch of the split, with running statistics."""
    network.eval()
    images = split.images[:EVALUATION_BATCH]
    with autocast(config, images.device):
        found = coefficients(network, cifar.normalise(images))
    network.train()
    return found


def run(
    config: RunConfig,
    *,
    device: str = "cpu",
    compile: bool = False,
    recompute: bool = False,
    checkpoint: Path | None = None,
    on_epoch: Callable[[int, Weights], None] | None = None,
    progress: bool = False,
) -> Record:
    """Train as the config says and return the record. A run that fails is a status, not an error.

    Args:
        config: the run.
        device: where to train.
        compile: use torch.compile, unless the network is of a class that it does not fit.
        recompute: compute branches a second time in the backward pass (``nets.recompute``), to the same result.
        checkpoint: file for the state after each epoch. If it is there, the run goes on from it and ends as an
            uninterrupted one would (same machine, same threads).
        on_epoch: called with the number of the epoch just finished and the weights.
        progress: draw a progress bar on stderr.

    Raises:
        cifar.DataError: the data set is missing or damaged.
        ValueError: recompute was asked for together with compile, or for a neural ODE.
    """
    if compile and recompute:
        raise ValueError("recompute and compile exclude each other: choose one")
    commit()  # looked up once: that of the code that runs, whatever is checked out when it ends
    where = torch.device(device)
    train, test = data(config.dataset, where)
    first, last = config.train_images, config.train_images + config.held_out
    held_out = cifar.Split(train.images[first:last], train.labels[first:last])
    network = initial_network(config).to(where)
    if recompute:
        recompute_branches(network)
    optimiser = config.optimiser(network)
    saved = None if checkpoint is None else read_checkpoint(checkpoint, where, network)
    state = restore(saved, network, optimiser)
    compile = compile and network.compiles
    forward = torch.compile(network) if compile else network
    began = time.perf_counter() - state["seconds"]
    status = "done"
    steps = {"total": config.total_steps, "initial": state["step"], "unit": "step"}
    with tqdm(desc=config.key, disable=not progress, **steps) as bar:
        while state["step"] < config.total_steps and status == "done":
            batches = epoch_batches(config, train, len(state["epochs"]))
            status = train_epoch(config, state, network, forward, optimiser, batches, bar)
            if status == "done" and (config.evaluates_epochs or state["step"] == config.total_steps):
                started = time.perf_counter()
                row = state["epochs"][-1]
                try:
                    found = measured("test", network, test, config)
                    if config.held_out:
                        found |= measured("held_out", network, held_out, config)
                    row |= found
                    status = "done" if all(map(math.isfinite, found.values())) else "diverged"
                except SolverError as error:
                    status = error.status.value
                if values := batch_coefficients(network, test, config):
                    row["coefficients"] = values
                row["eval_seconds"] = round(time.perf_counter() - started, 2)
                if status != "done":
                    state["epochs"].pop()
            state["seconds"] = time.perf_counter() - began
            if status == "done" and on_epoch is not None:
                on_epoch(len(state["epochs"]), network.state_dict())
            if status == "done" and checkpoint is not None and state["step"] < config.total_steps:
                write_checkpoint(checkpoint, state, network, optimiser)
    return as_record(config, status, state, environment(where, compile))


def epoch_batches(config: RunConfig, train: cifar.Split, epoch: int) -> Iterator[tuple[Tensor, Wanted]]:
    """What the network is shown in the epoch with this number, from 0, and what is wanted of it, batch by batch."""
    order = torch.randperm(config.train_images, generator=stream(config.seed, "order", epoch))
    task, draws = TASKS[config.task], stream(config.seed, "augment", epoch)
    augmentation = draws if config.augment else None
    for images, targets in cifar.batches(train, config.batch, order=order, augmentation=augmentation):
        yield task.pose(images, targets, draws)


def step(
    config: RunConfig,
    forward: Callable[[Tensor], Tensor],
    optimiser: torch.optim.Optimizer,
    shown: Tensor,
    wanted: Wanted,
) -> tuple[Tensor, Tensor]:
    """One step on a batch of normalised images; the loss before it and the sum of the task's first score, both 0-d."""
    task = TASKS[config.task]
    with autocast(config, shown.device):
        outputs = forward(shown).float()
    loss = task.loss(outputs, wanted)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach(), task.scores[task.score](outputs.detach(), wanted)


def as_record(config: RunConfig, status: str, state: State, environment: dict[str, Any]) -> Record:
    """The record of a run that has ended in this state."""
    return Record(
        config=config,
        status=status,
        epochs=[{name: _rounded(value) for name, value in row.items()} for row in state["epochs"]],
        early_loss=[_rounded(value) for value in state["early_loss"]],
        environment=environment,
        seconds=round(state["seconds"], 1),
    )


def train_epoch(
    config: RunConfig,
    state: State,
    network: Network,
    forward: Callable[[Tensor], Tensor],
    optimiser: torch.optim.Optimizer,
    batches: Iterable[tuple[Tensor, Wanted]],
    bar: tqdm,
    mean: Callable[[list[Tensor]], Tensor] = torch.stack,
) -> str:
    """Train one epoch, or up to the last step, and append its row to the state, unless the loss became non-finite or a
    solver gave up. Returns the status.

    Where several processes train, each with a part of every batch, ``mean`` makes of its 0-d tensors (n,) those of all
    of them together, so that all stop at the same step.
    """
    started = time.perf_counter()
    losses: list[Tensor] = []
    scores: list[Tensor] = []
    evaluations: list[NFE] = []
    images, status = 0, "done"
    for shown, wanted in batches:
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate(state["step"])
        try:
            loss, score = step(config, forward, optimiser, shown, wanted)
        except SolverError as error:
            status = error.status.value
            break
        losses.append(loss)
        scores.append(score)
        images += len(shown)
        if isinstance(network, NeuralODE):
            evaluations.append(network.nfe)
        state["step"] += 1
        last = state["step"] == config.total_steps
        if last or len(losses) % CHECK_EVERY == 0 or len(losses) == config.steps_per_epoch:
            bar.update(state["step"] - bar.n)
            recent = mean(losses[-1:]).item()
            bar.set_postfix(loss=f"{recent:.3f}")
            if not math.isfinite(recent) or last:
                break
    values = mean(losses).tolist() if losses else []
    if not _keep_losses(state, values):
        return "diverged"
    if status != "done":
        return status
    state["epochs"].append(
        {
            "epoch": len(state["epochs"]) + 1,
            "step": state["step"],
            "lr": config.learning_rate(state["step"] - 1),
            "train_loss": sum(values) / len(values),
            f"train_{TASKS[config.task].score}": mean(scores).sum().item() / images,
            **_mean_evaluations(evaluations),
            "seconds": round(time.perf_counter() - started, 2),
        }
    )
    return "done"


def _keep_losses(state: State, losses: list[float]) -> bool:
    """Add an epoch's losses to the first ones of the run, up to one that is not finite; whether there was none."""
    finite = next((i for i, loss in enumerate(losses) if not math.isfinite(loss)), len(losses))
    state["early_loss"] += losses[: min(finite, max(0, EARLY_STEPS - len(state["early_loss"])))]
    return finite == len(losses)


def _mean_evaluations(evaluations: list[NFE]) -> dict[str, float]:
    """A row's columns; none without evaluations."""
    if not evaluations:
        return {}
    forward, backward = (sum(made) / len(made) for made in zip(*evaluations, strict=True))
    return {"nfe_forward": forward, "nfe_backward": backward}


def _rounded(value: Any) -> Any:
    """Seven significant digits, what fp32 holds, of a number or of each in a list."""
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return value if isinstance(value, int) else float(f"{value:.7g}")
