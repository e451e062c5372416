"""The U-Net: its stacks compute the method, at equal cost, and its skips carry what they should."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from odestack.lab import cifar
from odestack.methods import catalogue
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.cost import cost
from odestack.nets.probe import deduce_tableau
from odestack.nets.unet import Level, UNet, denoise

EQUAL = ("euler", "midpoint", "rk4")
STACKS = 5


def network(name: str, count: int = 4, width: int = 8, **options: int) -> UNet:
    torch.manual_seed(0)
    return UNet(catalogue.get(name), count, width, **options)


def steps(unet: UNet) -> list[RungeKuttaBlock]:
    return [module for module in unet.modules() if isinstance(module, RungeKuttaBlock)]


def by_hand(count: int, width: int) -> tuple[int, int]:
    """Parameters and MACs of a U-Net of widths w, 2w, 4w on 32 x 32 pixels."""
    w, pixels = width, 32 * 32
    stacks = 2 * w**2 + 2 * (2 * w) ** 2 + (4 * w) ** 2  # two at the first two levels, one at the lowest
    kernels = count * 2 * 9 * stacks
    norms = count * 2 * 2 * (2 * w + 2 * 2 * w + 4 * w)
    stem, head = 27 * w, 3 * w
    macs = pixels * (stem + head + count * 2 * 9 * 5 * w**2)
    for level, wide in enumerate((w, 2 * w)):
        at, below = pixels // 4**level, pixels // 4 ** (level + 1)
        down, up, merge = 9 * 2 * wide**2, 4 * 2 * wide**2, 9 * 2 * wide**2
        kernels += down + up + merge
        norms += 2 * (2 * wide + wide + wide)
        macs += below * down + below * up + at * merge
    return kernels + norms + stem + 2 * w + 2 * w + head + 3, macs


def test_equal_cost_and_by_hand() -> None:
    networks = [network(name) for name in EQUAL]
    assert [len(steps(each)) for each in networks] == [STACKS * 4, STACKS * 2, STACKS]
    costs = [cost(each) for each in networks]
    assert {(each.parameters, each.macs) for each in costs} == {by_hand(4, 8)}
    assert {each.evaluations for each in costs} == {STACKS * 4}
    assert [each.axpys for each in costs] == [STACKS * 4, STACKS * 2 * 2, STACKS * 7]


@pytest.mark.parametrize("name", EQUAL)
def test_every_stack_computes_the_method(name: str) -> None:
    unet = network(name, width=2)
    A, b, _ = catalogue.get(name).reduced().floats()
    assert len(steps(unet)) == STACKS * 4 // len(b)
    for block in steps(unet):
        deduced = deduce_tableau(block)
        np.testing.assert_allclose(deduced[0], A, rtol=0, atol=1e-9)
        np.testing.assert_allclose(deduced[1], b, rtol=0, atol=1e-9)


def test_branches_come_in_the_order_in_which_they_run() -> None:
    unet = network("midpoint", count=2, width=2)
    ran: list[nn.Module] = []
    branches = list(unet.branches())
    for each in branches:
        each.register_forward_hook(lambda module, *_: ran.append(module))
    unet(torch.randn(2, 3, 8, 8))
    assert len(branches) == STACKS * 2
    assert all(a is b for a, b in zip(ran, branches, strict=True))


@pytest.mark.parametrize(("size", "outputs"), [((32, 32), 3), ((8, 12), 3), ((16, 16), 5)])
def test_maps_have_the_size_of_the_images(size: tuple[int, int], outputs: int) -> None:
    assert network("rk4", width=2, outputs=outputs)(torch.randn(2, 3, *size)).shape == (2, outputs, *size)


@torch.no_grad()
def test_widths_double_as_sizes_halve() -> None:
    unet = network("euler", count=1).eval()
    shapes = []
    for module in unet.modules():
        if isinstance(module, Level):
            module.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0].shape[1:])))
    unet(torch.randn(1, 3, 32, 32))
    assert shapes == [(8, 32, 32), (16, 16, 16), (32, 8, 8)]


@torch.no_grad()
def test_what_comes_up_and_the_skip_both_matter() -> None:
    """Without either half of the merging kernels the output changes."""
    images = torch.randn(2, 3, 16, 16)
    whole = network("rk4").eval()(images)
    for kept in (slice(0, 8), slice(8, 16)):
        other = network("rk4").eval()
        level = other.blocks[0]
        assert isinstance(level, Level)
        level.merge[0].weight[:, kept] = 0  # type: ignore[index, operator]
        assert (other(images) - whole).abs().max() > 1e-2


def test_every_parameter_has_a_gradient() -> None:
    for name in EQUAL:
        unet = network(name)
        unet(torch.randn(4, 3, 16, 16)).square().mean().backward()
        for key, parameter in unet.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.abs().max() > 0, key


def test_learns_to_denoise() -> None:
    """Noise as strong as the image: the error falls below what the best scaling of the noisy image leaves."""
    unet, generator = network("rk4"), torch.Generator().manual_seed(0)
    split, _ = cifar.load("mini-cifar10")
    optimiser = torch.optim.Adam(unet.parameters(), lr=0.02)
    errors, scaling = [], []
    for whole, _ in cifar.batches(split, 8, order=torch.arange(8 * 60), augmentation=None):
        images = whole[..., 8:24, 8:24]
        error = F.mse_loss(denoise(unet, images + torch.randn(images.shape, generator=generator)), images)
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        errors.append(error.item())
        power = images.square().mean().item()
        scaling.append(power / (power + 1))
    assert np.mean(errors[-5:]) < 0.8 * np.mean(scaling[-5:]) < 0.5


@torch.no_grad()
def test_denoise_takes_the_output_from_the_image() -> None:
    unet, noisy = network("euler").eval(), torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(denoise(unet, noisy) + unet(noisy), noisy)


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ValueError, match="6 branches are not a multiple of 4: nearest rk4 numbers are 4 and 8"):
        network("rk4", count=6)
    with pytest.raises(ValueError, match="images of 30 x 32 pixels do not divide by 4, which 3 levels need"):
        network("euler")(torch.randn(1, 3, 30, 32))
