"""The CIFAR network: depths, shapes, and that no branch is idle."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from odestack.methods import catalogue
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.branch import KINDS, branch, layers
from odestack.nets.resnet import ResNet, block_count


def one_block(name: str, **options: object) -> ResNet:
    """The shallowest network of the method with four channels."""
    tableau = catalogue.get(name)
    depth = 2 + 2 * len(tableau.used_stages)
    return ResNet(tableau, depth, 4, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("downsample", ["stem", "first"])
@pytest.mark.parametrize("name", catalogue.names())
def test_every_parameter_has_a_gradient(name: str, downsample: str, batch_norm: bool) -> None:
    torch.manual_seed(0)
    network = one_block(name, downsample=downsample, batch_norm=batch_norm, h=0.1)
    loss = F.cross_entropy(network(torch.randn(8, 3, 32, 32)), torch.arange(8))
    loss.backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@pytest.mark.parametrize("downsample", ["stem", "first"])
@pytest.mark.parametrize("name", catalogue.names())
def test_shapes(name: str, downsample: str) -> None:
    network = one_block(name, downsample=downsample)
    images = torch.randn(2, 3, 32, 32)
    state = network.stem(images)
    assert state.shape == ((2, 4, 16, 16) if downsample == "stem" else (2, 4, 32, 32))
    assert network.blocks(state).shape == (2, 4, 16, 16)
    assert network(images).shape == (2, 10)


def test_downsampling_in_the_first_branch_subsamples_the_state() -> None:
    """With zero branches the step is the plain every-second-pixel shortcut."""
    network = one_block("rk4", downsample="first", init_scale=0.0, relu=False)
    x = torch.randn(2, 4, 32, 32)
    assert torch.equal(network.blocks(x), x[:, :, ::2, ::2])


@pytest.mark.parametrize("kind", KINDS)
def test_a_branch_has_the_layers_it_is_named_for(kind: str) -> None:
    modules = list(branch(kind, 8))
    convolutions = [module for module in modules if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == layers(kind)
    assert isinstance(modules[-1], nn.Conv2d)
    assert branch(kind, 8, stride=2)(torch.randn(2, 8, 16, 16)).shape == (2, 8, 8, 8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", catalogue.names())
def test_depth_counts_the_layers_with_weights(name: str, kind: str) -> None:
    tableau = catalogue.get(name)
    depth = 2 + 2 * layers(kind) * len(tableau.used_stages)
    network = ResNet(tableau, depth, 4, kind=kind)
    weighted = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(weighted) == depth
    assert len(network.blocks) == 2


@pytest.mark.parametrize(
    ("name", "depth", "message"),
    [
        ("rk4", 30, "depth 30 is not 2 \\+ 8k: nearest rk4 depths are 26 and 34"),
        ("heun3", 58, "depth 58 is not 2 \\+ 6k: nearest heun3 depths are 56 and 62"),
        ("euler", 27, "depth 27 is not 2 \\+ 2k: nearest euler depths are 26 and 28"),
        ("cooper_verner8", 5, "depth 5 is not 2 \\+ 22k: nearest cooper_verner8 depths are 24"),
    ],
)
def test_depths_that_do_not_divide_name_the_nearest(name: str, depth: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResNet(catalogue.get(name), depth, 4)


def test_the_nearest_depths_named_can_be_built() -> None:
    assert block_count(catalogue.get("rk4"), 26) == (3, 0)
    assert block_count(catalogue.get("rk4"), 34) == (4, 0)
    assert block_count(catalogue.get("cooper_verner8"), 24) == (1, 0)


def test_remainder_is_filled_with_euler_blocks() -> None:
    network = ResNet(catalogue.get("rk4"), 30, 4, remainder=True)
    names = [block.name for block in network.blocks if isinstance(block, RungeKuttaBlock)]
    assert names == ["rk4"] * 3 + ["euler"] * 2
    weighted = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(weighted) == 30


def test_a_remainder_smaller_than_a_branch_is_refused() -> None:
    with pytest.raises(ValueError, match="depth 31 leaves 5 layers"):
        block_count(catalogue.get("rk4"), 31, remainder=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"downsample": "middle"}, "downsample 'middle' does not exist; choose one of stem, first"),
        ({"kind": "conv9"}, "branch 'conv9' does not exist; choose one of conv1"),
        ({"kind": "bottleneck", "width": 6}, "width 6 does not divide by 4"),
    ],
)
def test_what_cannot_be_built_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResNet(catalogue.get("euler"), 26, **{"width": 8, **options})


@pytest.mark.parametrize("final_norm", [True, False])
def test_the_final_norm_makes_logits_independent_of_the_size_of_the_state(final_norm: bool) -> None:
    head = one_block("euler", final_norm=final_norm).head
    x = torch.randn(8, 4, 16, 16) + 0.5
    logits, larger = head(x), head(1000 * x)
    torch.testing.assert_close(larger, logits if final_norm else 1000 * logits, rtol=1e-2, atol=1e-3)


def test_the_step_size_scales_the_branches() -> None:
    """The same weights with h: the first block moves h times as far."""

    def moved(h: float) -> torch.Tensor:
        torch.manual_seed(1)
        network = ResNet(catalogue.get("euler"), 4, 4, h=h, relu=False).double()
        x = torch.linspace(-1, 1, 4 * 256, dtype=torch.float64).view(1, 4, 16, 16)
        return network.blocks(x) - x

    torch.testing.assert_close(moved(0.25), 0.25 * moved(1.0))
