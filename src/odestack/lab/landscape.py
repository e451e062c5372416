"""Loss surfaces: a network's loss on lines and planes through its weights (Li et al. 2018)."""

import copy
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import update_bn
from tqdm import tqdm

from odestack.lab import cifar
from odestack.lab.files import write_atomically

POLICIES = ("frozen", "re-estimated")
"""Batch-norm statistics away from the trained weights: the stored ones, or new ones at every point, which are the mean
of those of the batches in a pass in training mode over the same images."""
BATCH = 50
"""Images in one forward pass, and in the batches of the re-estimated statistics. At width 16 the state of so many fits
into a core's cache; with 125 an image took up to twice the time."""

Direction = tuple[Tensor, ...]
"""One tensor for each of ``network.parameters()``, in their order and of their shapes."""
Batches = list[tuple[Tensor, Tensor]]


class LandscapeError(ValueError):
    """A surface that cannot be computed, or a file that holds another one."""


def random_directions(network: nn.Module, seed: int) -> tuple[Direction, Direction]:
    """Two Gaussian directions of the network's parameter shapes, before normalisation.

    They depend on the seed and the shapes in their order alone, so networks of different methods with equal
    parameters get the same. Biases and batch-norm parameters, and all others with fewer than two axes, have direction
    zero, as in the paper's figures. Two such directions in many dimensions are nearly orthogonal.
    """
    generator = torch.Generator().manual_seed(seed)

    def direction() -> Direction:
        return tuple(
            torch.randn(p.shape, generator=generator).to(p.device) if p.dim() > 1 else torch.zeros_like(p).detach()
            for p in network.parameters()
        )

    return direction(), direction()


def filter_normalised(direction: Direction, network: nn.Module) -> Direction:
    """The direction with each filter scaled to the norm of the network's filter (Li et al. 2018, section 4).

    A filter is what makes one output: a slice along the first axis of a convolution's or linear layer's weight.
    Parameters with fewer than two axes get zero.

    Raises:
        LandscapeError: the direction is not of the network's shapes.
    """
    check_shapes(direction, network)
    return tuple(_normalised(d, p.detach()) for d, p in zip(direction, network.parameters(), strict=True))


def _normalised(direction: Tensor, parameter: Tensor) -> Tensor:
    if parameter.dim() < 2:
        return torch.zeros_like(parameter)
    units = F.normalize(direction.flatten(1), dim=1)
    return (units * parameter.flatten(1).norm(dim=1, keepdim=True)).view(parameter.shape)


def check_shapes(direction: Direction, network: nn.Module) -> None:
    """Raises LandscapeError: the direction is not of the shapes of the network's parameters."""
    found, needed = [tuple(d.shape) for d in direction], [tuple(p.shape) for p in network.parameters()]
    if len(found) != len(needed):
        raise LandscapeError(f"the direction has {len(found)} tensors, but the network has {len(needed)} parameters")
    for i, (shape, wanted) in enumerate(zip(found, needed, strict=True)):
        if shape != wanted:
            raise LandscapeError(f"tensor {i} of the direction has shape {shape}, but the parameter has {wanted}")


def symmetric_axis(points: int, radius: float) -> np.ndarray:
    """Equally spaced coordinates (points,) from -radius to radius, with the network's weights at the exact middle.

    Raises:
        LandscapeError: the number of points is even or below 3, or the radius is not positive.
    """
    if points < 3 or points % 2 == 0:
        raise LandscapeError(f"{points} points have no middle with neighbours: choose an odd number of at least 3")
    if not (np.isfinite(radius) and radius > 0):
        raise LandscapeError(f"radius {radius} is not a positive number")
    half = points // 2
    return radius * np.arange(-half, half + 1) / half


