"""A trained RepVGG branch is one convolution; stages are one only as long as nothing but sums stands between them."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from odestack.lab import cifar
from odestack.methods import catalogue
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.cost import cost
from odestack.nets.probe import deduce_tableau
from odestack.nets.repvgg import Paths, RepVGG, across_stages, branch, folded, impulse_convolution

METHODS = ("euler", "midpoint", "rk4")
TOLERANCE = 1e-4


@torch.enable_grad()
def train(model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], steps: int = 8) -> nn.Module:
    """A few steps on images of CIFAR-10; returns the model in inference mode."""
    split, _ = cifar.load("mini-cifar10")
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for images, labels in cifar.batches(split, 32, order=torch.arange(32 * steps), augmentation=None):
        optimiser.zero_grad()
        loss(images, labels).backward()
        optimiser.step()
    return model.eval()


@cache
def trained(name: str) -> RepVGG:
    torch.manual_seed(0)
    network = RepVGG(catalogue.get(name), 10, 8)
    train(network, lambda images, labels: F.cross_entropy(network(images), labels))
    return network


@cache
def trained_step(name: str, relu: bool) -> RungeKuttaBlock:
    """One step, with or without the ReLU in its branches and none after the addition; fitted to its flipped input."""
    torch.manual_seed(0)
    stages = len(catalogue.get(name).used_stages)
    block = RungeKuttaBlock(catalogue.get(name), [branch(3, relu=relu) for _ in range(stages)], relu=False)
    train(block, lambda images, _: F.mse_loss(block(images), images.flip(3)))
    return block.double()


def relative(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("name", METHODS)
@torch.no_grad()
def test_every_trained_branch_is_one_convolution(name: str) -> None:
    for each in trained(name).branches():
        paths = each[-1]
        assert isinstance(paths, Paths)
        means, variances = (
            torch.cat([getattr(norm, key) for norm in paths.norms]) for key in ("running_mean", "running_var")
        )
        assert means.abs().min() > 1e-4
        assert (variances - 1).abs().min() > 1e-4
        x = torch.randn(16, 8, 16, 16)
        convolution = paths.fold()
        assert isinstance(convolution, nn.Conv2d)
        assert convolution.bias is not None
        assert (convolution.kernel_size, convolution.padding) == ((3, 3), (1, 1))
        assert relative(convolution(x), paths(x)) < TOLERANCE


@pytest.mark.parametrize("name", METHODS)
@torch.no_grad()
def test_a_trained_network_folds(name: str) -> None:
    network, x = trained(name), torch.randn(64, 3, 32, 32)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    other = folded(network)
    logits = network(x)
    assert logits.std(0).min() > 1e-2
    assert relative(other(x), logits) < TOLERANCE
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert sum(isinstance(module, nn.Conv2d) for module in other.modules()) == 9
    assert sum(isinstance(module, nn.BatchNorm2d) for module in other.modules()) == 1


@torch.no_grad()
def test_the_fold_needs_the_statistics_of_each_path() -> None:
    paths = next(trained("euler").branches())[-1]
    assert isinstance(paths, Paths)
    right, norm = paths.fold(), paths.norms[2]
    mean = norm.running_mean
    norm.running_mean = torch.zeros(8)
    wrong = paths.fold()
    norm.running_mean = mean
    x = torch.randn(4, 8, 8, 8)
    assert relative(wrong(x), right(x)) > 1e-2


def test_equal_cost_and_by_hand() -> None:
    """Three batch norms, a 3x3 and a 1x1 kernel a branch; folded, a 3x3 kernel and a bias."""
    networks = [RepVGG(catalogue.get(name), 10, 8) for name in METHODS]
    stem, head = 3 * 9 * 8 + 2 * 8, 2 * 8 + 8 * 10 + 10
    costs = [cost(network) for network in networks]
    assert {each.parameters for each in costs} == {stem + head + 8 * (10 * 64 + 6 * 8)}
    assert {each.macs for each in costs} == {256 * (3 * 9 * 8 + 8 * 10 * 64) + 80}
    assert {each.evaluations for each in costs} == {8}
    assert [each.axpys for each in costs] == [8, 4 * 2, 2 * 7]
    after = [cost(folded(network.eval())) for network in networks]
    assert {each.parameters for each in after} == {stem - 8 + head + 8 * (9 * 64 + 8)}
    assert {each.macs for each in after} == {256 * (3 * 9 * 8 + 8 * 9 * 64) + 80}


@pytest.mark.parametrize("name", METHODS)
def test_blocks_compute_their_method_before_and_after_the_fold(name: str) -> None:
    A, b, _ = catalogue.get(name).reduced().floats()
    for network in (trained(name), folded(trained(name))):
        for block in network.blocks:
            assert isinstance(block, RungeKuttaBlock)
            deduced = deduce_tableau(block)
            np.testing.assert_allclose(deduced[0], A, rtol=0, atol=1e-9)
            np.testing.assert_allclose(deduced[1], b, rtol=0, atol=1e-9)


@torch.no_grad()
def test_an_euler_block_is_repvgg_s_block_with_one_more_identity() -> None:
    """Ding et al. (2021, figure 2): the ReLU follows the sum of all paths."""
    block = trained("euler").blocks[1]
    paths = block.branches[0][-1]  # type: ignore[index]
    x = torch.rand(2, 8, 8, 8)
    torch.testing.assert_close(block(x), torch.relu(x + paths(x)))  # type: ignore[operator]


def test_every_parameter_has_a_gradient() -> None:
    for name in METHODS:
        torch.manual_seed(0)
        network = RepVGG(catalogue.get(name), 10, 8)
        F.cross_entropy(network(torch.randn(8, 3, 32, 32)), torch.arange(8)).backward()
        for key, parameter in network.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.abs().max() > 0, key


@pytest.mark.parametrize(("name", "stages"), [("euler", 1), ("midpoint", 2), ("rk4", 4)])
def test_affine_stages_fold_inside_the_border(name: str, stages: int) -> None:
    found = across_stages(trained_step(name, relu=False), torch.randn(8, 3, 16, 16).double(), stages)
    assert found.kernel == 2 * stages + 1
    assert found.inside < 1e-12
    assert found.additivity < 1e-12
    assert math.isnan(found.border) if stages == 1 else found.border > 1e-3


def test_the_kernel_of_a_midpoint_step_by_hand() -> None:
    """delta + K2 * (delta + K1 / 2), where * is convolution; the bias of stage 1 passes through stage 2."""
    block = trained_step("midpoint", relu=False)
    first, second = (each[-1].fold() for each in block.branches)  # type: ignore[index, operator]
    w1, w2 = first.weight.detach() / 2, second.weight.detach()
    kernel = torch.zeros(3, 3, 5, 5, dtype=torch.float64)
    identity = torch.eye(3, dtype=torch.float64)
    kernel[:, :, 2, 2] += identity
    kernel[:, :, 1:4, 1:4] += w2
    for dy in range(3):
        for dx in range(3):
            kernel[:, :, dy : dy + 3, dx : dx + 3] += torch.einsum("om,miyx->oiyx", w2[:, :, dy, dx], w1)
    convolution = impulse_convolution(block, 3, 2)
    assert convolution.bias is not None
    torch.testing.assert_close(convolution.weight.detach(), kernel)
    torch.testing.assert_close(convolution.bias.detach(), second.bias + w2.sum((2, 3)) @ first.bias / 2)


@pytest.mark.parametrize(("name", "stages"), [("midpoint", 2), ("rk4", 4)])
def test_a_relu_between_stages_stops_the_fold(name: str, stages: int) -> None:
    found = across_stages(trained_step(name, relu=True), torch.randn(8, 3, 16, 16).double(), stages)
    assert found.inside > 1e-2
    assert found.additivity > 1e-2


@pytest.mark.parametrize("relu", [False, True])
def test_a_relu_between_steps_stops_the_fold(relu: bool) -> None:
    steps = [trained_step("euler", relu=False), trained_step("midpoint", relu=False)]
    network = nn.Sequential(steps[0], nn.ReLU() if relu else nn.Identity(), steps[1]).eval()
    found = across_stages(network, torch.randn(4, 3, 16, 16).double(), 3)
    assert (found.inside > 1e-2, found.additivity > 1e-2) == (relu, relu)
    assert relu or max(found.inside, found.additivity) < 1e-12


def test_what_cannot_be_folded_is_refused() -> None:
    network = RepVGG(catalogue.get("rk4"), 6, 4)
    with pytest.raises(ValueError, match="only running statistics fold"):
        folded(network)
    with pytest.raises(ValueError, match="only running statistics fold"):
        impulse_convolution(branch(4), 4, 1)
    with pytest.raises(ValueError, match="it needs two images of 4 x 4 or more"):
        across_stages(branch(4).eval(), torch.randn(1, 4, 8, 8), 2)
    with pytest.raises(ValueError, match="it must keep the shape"):
        impulse_convolution(nn.Conv2d(4, 2, 3).eval(), 4, 1)
    with pytest.raises(ValueError, match="nearest rk4 depths are 6 and 10"):
        RepVGG(catalogue.get("rk4"), 8, 4)
