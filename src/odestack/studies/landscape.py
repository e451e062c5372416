"""The loss around trained networks, by order of the method and by depth (claim C15).

The networks are those of ``depth_by_order`` whose weights are kept: one training seed, four methods, both ends of the
depth range. For each of them, on the same training images and in the same random directions: one fine plane with frozen
batch-norm statistics; coarse planes in further directions; coarse planes with statistics that are re-estimated at every
point; the ends of the Hessian's spectrum and its trace. And the plane of the training trajectory, where every epoch is
kept.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
import pandas as pd

from odestack.lab.curvature import non_convex_share, plane_curvatures
from odestack.lab.measurements import CurvatureConfig, Measured, Measurement, SurfaceConfig
from odestack.lab.profiles import profile_base
from odestack.lab.records import Record
from odestack.lab.sweep import AnyJob, Job, MeasureJob
from odestack.studies import depth_by_order

TITLE = "Loss surfaces"
SCHEMES = depth_by_order.SCHEMES
DIRECTIONS = (0, 1, 2)
"""Seeds of the random directions, shared by all networks."""
HESSIAN = ["eigenvalue", "smallest", "trace", "trace_error"]
HESSIAN += [f"normalised_{name}" for name in ("eigenvalue", "trace", "trace_error")]
COARSE = 11
"""Points along a side at which planes are compared; the fine one is thinned out to as many."""
MEASURED = ["rise", "curvature", "non_convex", *HESSIAN]


def jobs(profile: str) -> list[AnyJob]:
    """The runs, then what is measured of them: the same of every network before the next.

    None at the gpu profile, whose weights are too large to be kept.
    """
    runs = trained(profile)
    by_rank = zip_longest(*(measurements_of(run, profile) for run in runs))
    return [*runs, *(MeasureJob(config) for rank in by_rank for config in rank if config is not None)]


def trained(profile: str) -> list[Job]:
    """The runs whose weights are needed; at smoke three epochs of two steps, by two methods."""
    if profile == "smoke":
        base = replace(profile_base(profile), steps=None, n_train=64, epochs=3)
        return [Job(replace(base, scheme=scheme), "epochs") for scheme in depth_by_order.SNAPSHOTS]
    return [job for job in depth_by_order.jobs(profile) if job.keep != "nothing"]


def measurements_of(job: Job, profile: str) -> list[Measurement]:
    """All that is measured of one network, the most important first."""
    run = job.config
    if profile == "smoke":
        plane = SurfaceConfig(run, images=32, points=5)
        found: list[Measurement] = [plane, CurvatureConfig(run, images=16, eigenvalues=1, samples=2)]
        fine = 5
    else:
        plane = SurfaceConfig(run)
        coarse = replace(plane, points=COARSE)
        found = [plane, CurvatureConfig(run), *(replace(coarse, direction=seed) for seed in DIRECTIONS[1:])]
        found += [replace(coarse, direction=seed, batch_norm="re-estimated") for seed in DIRECTIONS]
        fine = 17
    if job.keep == "epochs":
        found.append(
            replace(plane, plane="trajectory", direction=None, radius=None, points=fine, batch_norm="re-estimated")
        )
    return found


def table(records: Sequence[Record | Measured]) -> pd.DataFrame:
    """One row a measurement of random directions or of the Hessian: scheme, depth, order, seed (of the run), kind
    ("surface", "curvature"), direction, batch_norm, minutes, and ``MEASURED``, where it applies:

    rise: mean loss over the coarse plane minus that of the trained weights, nats.
    curvature: mean over the inner points of the coarse plane of the size of its largest curvature, nats over squared
        filter norm.
    non_convex: share of these points where the smaller curvature is negative.
    eigenvalue, smallest, trace, trace_error: of the Hessian in all weights, nats over squared weight: the largest and
        the smallest eigenvalue, the trace and its standard error.
    normalised_...: the same where every filter is measured by its norm, nats over squared filter norm.
    """
    rows = []
    for record in records:
        if not isinstance(record, Measured):
            continue
        config, run = record.config, record.config.run
        row = {"scheme": run.scheme, "depth": run.depth, "order": run.method().order, "seed": run.seed}
        row |= {"kind": config.kind, "minutes": record.seconds / 60}
        if isinstance(config, CurvatureConfig):
            row |= hessian_numbers(record)
        elif isinstance(config, SurfaceConfig) and config.plane == "random":
            row |= {"direction": config.direction, "batch_norm": config.batch_norm} | plane_numbers(record)
        else:
            continue
        rows.append(row)
    columns = ["scheme", "depth", "order", "seed", "kind", "direction", "batch_norm", "minutes", *MEASURED]
    return pd.DataFrame(rows, columns=columns)


def hessian_numbers(measured: Measured) -> dict[str, float]:
    names = ("largest", "smallest", "trace", "normalised_largest", "normalised_trace")
    largest, smallest, trace, normalised, normalised_trace = (measured.arrays[name].tolist() for name in names)
    values = (largest[0], smallest[0], *trace, normalised[0], *normalised_trace)
    return dict(zip(HESSIAN, values, strict=True))


def plane_numbers(measured: Measured) -> dict[str, float]:
    """Of a plane thinned out to ``COARSE`` points a side, so that all are differentiated over the same distance."""
    x, y, losses = (measured.arrays[name] for name in ("x", "y", "losses"))
    step = max(1, (len(x) - 1) // (COARSE - 1))
    x, y, losses = x[::step], y[::step], losses[::step, ::step]
    curvatures = plane_curvatures(x, y, losses)
    middle = losses[len(y) // 2, len(x) // 2]
    return {
        "rise": float(losses.mean() - middle),
        "curvature": float(np.abs(curvatures).max(axis=-1).mean()),
        "non_convex": non_convex_share(x, y, losses),
    }


def surfaces(records: Sequence[Record | Measured], plane: str = "random") -> list[Measured]:
    """The planes of that kind among the results."""
    return [
        record
        for record in records
        if isinstance(record, Measured) and isinstance(record.config, SurfaceConfig) and record.config.plane == plane
    ]