@dataclass(frozen=True)
class Trajectory:
    """The plane of most variance through a run's last weights.

    Attributes:
        directions: two orthonormal directions, the one of more variance first.
        coordinates: of each epoch in the plane, (epochs, 2); the last is the origin.
        explained: share of the squared distances to the last weights that each direction holds, (2,).
    """

    directions: tuple[Direction, Direction]
    coordinates: np.ndarray
    explained: np.ndarray


def trajectory(network: nn.Module, earlier: Sequence[Mapping[str, Tensor]]) -> Trajectory:
    """The PCA plane of a training run (Li et al. 2018, section 7), over all parameters; statistics are none.

    Args:
        network: at the end of the run.
        earlier: the state of the network after earlier epochs, in their order.

    Raises:
        LandscapeError: the states are not of this network, or span no plane.
    """
    end = dict(network.named_parameters())
    for state in earlier:
        for name, p in end.items():
            if name not in state or state[name].shape != p.shape:
                raise LandscapeError(f"a state of the trajectory has no {name} of shape {tuple(p.shape)}")
    if len(earlier) < 2:
        raise LandscapeError(f"{len(earlier)} earlier states span no plane: give at least 2")
    steps = [torch.cat([(state[name] - p.detach()).flatten() for name, p in end.items()]) for state in earlier]
    matrix = torch.stack(steps).double().cpu().numpy()
    scores, values, rows = np.linalg.svd(matrix, full_matrices=False)
    if values[1] <= 1e-6 * values[0]:
        raise LandscapeError("the states of the trajectory lie on one line: give weights of more epochs")
    signs = np.where(scores[0, :2] < 0, -1.0, 1.0)  # the first epoch has positive coordinates
    sizes = [p.numel() for p in end.values()]
    first, second = (
        tuple(
            part.view(p.shape).to(p) for part, p in zip(torch.from_numpy(row).split(sizes), end.values(), strict=True)
        )
        for row in signs[:, None] * rows[:2]
    )
    coordinates = np.vstack([scores[:, :2] * values[:2] * signs, np.zeros((1, 2))])
    return Trajectory((first, second), coordinates, values[:2] ** 2 / (values**2).sum())


def line(
    network: nn.Module, direction: Direction, x: np.ndarray, split: cifar.Split, batch_norm: str = "frozen"
) -> np.ndarray:
    """Mean cross-entropy over the images at weights + x direction, (len(x),) in float64, computed in fp32.

    Args:
        network: at its weights; it stays as it is.
        direction: as ``filter_normalised`` or ``trajectory`` give it.
        x: coordinates.
        split: images and labels, on the network's device.
        batch_norm: one of ``POLICIES``.

    Raises:
        LandscapeError: no images, an unknown policy, coordinates that do not ascend, or other shapes.
    """
    check_shapes(direction, network)
    check(x, "x")
    return _line(copy.deepcopy(network), tuple(network.parameters()), direction, x, batches(split), policy(batch_norm))


def _line(
    model: nn.Module, origin: Direction, direction: Direction, x: np.ndarray, data: Batches, batch_norm: str
) -> np.ndarray:
    """The losses at origin + x direction, for which the model's parameters are overwritten."""
    losses = []
    with torch.no_grad():
        for at in x.tolist():
            for p, start, d in zip(model.parameters(), origin, direction, strict=True):
                p.copy_(start).add_(d, alpha=at)
            if batch_norm == "re-estimated":
                update_bn(data, model)
            losses.append(mean_loss(model, data))
    return np.array(losses)


@torch.no_grad()
def mean_loss(network: nn.Module, data: Batches) -> float:
    """Mean cross-entropy over the images with the network's running statistics; it is left in evaluation mode."""
    network.eval()
    total = sum(F.cross_entropy(network(images), labels, reduction="sum").item() for images, labels in data)
    return total / sum(len(labels) for _, labels in data)


def batches(split: cifar.Split) -> Batches:
    """Normalised images and labels in batches of ``BATCH``. Raises LandscapeError: there are none."""
    if len(split) == 0:
        raise LandscapeError("there are no images to take the loss over: give at least one")
    parts = zip(split.images.split(BATCH), split.labels.split(BATCH), strict=True)
    return [(cifar.normalise(images), labels) for images, labels in parts]


