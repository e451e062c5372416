"""Curvature: losses whose Hessian is known, a network's whole Hessian, and surfaces of known shape."""

import copy
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator
from torch import Tensor, nn
from torch.nn import functional as F

from odestack.lab import cifar
from odestack.lab.curvature import (
    extreme_eigenvalues,
    hessian,
    in_filter_norms,
    network_hessian,
    non_convex_share,
    plane_curvatures,
    trace,
)
from odestack.lab.landscape import BATCH, LandscapeError, filter_normalised, line, random_directions, symmetric_axis

EIGENVALUES = np.array([-3.0, -0.5, 0.0, 1.0, 2.0, 5.0, 11.0])


def quadratic(rotated: bool) -> LinearOperator:
    """Of w^T H w / 2 in two parts and two tensors; H has EIGENVALUES, on its diagonal unless rotated."""
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((7, 7)))[0] if rotated else np.eye(7)
    matrix = torch.from_numpy(basis @ np.diag(EIGENVALUES) @ basis.T)
    parameters = [torch.ones(2, 2, dtype=torch.double), torch.ones(3, dtype=torch.double)]
    for p in parameters:
        p.requires_grad_()

    def losses() -> Iterable[Tensor]:
        for share in (0.25, 0.75):
            w = torch.cat([p.flatten() for p in parameters])
            yield share * (w @ matrix @ w) / 2

    return hessian(losses, parameters)


@pytest.mark.parametrize("rotated", [False, True])
def test_eigenvalues_of_a_quadratic_are_exact(rotated: bool) -> None:
    operator = quadratic(rotated)
    largest = extreme_eigenvalues(operator, 3, tolerance=0)
    smallest = extreme_eigenvalues(operator, 2, end="smallest", tolerance=0)
    np.testing.assert_allclose(largest, [11, 5, 2], atol=1e-10)
    np.testing.assert_allclose(smallest, [-3, -0.5], atol=1e-10)


def test_trace_of_a_quadratic() -> None:
    """Exact where the Hessian is diagonal, because squared signs are one; else within its standard error."""
    estimate, error = trace(quadratic(rotated=False), 2)
    assert estimate == pytest.approx(EIGENVALUES.sum(), abs=1e-10)
    assert error == pytest.approx(0, abs=1e-10)
    estimate, error = trace(quadratic(rotated=True), 100)
    assert abs(estimate - EIGENVALUES.sum()) < 3 * error
    assert 0 < error < 2
    assert (estimate, error) == trace(quadratic(rotated=True), 100)


def test_hessian_of_a_network_is_that_of_the_mean_loss_with_frozen_statistics() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 2, 3, stride=8),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2, 10),
    )
    train, _ = cifar.load("mini-cifar10")
    split = cifar.Split(train.images[: BATCH + 5], train.labels[: BATCH + 5])
    network(cifar.normalise(split.images))
    network.eval()
    names = [name for name, _ in network.named_parameters()]
    sizes = [p.numel() for p in network.parameters()]
    shapes = [p.shape for p in network.parameters()]

    def loss(flat: Tensor) -> Tensor:
        parts = (part.view(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True))
        weights = dict(zip(names, parts, strict=True))
        outputs = torch.func.functional_call(network, weights, (cifar.normalise(split.images),))
        return F.cross_entropy(outputs, split.labels)

    at = torch.cat([p.detach().flatten() for p in network.parameters()])
    whole = torch.autograd.functional.hessian(loss, at).double().numpy()  # type: ignore[union-attr]
    operator = network_hessian(network.train(), split)
    vectors = np.random.default_rng(0).standard_normal((3, len(at)))
    products = np.stack([operator.matvec(vector) for vector in vectors])
    np.testing.assert_allclose(products, vectors @ whole, rtol=1e-3, atol=1e-4)
    exact = np.linalg.eigvalsh(whole)
    np.testing.assert_allclose(extreme_eigenvalues(operator, 2), exact[:-3:-1], rtol=1e-3)
    assert network.training


X, Y = symmetric_axis(7, 1.5), symmetric_axis(5, 1.0)


def surface(xx: float, xy: float, yy: float) -> np.ndarray:
    return 1 + Y[:, None] + (xx * X**2 + yy * Y[:, None] ** 2) / 2 + xy * X * Y[:, None]


