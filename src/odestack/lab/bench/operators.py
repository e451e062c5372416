"""Where the time of a training step goes, by kind of operator."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch.profiler import ProfilerActivity, profile

from odestack.lab.bench.loops import bench_config, engine
from odestack.lab.bench.measuring import Case, Pace

SIZES = ((16, 50), (64, 26))
STEPS = 3
KINDS = {
    "convolution, backward": ("convolution_backward",),
    "convolution": ("mkldnn_convolution", "convolution", "thnn_conv2d", "_slow_conv2d", "cudnn_convolution"),
    "batch norm, backward": ("batch_norm_backward", "native_batch_norm_backward"),
    "batch norm": ("batch_norm",),
    "ReLU": ("relu", "threshold_backward", "clamp_min"),
    "sums of stages and gradients": ("aten::add",),
    "casts and copies": ("copy_", "_to_copy", "contiguous", "clone"),
    "optimiser": ("_fused_sgd", "Optimizer"),
    "images": ("index", "randint", "constant_pad", "div_", "sub_", "where"),
}
"""Kinds, and parts of the names of their operators; the first that fits counts."""
OTHER = "other"


def cases(pace: Pace, sizes: Sequence[tuple[int, int]] = SIZES) -> list[Case]:
    """Shares of the time of all operators in a few steps of an RK4 network on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [case for width, depth in sizes for case in _shares(width, depth)]
    finally:
        torch.set_num_threads(threads)


def _shares(width: int, depth: int) -> list[Case]:
    config = bench_config(width, depth, "rk4")
    steps = engine(config)
    next(steps)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(STEPS):
            next(steps)
    spent: Counter[str] = Counter()
    for event in profiler.key_averages():
        spent[kind(event.key)] += event.self_cpu_time_total
    settings = {"width": width, "depth": depth, "precision": config.precision}
    return [Case(name, settings, "share", [spent[name] / spent.total()]) for name in (*KINDS, OTHER) if spent[name]]


def kind(operator: str) -> str:
    """The kind of an operator by its name."""
    return next((name for name, parts in KINDS.items() if any(part in operator for part in parts)), OTHER)
