"""torchvision's ResNets, rewired: the counts, the function at order one, the method at higher order, the cost."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models
from torchvision.models.resnet import Bottleneck, ResNet

from odestack.methods import catalogue
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.cost import cost
from odestack.nets.imagenet import REPEATS, ImageNetResNet, wiring
from odestack.nets.probe import deduce_tableau

TORCHVISION = {50: models.resnet50, 101: models.resnet101, 152: models.resnet152}


@pytest.mark.parametrize(
    ("scheme", "depth", "blocks", "remainders"),
    [
        ("euler", 152, (2, 7, 35, 2), (0, 0, 0, 0)),
        ("midpoint", 152, (1, 3, 17, 1), (0, 1, 1, 0)),
        ("heun3", 152, (0, 2, 11, 0), (2, 1, 2, 2)),
        ("rk4", 152, (0, 1, 8, 0), (2, 3, 3, 2)),
        ("rk4", 101, (0, 0, 5, 0), (2, 3, 2, 2)),
        ("rk4", 50, (0, 0, 1, 0), (2, 3, 1, 2)),
        ("dormand_prince5", 152, (0, 1, 5, 0), (2, 1, 5, 2)),
    ],
)
def test_counts(scheme: str, depth: int, blocks: tuple[int, ...], remainders: tuple[int, ...]) -> None:
    """By hand: a stage of n blocks repeats n - 1 of them. The network is built as counted."""
    tableau = catalogue.get(scheme)
    found = wiring(tableau, depth)
    assert [stage.transition for stage in found] == [1, 1, 1, 1]
    assert tuple(stage.blocks for stage in found) == blocks
    assert tuple(stage.remainder for stage in found) == remainders
    with torch.device("meta"):
        network = ImageNetResNet(tableau, depth)
    names = [block.name for block in network.blocks if isinstance(block, RungeKuttaBlock)]
    expected = [n for b, r in zip(blocks, remainders, strict=True) for n in [scheme] * b + ["euler"] * r]
    assert names == expected
    assert 3 * len([*network.branches()]) + 2 == depth


@pytest.mark.parametrize(("scheme", "depth"), [("dormand_prince5", 50), ("cooper_verner8", 50)])
def test_too_few_repeats_are_refused(scheme: str, depth: int) -> None:
    with pytest.raises(
        ValueError, match=rf"depth {depth} repeats a block 5 times at most, but {scheme} uses \d+ stage"
    ):
        wiring(catalogue.get(scheme), depth)


def test_another_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="depth 34 is not one of 50, 101, 152"):
        ImageNetResNet(catalogue.get("rk4"), 34)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_wired_as_euler_it_is_torchvisions(images: torch.Tensor) -> None:
    """The same numbers, from the same seed, in training and in evaluation."""
    torch.manual_seed(1)
    plain = ResNet(Bottleneck, [*REPEATS[50]], num_classes=10, width_per_group=8)
    torch.manual_seed(1)
    network = ImageNetResNet(catalogue.get("euler"), 50, 8, classes=10)
    for _ in range(2):
        assert torch.equal(network(images), plain(images))
    network.eval()
    plain.eval()
    assert torch.equal(network(images), plain(images))


def test_its_blocks_compute_the_method(images: torch.Tensor) -> None:
    tableau = catalogue.get("rk4")
    network = ImageNetResNet(tableau, 50, 8, classes=10)
    (block,) = (b for b in network.blocks if isinstance(b, RungeKuttaBlock) and b.name == "rk4")
    for found, expected in zip(deduce_tableau(block), tableau.floats(), strict=False):
        assert found == pytest.approx(expected)
    network(images).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("scheme", ["rk4", "dormand_prince5"])
def test_parameters_and_macs_are_torchvisions(scheme: str) -> None:
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        plain, network = TORCHVISION[152](), ImageNetResNet(catalogue.get(scheme))
        plain.eval()(torch.zeros(1, 3, 224, 224))
    counted = cost(network, 224)
    assert counted.parameters == sum(p.numel() for p in plain.parameters()) == 60_192_808
    assert counted.macs == counter.get_total_flops() // 2
    assert counted.evaluations == 50
