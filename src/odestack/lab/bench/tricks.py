"""What each trick of the engine is worth: it is switched off, or one that is not used switched on, and nothing else."""

import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from unittest.mock import patch

import pandas as pd
import torch
from torch import Tensor, nn

from odestack.lab import train
from odestack.lab.bench.fused import fuse
from odestack.lab.bench.loops import (
    batches,
    bench_config,
    compiler,
    engine,
    images_per_second,
    plain_batches,
    plain_network,
    plain_sgd,
)
from odestack.lab.bench.measuring import Case, Pace, Result, Steps, in_turn, quartiles
from odestack.lab.bench.processes import side_by_side
from odestack.lab.bench.train import ALLOCATOR, COMPILED_WIDTH, PARALLEL
from odestack.lab.config import RunConfig
from odestack.nets import block
from odestack.nets.recompute import recompute_branches

SIZES = ((16, 26), (64, 26))
"""Width and depth."""
CONTROL = "a fresh process"
KEEPS = "allocator keeps freed memory"
ENVIRONMENTS = {
    CONTROL: {},
    KEEPS: ALLOCATOR,
    "transparent huge pages": {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
}
"""What is set before a process starts."""
BASELINES = dict.fromkeys(ENVIRONMENTS, CONTROL) | {CONTROL: "engine", PARALLEL: KEEPS, "engine": None}
"""What those cases are compared with that are not compared with the engine as they are: in processes of their own."""
SWEEPS = (KEEPS, PARALLEL)
"""What sweeps use on a CPU; the second is measured with the first."""
WITHOUT = "without "


def cases(pace: Pace, sizes: Sequence[tuple[int, int]] = SIZES) -> list[Case]:
    """Images/s of an RK4 network of each width and depth: the engine, the engine without each trick that it uses, and
    with each that was tried and that it does not use on a CPU, or only by choice."""
    found = [case for width, depth in sizes for case in _measure(bench_config(width, depth, "rk4"), pace)]
    return found + (_compiling(bench_config(*sizes[0], "rk4")) if compiler() else [])


def _measure(config: RunConfig, pace: Pace) -> list[Case]:
    seconds = pace.seconds / 2
    with ExitStack() as stack:
        loops = {"engine": (engine(config), config.batch)}
        loops |= {f"{WITHOUT}{name}": (steps, config.batch) for name, steps in _without(config).items()}
        loops |= _with(config)
        measures = {name: partial(images_per_second, size, steps, seconds) for name, (steps, size) in loops.items()}
        threads = torch.get_num_threads()
        for name, variables in ENVIRONMENTS.items():
            measures[name] = partial(stack.enter_context(side_by_side(1, threads, variables)), config, seconds)
        if threads > 1:
            together = stack.enter_context(side_by_side(threads, environment=ALLOCATOR))
            measures[PARALLEL] = partial(together, config, seconds)
        samples = in_turn(measures, pace.repeats)
    settings = {"width": config.width, "depth": config.depth, "precision": config.precision}
    return [Case(name, settings, "images/s", values, BASELINES.get(name, "engine")) for name, values in samples.items()]


def summary(result: Result) -> pd.DataFrame:
    """One row a trick and size: trick, width, depth, kept (in the engine, or in sweeps), and its gain, the speed with
    it over the speed without it, with the quartiles of the rounds."""
    rows = []
    for case in result.cases:
        if ratios := result.ratios(case):
            without = case.name.startswith(WITHOUT)
            gains = [1 / ratio if without else ratio for ratio in ratios]
            row = {"trick": case.name.removeprefix(WITHOUT).removeprefix("engine, "), "width": case.settings["width"]}
            row |= {"depth": case.settings["depth"], "kept": without or case.name in SWEEPS}
            row["low"], row["gain"], row["high"] = quartiles(gains)
            rows.append(row)
    return pd.DataFrame(rows)


def _without(config: RunConfig) -> dict[str, Steps]:
    network = train.initial_network(config)
    loops = {
        "channels last": _nchw(config),
        "fused SGD": engine(config, network, plain_sgd(config, network)),
        "ReLU in place": engine(config, _relu_out_of_place(config)),
        "stage sums in place": _fresh_sums(engine(config)),
        "images in memory": _from_loader(config),
    }
    return loops | ({"bf16": engine(replace(config, precision="fp32"))} if config.precision == "bf16" else {})


def _with(config: RunConfig) -> dict[str, tuple[Steps, int]]:
    again = train.initial_network(config)
    recompute_branches(again)
    fused = train.initial_network(config)
    fuse(fused)
    double = replace(config, batch=2 * config.batch)
    loops = {
        "recomputed branches": (engine(config, again), config.batch),
        "batch norm and ReLU in one": (engine(config, fused), config.batch),
        "twice the batch": (engine(double), double.batch),
    }
    if compiler() and config.width < COMPILED_WIDTH:
        network = train.initial_network(config)
        loops["compiled"] = engine(config, network, forward=torch.compile(network)), config.batch
    return loops


def _nchw(config: RunConfig) -> Steps:
    network = plain_network(config)
    optimiser = config.optimiser(network)
    for images, labels in batches(config):
        yield train.step(config, network, optimiser, images.contiguous(), labels)


def _from_loader(config: RunConfig) -> Steps:
    network = train.initial_network(config)
    optimiser = config.optimiser(network)
    for images, labels in plain_batches(config):
        yield train.step(config, network, optimiser, images.to(memory_format=torch.channels_last), labels)


def _relu_out_of_place(config: RunConfig) -> train.Network:
    network = train.initial_network(config)
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return network


def _fresh_sums(steps: Steps) -> Steps:
    """The steps, with every stage's argument summed into new tensors."""

    def axpys(x: Tensor, weights: Sequence[float], ks: Sequence[Tensor]) -> Tensor:
        for weight, k in zip(weights, ks, strict=True):
            x = torch.add(x, k, alpha=weight) if weight else x
        return x

    while True:
        with patch.object(block, "axpys", axpys):
            result = next(steps)
        yield result


def _compiling(config: RunConfig) -> list[Case]:
    """Seconds until the second step of a compiled network in a new process, with an empty cache and with a full one;
    nothing where that process fails."""
    settings = {"width": config.width, "depth": config.depth, "precision": config.precision}
    with tempfile.TemporaryDirectory() as folder:
        try:
            samples = [_seconds_to_compile(config, folder) for _ in range(2)]
        except EOFError:
            return []
    names = "compiling, empty cache", "compiling, full cache"
    return [Case(name, settings, "s", [seconds]) for name, seconds in zip(names, samples, strict=True)]


def _seconds_to_compile(config: RunConfig, cache: str) -> float:
    context = torch.multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with patch.dict(os.environ, {"TORCHINDUCTOR_CACHE_DIR": cache}):
        process = context.Process(target=_compile, args=(config, theirs, torch.get_num_threads()), daemon=True)
        process.start()
        theirs.close()
    seconds = ours.recv()
    process.join()
    return seconds


def _compile(config: RunConfig, pipe: object, threads: int) -> None:
    torch.set_num_threads(threads)
    network = train.initial_network(config)
    steps = engine(config, network, forward=torch.compile(network))
    began = time.perf_counter()
    next(steps)
    next(steps)
    pipe.send(time.perf_counter() - began)  # type: ignore[attr-defined]
