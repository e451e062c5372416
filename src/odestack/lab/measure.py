"""Measuring a trained network's loss: from a measurement's config and the weights that its run kept to the result."""

import hashlib
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from odestack.lab import cifar, train
from odestack.lab.curvature import extreme_eigenvalues, in_filter_norms, network_hessian, trace
from odestack.lab.environment import commit, environment
from odestack.lab.landscape import (
    Direction,
    LandscapeError,
    Plane,
    filter_normalised,
    plane,
    random_directions,
    symmetric_axis,
    trajectory,
)
from odestack.lab.measurements import CurvatureConfig, Measured, Measurement, SurfaceConfig
from odestack.lab.records import Store

MARGIN = 0.2
"""A trajectory's plane goes beyond its epochs by this share of their distance, on every side."""
TOLERANCE = 1e-2
"""Relative error of the eigenvalues."""

Arrays = dict[str, np.ndarray]


def measure(config: Measurement, store: Store, *, device: str = "cpu", progress: bool = False) -> Measured:
    """Measure as the config says. A surface that was cut short goes on from its last finished row.

    Raises:
        LandscapeError: the weights are not there, or are not of this network.
        cifar.DataError: the data set is missing or damaged.
    """
    commit()  # as in train.run
    files, where = store.weights_for(config), torch.device(device)
    if store.waits(config):
        raise LandscapeError(f"{config.key} waits for the weights of run {config.run.key}")
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    network = train.initial_network(config.run).to(where)
    try:
        network.load_state_dict(load_file(files[-1], device=device))
    except (RuntimeError, SafetensorError):
        raise LandscapeError(
            f"{files[-1]} is not weights of this network: delete it and train {config.run.key} again"
        ) from None
    whole, _ = train.data(config.run.dataset, where)
    split = cifar.Split(whole.images[: config.images], whole.labels[: config.images])
    if isinstance(config, SurfaceConfig):
        states = [load_file(file, device=device) for file in files[:-1]]
        arrays, seconds = _surface(config, network, states, split, store.checkpoint(config), progress)
    else:
        assert isinstance(config, CurvatureConfig)
        began = time.perf_counter()
        arrays = _curvature(config, network, split)
        seconds = time.perf_counter() - began
    return Measured(config, arrays, digest, environment(where, compiled=False), round(seconds, 1))


def _surface(
    config: SurfaceConfig,
    network: nn.Module,
    states: list[train.Weights],
    split: cifar.Split,
    checkpoint: Path,
    progress: bool,
) -> tuple[Arrays, float]:
    """The arrays of a surface, and its seconds over all sessions."""
    if config.plane == "random":
        assert config.direction is not None
        assert config.radius is not None
        first, second = random_directions(network, config.direction)
        directions = filter_normalised(first, network), filter_normalised(second, network)
        x = y = symmetric_axis(config.points, config.radius)
        further: Arrays = {}
    else:
        path = trajectory(network, states)
        directions = path.directions
        x, y = (axis_around(values, config.points) for values in path.coordinates.T)
        further = {"coordinates": path.coordinates, "explained": path.explained}
    found = _resumed(network, directions, x, y, split, config.batch_norm, checkpoint, progress)
    return {"x": x, "y": y, "losses": found.losses, **further}, found.seconds


def axis_around(values: np.ndarray, points: int) -> np.ndarray:
    """Equally spaced coordinates (points,) that reach beyond the values on both sides by ``MARGIN``."""
    low, high = values.min(), values.max()
    margin = MARGIN * (high - low)
    return np.linspace(low - margin, high + margin, points)


def _resumed(
    network: nn.Module,
    directions: tuple[Direction, Direction],
    x: np.ndarray,
    y: np.ndarray,
    split: cifar.Split,
    batch_norm: str,
    file: Path,
    progress: bool,
) -> Plane:
    """The plane, from the rows in the file on. A file that is damaged, or of other weights, is removed."""
    try:
        return plane(network, directions, x, y, split, batch_norm, file=file, progress=progress)
    except LandscapeError:
        if not file.exists():
            raise
    print(f"checkpoint {file.name} is not of this surface: removed, it starts over", file=sys.stderr)
    file.unlink()
    return plane(network, directions, x, y, split, batch_norm, file=file, progress=progress)


def _curvature(config: CurvatureConfig, network: nn.Module, split: cifar.Split) -> Arrays:
    operator = network_hessian(network, split)
    normalised = in_filter_norms(operator, network)
    return {
        "largest": extreme_eigenvalues(operator, config.eigenvalues, tolerance=TOLERANCE),
        "smallest": extreme_eigenvalues(operator, 1, end="smallest", tolerance=TOLERANCE),
        "trace": np.array(trace(operator, config.samples)),
        "normalised_largest": extreme_eigenvalues(normalised, config.eigenvalues, tolerance=TOLERANCE),
        "normalised_trace": np.array(trace(normalised, config.samples)),
    }
