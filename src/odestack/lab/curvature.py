"""How curved a loss is: eigenvalues and trace of its Hessian, and the curvatures of a plane."""

import copy
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn
from torch.nn import functional as F

from odestack.lab import cifar
from odestack.lab.landscape import LandscapeError, batches

ROUNDING = 16 * float(np.finfo(np.float32).eps)
"""Relative error granted to a loss in fp32, where the sign of a second difference is at stake."""


def hessian(losses: Callable[[], Iterable[Tensor]], parameters: Sequence[Tensor]) -> LinearOperator:
    """The Hessian (P, P) of a sum of losses, as products with vectors (Pearlmutter 1994), in the parameters' precision.

    Args:
        losses: computes the 0-d summands, one after the other, so that only one graph is in memory.
        parameters: of which they are functions, P numbers in all.
    """
    sizes = [p.numel() for p in parameters]

    def product(vector: np.ndarray) -> np.ndarray:
        parts = torch.from_numpy(np.asarray(vector, dtype=float).ravel()).split(sizes)
        vectors = [part.view(p.shape).to(p) for part, p in zip(parts, parameters, strict=True)]
        total = np.zeros(sum(sizes))
        for loss in losses():
            slopes = torch.autograd.grad(loss, parameters, create_graph=True, materialize_grads=True)
            slope = torch.stack([(g * v).sum() for g, v in zip(slopes, vectors, strict=True)]).sum()
            products = torch.autograd.grad(slope, parameters, materialize_grads=True)
            total += torch.cat([each.flatten() for each in products]).double().cpu().numpy()
        return total

    return LinearOperator((sum(sizes), sum(sizes)), matvec=product, dtype=np.dtype(float))  # type: ignore[call-arg]


def network_hessian(network: nn.Module, split: cifar.Split) -> LinearOperator:
    """The Hessian of the mean cross-entropy over the images in all parameters, with frozen batch-norm statistics.

    It has no weight decay, and is that of the weights as they are: where batch norm makes the loss independent of a
    filter's scale, smaller weights have larger curvatures.

    Raises:
        LandscapeError: there are no images.
    """
    data, model = batches(split), copy.deepcopy(network).eval()

    def losses() -> Iterable[Tensor]:
        for images, labels in data:
            yield F.cross_entropy(model(images), labels, reduction="sum") / len(split)

    return hessian(losses, list(model.parameters()))


def in_filter_norms(operator: LinearOperator, network: nn.Module) -> LinearOperator:
    """A network's Hessian in coordinates in which every filter has norm 1, as in ``landscape.filter_normalised``.

    Unlike that of the weights as they are, it stays the same when a filter is scaled and the next layer undoes it,
    which can make a minimum as sharp as one likes (Dinh et al. 2017). Biases and batch-norm parameters are left fixed:
    their rows and columns are zero.
    """
    norms = (p.detach().flatten(1).norm(dim=1).double().cpu() if p.dim() > 1 else None for p in network.parameters())
    sizes = (p[0].numel() if p.dim() > 1 else p.numel() for p in network.parameters())
    parts = [
        np.zeros(size) if norm is None else np.repeat(norm.numpy(), size)
        for norm, size in zip(norms, sizes, strict=True)
    ]
    scale = np.concatenate(parts)

    def product(vector: np.ndarray) -> np.ndarray:
        return scale * operator.matvec(scale * np.asarray(vector, dtype=float).ravel())

    return LinearOperator(operator.shape, matvec=product, dtype=np.dtype(float))  # type: ignore[call-arg]


def extreme_eigenvalues(
    operator: LinearOperator, count: int, *, end: str = "largest", tolerance: float = 1e-3
) -> np.ndarray:
    """The largest eigenvalues (count,), descending, or the smallest, ascending, by Lanczos iteration (ARPACK).

    Args:
        operator: symmetric, (P, P).
        count: from 1 to P - 1.
        end: "largest" or "smallest", of signed values.
        tolerance: relative error of the eigenvalues.

    Raises:
        LandscapeError: the count or the end does not exist.
    """
    size = operator.shape[0]
    if end not in ("largest", "smallest"):
        raise LandscapeError(f"end {end!r} does not exist; choose one of largest, smallest")
    if not 1 <= count < size:
        raise LandscapeError(f"{count} eigenvalues of {size} cannot be computed: choose from 1 to {size - 1}")
    start = np.random.default_rng(0).standard_normal(size)
    which = "LA" if end == "largest" else "SA"
    values = eigsh(operator, count, which=which, v0=start, tol=tolerance, return_eigenvectors=False)  # type: ignore[arg-type]
    return np.sort(values)[::-1] if end == "largest" else np.sort(values)


def trace(operator: LinearOperator, samples: int) -> tuple[float, float]:
    """Estimate of the trace, and its standard error, from so many random vectors of signs (Hutchinson 1990).

    Raises:
        LandscapeError: fewer than two samples.
    """
    if samples < 2:
        raise LandscapeError(f"{samples} samples give no standard error: choose at least 2")
    generator = np.random.default_rng(0)
    signs = (generator.choice((-1.0, 1.0), operator.shape[0]) for _ in range(samples))
    values = np.array([vector @ operator.matvec(vector) for vector in signs])
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(samples))


def plane_curvatures(x: np.ndarray, y: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Both eigenvalues, ascending, of the plane's Hessian at its inner points, (len(y) - 2, len(x) - 2, 2).

    By second-order central differences, in units of loss over squared coordinate; not finite where a loss is not.

    Raises:
        LandscapeError: fewer than 3 points along a side, unequal spacing, or losses of another shape.
    """
    for axis, name in ((x, "x"), (y, "y")):
        if len(axis) < 3 or not np.allclose(np.diff(axis), axis[1] - axis[0], rtol=1e-6, atol=0):
            raise LandscapeError(f"the coordinates {name} are not 3 or more at equal distances")
    if losses.shape != (len(y), len(x)):
        raise LandscapeError(f"losses have shape {losses.shape}, but the plane has {(len(y), len(x))}")
    dx, dy = x[1] - x[0], y[1] - y[0]
    middle = losses[1:-1, 1:-1]
    with np.errstate(invalid="ignore"):
        xx = (losses[1:-1, 2:] - 2 * middle + losses[1:-1, :-2]) / dx**2
        yy = (losses[2:, 1:-1] - 2 * middle + losses[:-2, 1:-1]) / dy**2
        xy = (losses[2:, 2:] - losses[2:, :-2] - losses[:-2, 2:] + losses[:-2, :-2]) / (4 * dx * dy)
        mean, radius = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        return np.stack([mean - radius, mean + radius], axis=-1)


def non_convex_share(x: np.ndarray, y: np.ndarray, losses: np.ndarray) -> float:
    """Share of the plane's inner points where its smaller curvature is negative by more than fp32 can feign.

    Within the spacing of the grid around such a point the loss is not convex, in the whole space of weights either; the
    converse does not hold.
    Points without finite curvature are left out; the share is nan if none is left.

    Raises:
        LandscapeError: as ``plane_curvatures``.
    """
    smaller = plane_curvatures(x, y, losses)[..., 0]
    finite = np.isfinite(smaller)
    if not finite.any():
        return float("nan")
    step = min(x[1] - x[0], y[1] - y[0])
    windows = np.lib.stride_tricks.sliding_window_view(losses, (3, 3))
    doubt = ROUNDING * windows.max(axis=(2, 3)) / step**2
    return float((smaller[finite] < -doubt[finite]).mean())
