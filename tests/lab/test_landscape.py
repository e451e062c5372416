"""Loss surfaces: directions, lines and planes, batch-norm policies, resumption, and the plane of a trajectory."""

from pathlib import Path

import numpy as np
import pytest
import torch
from killed import die, killed
from tiny_runs import tiny
from torch import Tensor, nn
from torch.nn import functional as F

from odestack.lab import cifar, landscape
from odestack.lab.landscape import (
    Direction,
    LandscapeError,
    Plane,
    filter_normalised,
    line,
    plane,
    random_directions,
    symmetric_axis,
    trajectory,
)
from odestack.lab.train import initial_network
from odestack.nets.network import Network

AXIS = symmetric_axis(3, 0.5)


def network(scheme: str = "euler") -> Network:
    """With running statistics of images, as a trained one has."""
    found = initial_network(tiny(scheme=scheme))
    found(cifar.normalise(images().images))
    return found.eval()


def images(count: int = 40) -> cifar.Split:
    _, test = cifar.load("mini-cifar10")
    return cifar.Split(test.images[:count], test.labels[:count])


def normal_directions(net: nn.Module, seed: int = 0) -> tuple[Direction, Direction]:
    first, second = random_directions(net, seed)
    return filter_normalised(first, net), filter_normalised(second, net)


def loss(net: nn.Module, split: cifar.Split) -> float:
    with torch.no_grad():
        return F.cross_entropy(net(cifar.normalise(split.images)), split.labels).item()


def same(first: Direction, second: Direction) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_directions_follow_from_the_seed_and_are_shared_between_methods() -> None:
    first, second = random_directions(network("euler"), 3)
    again, _ = random_directions(network("rk4"), 3)
    other, _ = random_directions(network("euler"), 4)
    assert same(first, again)
    assert not same(first, other)
    assert not same(first, second)
    flat, across = (torch.cat([d.flatten() for d in direction]) for direction in (first, second))
    assert abs(F.cosine_similarity(flat, across, dim=0)) < 0.1


def test_each_filter_gets_the_norm_of_the_networks_and_the_rest_is_zero() -> None:
    net = network()
    direction, _ = normal_directions(net)
    for d, p in zip(direction, net.parameters(), strict=True):
        if p.dim() > 1:
            torch.testing.assert_close(d.flatten(1).norm(dim=1), p.detach().flatten(1).norm(dim=1))
        else:
            assert not d.any()


def test_a_filter_of_zeros_has_direction_zero() -> None:
    net = nn.Conv2d(1, 2, 3)
    with torch.no_grad():
        net.weight[0] = 0
    weight, _ = filter_normalised(random_directions(net, 0)[0], net)
    assert not weight[0].any()
    assert weight[1].any()


def rescaled(net: Network, factors: Tensor) -> None:
    """Multiply the filters of a convolution whose output is normalised; the network stays the same function."""
    norm, _, convolution, next_norm, *_ = next(net.branches())
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(next_norm, nn.BatchNorm2d)
    assert next_norm.running_mean is not None
    assert next_norm.running_var is not None
    with torch.no_grad():
        convolution.weight *= factors[:, None, None, None]
        next_norm.running_mean *= factors
        next_norm.running_var *= factors**2


@pytest.mark.parametrize("batch_norm", landscape.POLICIES)
def test_rescaled_filters_give_the_same_line_only_with_normalisation(batch_norm: str) -> None:
    net, other = network(), network()
    factors = torch.linspace(2.0, 20.0, 8)
    rescaled(other, factors)
    raw, _ = random_directions(net, 0)
    normal, scaled = filter_normalised(raw, net), filter_normalised(raw, other)
    at = [p.shape == q.shape and not torch.allclose(p, q) for p, q in zip(normal, scaled, strict=True)]
    assert sum(at) == 1
    i = at.index(True)
    torch.testing.assert_close(scaled[i], normal[i] * factors[:, None, None, None])
    x = np.array([-1.0, 0.0, 1.0])
    expected = line(net, normal, x, images(), batch_norm)
    np.testing.assert_allclose(line(other, scaled, x, images(), batch_norm), expected, rtol=1e-3)
    assert np.abs(line(other, normal, x, images(), batch_norm) / expected - 1).max() > 3e-3


def test_the_origin_is_the_networks_loss_and_the_network_stays() -> None:
    net = network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    directions = normal_directions(net)
    found = plane(net, directions, AXIS, symmetric_axis(5, 0.5), images())
    assert found.losses.shape == (5, 3)
    assert found.losses[2, 1] == pytest.approx(loss(net, images()), rel=1e-6)
    assert line(net, directions[0], np.array([0.0]), images())[0] == found.losses[2, 1]
    assert np.ptp(found.losses) > 1e-3
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_a_point_of_the_plane_is_the_loss_there() -> None:
    net = network()
    first, second = normal_directions(net)
    found = plane(net, (first, second), AXIS, symmetric_axis(5, 1.0), images())
    with torch.no_grad():
        for p, d, e in zip(net.parameters(), first, second, strict=True):
            p += 0.5 * d - e
    assert found.losses[0, 2] == pytest.approx(loss(net, images()), rel=1e-4)


def test_policies() -> None:
    """Wrong stored statistics matter to the frozen policy only; without batch norm the policies agree."""
    net, spoilt = network(), network()
    for module in spoilt.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            module.running_mean += 1
    direction, _ = normal_directions(net)
    frozen, fresh = (line(net, direction, AXIS, images(), policy) for policy in landscape.POLICIES)
    np.testing.assert_array_equal(line(spoilt, direction, AXIS, images(), "re-estimated"), fresh)
    assert np.abs(line(spoilt, direction, AXIS, images(), "frozen") - frozen).min() > 1e-3
    plain = initial_network(tiny(batch_norm=False))
    direction, _ = normal_directions(plain)
    frozen, fresh = (line(plain, direction, AXIS, images(), policy) for policy in landscape.POLICIES)
    np.testing.assert_array_equal(frozen, fresh)