def check(axis: np.ndarray, name: str) -> None:
    """Raises LandscapeError: the coordinates are not finite, ascending numbers in one row."""
    if axis.ndim != 1 or len(axis) == 0 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise LandscapeError(f"the coordinates {name} are not finite numbers that ascend")


def policy(name: str) -> str:
    """Raises LandscapeError: not one of ``POLICIES``."""
    if name not in POLICIES:
        raise LandscapeError(f"batch-norm policy {name!r} does not exist; choose one of {', '.join(POLICIES)}")
    return name


@dataclass(frozen=True)
class Plane:
    """Losses (rows, len(x)) at weights + x first + y second, row by row of y; fewer rows while it is under way.

    ``fingerprint`` is a digest of all that the losses follow from: weights, directions, coordinates, images, policy.
    ``seconds`` is the wall time that the rows took, over all sessions.
    """

    x: np.ndarray
    y: np.ndarray
    losses: np.ndarray
    fingerprint: str
    seconds: float = 0.0

    def save(self, file: Path) -> None:
        arrays = {"x": self.x, "y": self.y, "losses": self.losses}
        write_atomically(file, save(arrays, {"fingerprint": self.fingerprint, "seconds": str(self.seconds)}))

    @classmethod
    def load(cls, file: Path) -> "Plane":
        """Raises LandscapeError: the file is missing or not a plane."""
        try:
            with safe_open(file, "numpy") as content:
                arrays = {name: content.get_tensor(name) for name in ("x", "y", "losses")}
                about = content.metadata()
                return cls(**arrays, fingerprint=about["fingerprint"], seconds=float(about["seconds"]))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise LandscapeError(f"{file} is not a plane ({error}): delete it and compute it again") from None


def plane(
    network: nn.Module,
    directions: tuple[Direction, Direction],
    x: np.ndarray,
    y: np.ndarray,
    split: cifar.Split,
    batch_norm: str = "frozen",
    *,
    file: Path | None = None,
    progress: bool = False,
) -> Plane:
    """The loss on a plane, as ``line`` gives it along the first direction for each step along the second.

    Args:
        network, split, batch_norm: as for ``line``.
        directions: of x and of y.
        x, y: coordinates.
        file: the plane is written there after each row; if some are there already, the computation goes on from them
            to the same numbers (same machine, same threads).
        progress: draw a progress bar on stderr.

    Raises:
        LandscapeError: as for ``line``; or the file holds something else.
    """
    first, second = directions
    for direction, axis, name in ((first, x, "x"), (second, y, "y")):
        check_shapes(direction, network)
        check(axis, name)
    data, model = batches(split), copy.deepcopy(network)
    key = _fingerprint([*network.state_dict().values(), *first, *second, split.images, split.labels], x, y, batch_norm)
    found = Plane(x, y, np.empty((0, len(x))), key)
    if file is not None and file.exists():
        found = Plane.load(file)
        if found.fingerprint != key:
            raise LandscapeError(f"{file} holds a plane of other weights, directions, coordinates, images or policy")
    began = time.perf_counter() - found.seconds
    for at in tqdm(y[len(found.losses) :].tolist(), desc="plane", unit="row", disable=not progress):
        origin = tuple(p.detach() + at * d for p, d in zip(network.parameters(), second, strict=True))
        row = _line(model, origin, first, x, data, policy(batch_norm))
        found = Plane(x, y, np.vstack([found.losses, row]), key, time.perf_counter() - began)
        if file is not None:
            found.save(file)
    return found


def _fingerprint(tensors: Sequence[Tensor], x: np.ndarray, y: np.ndarray, batch_norm: str) -> str:
    digest = hashlib.sha256(f"{policy(batch_norm)} {x.tolist()} {y.tolist()}".encode())
    for tensor in tensors:
        digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()
