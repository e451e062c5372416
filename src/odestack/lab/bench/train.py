"""Whole training steps: the engine against the plain loop and against the processor's roof."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import product
from statistics import median

import pandas as pd
import torch

from odestack.lab.bench.loops import (
    DTYPES,
    ROOF_FLOPS,
    batches,
    bench_config,
    compiler,
    engine,
    images_per_second,
    matrix_products,
    plain,
)
from odestack.lab.bench.measuring import Case, Pace, Result, Steps, in_turn, rate
from odestack.lab.bench.processes import Rate, side_by_side
from odestack.lab.config import RunConfig
from odestack.lab.train import initial_network
from odestack.lab.workers import KEPT
from odestack.nets.cost import cost

WIDTHS, DEPTHS = (16, 32, 64), (26, 50, 98)
WORKERS = (0, 1, 2)
"""Of the plain loop's DataLoader, tried at the first size; at the others only the number that was the fastest."""
COMPILED_WIDTH = 64
"""From this width on the smallest depth is measured compiled as well: compiling takes longer than all else here."""
FP32 = "engine, fp32"
"""In the precision of the book's runs, where the engine would compute in another."""
PARALLEL = "engine, a process a core"
COMPILED = "engine, compiled"
ALLOCATOR = {f"MALLOC_{name}_": str(size) for name, (_, size) in KEPT.items()}
"""What tells a process from its start on to keep the memory that a worker of a sweep keeps."""


def cases(pace: Pace, widths: Sequence[int] = WIDTHS, depths: Sequence[int] = DEPTHS) -> list[Case]:
    """Every width at every depth, as an Euler network on mini-cifar10. Images/s and, of matrix products, FLOP/s.

    Raises:
        ValueError: a width or depth cannot be built.
    """
    configs = [bench_config(width, depth) for width, depth in product(widths, depths)]
    found: list[Case] = []
    workers = WORKERS
    with ExitStack() as stack:
        cores = torch.get_num_threads()
        together = stack.enter_context(side_by_side(cores, environment=ALLOCATOR)) if cores > 1 else None
        for config in configs:
            compiled = config.width >= COMPILED_WIDTH and config.depth == min(depths)
            measured = _measure(config, pace, workers, together, compiled)
            found += measured
            workers = (int(str(measured[0].baseline).split()[1]),)
    return found


def _measure(
    config: RunConfig, pace: Pace, workers: Sequence[int], together: Rate | None, compiled: bool
) -> list[Case]:
    """One size; the first case is the engine's, and the baseline the fastest plain loop."""
    settings = {"width": config.width, "depth": config.depth, "precision": config.precision}
    settings["macs"] = cost(config.network()).macs
    loops = {"engine": engine(config)} | {f"plain, {n} workers": plain(config, n) for n in workers}
    if config.precision != "fp32":
        loops[FP32] = engine(replace(config, precision="fp32"))
    if compiled and compiler():
        network = initial_network(config)
        loops[COMPILED] = engine(config, network, forward=torch.compile(network))
    images = {name: partial(images_per_second, config.batch, steps, pace.seconds) for name, steps in loops.items()}
    if together is not None:
        images[PARALLEL] = partial(together, config, pace.seconds)
    others = {"batches": partial(images_per_second, config.batch, batches(config), pace.seconds / 5)} | {
        f"matrix product {precision}": partial(_flops, matrix_products(DTYPES[precision]), pace.seconds / 4)
        for precision in sorted({"fp32", config.precision})
    }
    samples = in_turn(images | others, pace.repeats)
    fastest = max((name for name in images if name.startswith("plain")), key=lambda name: median(samples[name]))
    return [
        Case(
            name,
            settings,
            "FLOP/s" if name.startswith("matrix") else "images/s",
            values,
            fastest if name in images else None,
        )
        for name, values in samples.items()
    ]


def _flops(products: Steps, seconds: float) -> float:
    return ROOF_FLOPS * rate(products, seconds)


def summary(result: Result) -> pd.DataFrame:
    """The loops of each size.

    Returns:
        One row a loop, with its ``width``, ``depth`` and ``precision``; ``images_per_s``; ``speed`` as a multiple of
        the fastest plain loop, with the quartiles of the rounds; ``of_roof``, the share of what a 2048 x
        2048 matrix product reaches in the same precision, counting 3 x 2 operations for each multiply-accumulate of the
        forward pass; ``data_share``, the part of the engine's step that goes into making batches (NaN for others).
    """
    table = result.table()
    medians = table.set_index(["width", "depth", "case"])["median"]
    rows = []
    for row in table.dropna(subset="ratio").to_dict("records"):
        size = row["width"], row["depth"]
        precision = "fp32" if row["case"] == FP32 or row["case"].startswith("plain") else row["precision"]
        roof = medians[(*size, f"matrix product {precision}")]
        share = row["median"] / medians[(*size, "batches")] if row["case"] == "engine" else float("nan")
        rows.append(
            {
                "loop": row["case"],
                "width": row["width"],
                "depth": row["depth"],
                "precision": precision,
                "images_per_s": round(row["median"], 1),
                "speed": round(row["ratio"], 3),
                "speed_low": round(row["ratio_low"], 3),
                "speed_high": round(row["ratio_high"], 3),
                "of_roof": round(row["median"] * 3 * 2 * row["macs"] / roof, 3),
                "data_share": round(share, 4),
            }
        )
    return pd.DataFrame(rows)
