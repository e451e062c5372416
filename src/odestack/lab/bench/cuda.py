"""Training steps on a GPU: precision, memory format, compiling with and without CUDA graphs, several runs at once."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import torch

from odestack.lab.bench.loops import (
    DTYPES,
    ROOF_FLOPS,
    bench_config,
    engine,
    images_per_second,
    matrix_products,
    plain_network,
)
from odestack.lab.bench.measuring import Case, Pace, Unavailable, in_turn, rate, repeated
from odestack.lab.bench.processes import side_by_side
from odestack.lab.config import RunConfig
from odestack.lab.train import initial_network
from odestack.nets.cost import cost

SIZES = ((16, 50), (64, 50))
RUNS = (1, 2, 4)
"""Processes that train on the one device at the same time."""
PRODUCTS = 10
"""Matrix products that are waited for together."""


def cases(pace: Pace, sizes: Sequence[tuple[int, int]] = SIZES) -> list[Case]:
    """Images/s of an RK4 network of each width and depth, and FLOP/s of matrix products.

    Raises:
        Unavailable: torch sees no GPU.
    """
    if not torch.cuda.is_available():
        raise Unavailable("the CUDA benchmark needs a GPU, and torch sees none")
    return [case for size in sizes for case in _measure(bench_config(*size, "rk4", precision="bf16"), pace)]


def _measure(config: RunConfig, pace: Pace) -> list[Case]:
    fp32 = replace(config, precision="fp32")
    compiled, graphs = initial_network(config).cuda(), initial_network(config).cuda()
    loops = {
        "fp32, NCHW": engine(fp32, plain_network(fp32), device="cuda"),
        "fp32": engine(fp32, device="cuda"),
        "engine": engine(config, device="cuda"),
        "compiled": engine(config, compiled, forward=torch.compile(compiled), device="cuda"),
        "compiled, CUDA graphs": engine(
            config, graphs, forward=torch.compile(graphs, mode="reduce-overhead"), device="cuda"
        ),
    }
    measures = {name: partial(images_per_second, config.batch, steps, pace.seconds) for name, steps in loops.items()}
    measures["matrix product"] = partial(_flops, DTYPES["bf16"], pace.seconds)
    with ExitStack() as stack:
        for count in RUNS:
            together = stack.enter_context(side_by_side(count, device="cuda"))
            measures[f"{count} runs at once"] = partial(together, config, pace.seconds)
        samples = in_turn(measures, pace.repeats)
    settings = {"width": config.width, "depth": config.depth, "macs": cost(config.network()).macs}
    return [
        Case(
            name,
            settings,
            "FLOP/s" if name == "matrix product" else "images/s",
            values,
            None if name in ("engine", "matrix product") else "engine",
        )
        for name, values in samples.items()
    ]


def _flops(dtype: torch.dtype, seconds: float) -> float:
    products = matrix_products(dtype, "cuda")

    def some() -> None:
        for _ in range(PRODUCTS):
            next(products)
        torch.cuda.synchronize()

    return PRODUCTS * ROOF_FLOPS * rate(repeated(some), seconds)