def test_curvatures_of_a_quadratic_plane() -> None:
    found = plane_curvatures(X, Y, surface(2.0, 0.7, -1.0))
    assert found.shape == (3, 5, 2)
    np.testing.assert_allclose(found, np.broadcast_to(np.linalg.eigvalsh([[2.0, 0.7], [0.7, -1.0]]), found.shape))


def test_share_of_points_that_are_not_convex() -> None:
    assert non_convex_share(X, Y, surface(2.0, 0.7, 1.0)) == 0
    assert non_convex_share(X, Y, surface(2.0, 0.7, -1.0)) == 1
    assert non_convex_share(X, Y, surface(1.0, 2.0, 1.0)) == 1
    half = surface(2.0, 0.0, 1.0) - 3 * np.maximum(X, 0) ** 3
    assert non_convex_share(X, Y, half) == pytest.approx(2 / 5)


def test_rounding_makes_no_point_non_convex() -> None:
    noise = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32)
    flat = 2 + noise * np.finfo(np.float32).eps
    assert (plane_curvatures(X, Y, flat)[..., 0] < 0).any()
    assert non_convex_share(X, Y, flat) == 0


def test_points_without_finite_curvature_are_left_out() -> None:
    losses = surface(2.0, 0.7, -1.0)
    losses[0, 0] = np.inf
    assert non_convex_share(X, Y, losses) == 1
    assert np.isnan(non_convex_share(X, Y, np.full((5, 7), np.inf)))


def test_bad_input_is_refused() -> None:
    operator = quadratic(rotated=False)
    for count in (0, 7):
        with pytest.raises(LandscapeError, match="from 1 to 6"):
            extreme_eigenvalues(operator, count)
    with pytest.raises(LandscapeError, match="largest, smallest"):
        extreme_eigenvalues(operator, 1, end="both")
    with pytest.raises(LandscapeError, match="at least 2"):
        trace(operator, 1)
    with pytest.raises(LandscapeError, match="shape"):
        plane_curvatures(Y, X, surface(1.0, 0.0, 1.0))
    with pytest.raises(LandscapeError, match="coordinates x"):
        plane_curvatures(X**3, Y, surface(1.0, 0.0, 1.0))
    with pytest.raises(LandscapeError, match="coordinates y"):
        plane_curvatures(X, Y[:2], surface(1.0, 0.0, 1.0)[:2])
    with pytest.raises(LandscapeError, match="no images"):
        network_hessian(nn.Linear(1, 1), cifar.Split(torch.empty(0, 3, 32, 32), torch.empty(0)))


def test_hessian_in_filter_norms_does_not_see_the_scale_of_a_filter() -> None:
    """A linear network whose first layer is scaled up and the second down is the same function."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 2, 32), nn.Flatten(), nn.Linear(2, 10))
    other = copy.deepcopy(network)
    with torch.no_grad():
        for p, factor in zip(other.parameters(), (4, 4, 0.25, 1), strict=True):
            p *= factor
    train, _ = cifar.load("mini-cifar10")
    split = cifar.Split(train.images[:40], train.labels[:40])
    plain, scaled = (network_hessian(net, split) for net in (network, other))
    both = [in_filter_norms(operator, net) for operator, net in ((plain, network), (scaled, other))]
    vector = np.random.default_rng(0).standard_normal(plain.shape[0])
    first, second = (operator.matvec(vector) for operator in both)
    np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-4 * np.abs(first).max())
    assert not np.allclose(plain.matvec(vector), scaled.matvec(vector), rtol=0.1)
    biases = np.cumsum([p.numel() for p in network.parameters()])
    assert not first[biases[0] : biases[1]].any()
    direction, _ = random_directions(network, 0)
    unit = torch.cat([F.normalize(d.flatten(1), dim=1).flatten() for d in direction if d.dim() > 1])
    at = torch.cat([torch.full((p.numel(),), p.dim() > 1) for p in network.parameters()]).numpy()
    vector = np.zeros(len(at))
    vector[at] = unit.double().numpy()
    step, normal = 0.02, filter_normalised(direction, network)
    losses = line(network, normal, step * np.array([-1.0, 0.0, 1.0]), split)
    assert vector @ both[0].matvec(vector) == pytest.approx(np.diff(losses, 2)[0] / step**2, rel=0.05)