def test_more_images_than_a_batch() -> None:
    net, split = network(), images(landscape.BATCH + 7)
    direction, _ = normal_directions(net)
    assert line(net, direction, np.array([0.0]), split)[0] == pytest.approx(loss(net, split), rel=1e-5)


def two_rows(file: Path) -> None:
    """Compute a plane, and die when its second row is kept."""
    save = Plane.save

    def last(self: Plane, file: Path) -> None:
        save(self, file)
        if len(self.losses) == 2:
            die()

    Plane.save = last
    plane(network(), normal_directions(network()), AXIS, AXIS, images(), file=file)


def test_a_killed_plane_resumes_to_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, net = tmp_path / "plane.safetensors", network()
    killed(two_rows, file)
    part = Plane.load(file)
    assert part.losses.shape == (2, 3)

    rows = []
    compute = landscape._line

    def counted(*arguments: object) -> np.ndarray:
        rows.append(1)
        return compute(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(landscape, "_line", counted)
    resumed = plane(net, normal_directions(net), AXIS, AXIS, images(), file=file)
    assert len(rows) == 1
    whole = plane(net, normal_directions(net), AXIS, AXIS, images())
    np.testing.assert_array_equal(resumed.losses, whole.losses)
    np.testing.assert_array_equal(Plane.load(file).losses, whole.losses)
    with pytest.raises(LandscapeError, match="other weights"):
        plane(net, normal_directions(net, seed=1), AXIS, AXIS, images(), file=file)
    with pytest.raises(LandscapeError, match="policy"):
        plane(net, normal_directions(net), AXIS, AXIS, images(), "re-estimated", file=file)
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(LandscapeError, match="not a plane"):
        plane(net, normal_directions(net), AXIS, AXIS, images(), file=file)


def test_trajectory_in_a_plane() -> None:
    """States that lie in a plane are met by it exactly, and the end is its origin."""
    net = network()
    end = {name: value.clone() for name, value in net.state_dict().items()}
    first, second = random_directions(net, 0)
    names = [name for name, _ in net.named_parameters()]
    states = []
    for a, b in ((3.0, 1.0), (2.0, -1.0), (1.0, 0.5)):
        steps = {name: a * d + b * e for name, d, e in zip(names, first, second, strict=True)}
        states.append({name: value + steps.get(name, 0) for name, value in end.items()})
    found = trajectory(net, states)
    np.testing.assert_array_equal(found.coordinates[-1], 0)
    assert found.explained.sum() == pytest.approx(1, abs=1e-6)
    assert found.explained[0] > found.explained[1]
    flat = torch.stack([torch.cat([d.flatten() for d in direction]) for direction in found.directions])
    torch.testing.assert_close(flat @ flat.T, torch.eye(2), rtol=0, atol=1e-5)
    for state, (a, b) in zip(states, found.coordinates[:-1], strict=True):
        for name, d, e in zip(names, *found.directions, strict=True):
            torch.testing.assert_close(state[name], end[name] + a * d + b * e, rtol=0, atol=1e-4)
    assert line(net, found.directions[0], np.array([0.0]), images())[0] == pytest.approx(loss(net, images()), rel=1e-6)


def test_trajectory_refuses_what_spans_no_plane() -> None:
    net = network()
    state = {name: value + 1.0 for name, value in net.state_dict().items()}
    with pytest.raises(LandscapeError, match="at least 2"):
        trajectory(net, [state])
    with pytest.raises(LandscapeError, match="one line"):
        trajectory(net, [state, state])
    with pytest.raises(LandscapeError, match=r"no stem\.0\.weight of shape"):
        trajectory(net, [initial_network(tiny(width=4)).state_dict()] * 2)


@pytest.mark.parametrize("points", [1, 20, 0, -3])
def test_axis_has_a_middle(points: int) -> None:
    with pytest.raises(LandscapeError, match="odd number"):
        symmetric_axis(points, 1.0)


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan"), float("inf")])
def test_axis_has_a_length(radius: float) -> None:
    with pytest.raises(LandscapeError, match="positive"):
        symmetric_axis(3, radius)


def test_axis() -> None:
    np.testing.assert_array_equal(symmetric_axis(5, 2.0), [-2, -1, 0, 1, 2])


def test_bad_input_is_refused() -> None:
    net = network()
    direction, _ = normal_directions(net)
    wide, _ = random_directions(initial_network(tiny(width=4)), 0)
    with pytest.raises(LandscapeError, match="has shape"):
        line(net, wide, AXIS, images())
    with pytest.raises(LandscapeError, match="tensors"):
        filter_normalised(direction[1:], net)
    with pytest.raises(LandscapeError, match="has shape"):
        plane(net, (direction, wide), AXIS, AXIS, images())
    with pytest.raises(LandscapeError, match="no images"):
        line(net, direction, AXIS, images(0))
    with pytest.raises(LandscapeError, match="frozen, re-estimated"):
        line(net, direction, AXIS, images(), "thawed")
    for wrong in (AXIS[::-1], np.array([]), np.array([0.0, np.nan]), np.zeros((2, 2))):
        with pytest.raises(LandscapeError, match="coordinates y"):
            plane(net, (direction, direction), AXIS, wrong, images())
