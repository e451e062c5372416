"""ResNet-20 is the published network."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from odestack.nets.cost import cost
from odestack.nets.he import BasicBlock, ResNet20
from odestack.nets.signal import signal


def test_twenty_layers_and_270_thousand_parameters() -> None:
    """Table 6 of He et al. (2016) gives 0.27 M; by hand it is 269,722 with option A."""
    network = ResNet20()
    assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in network.modules()) == 20
    convolutions = 9 * (3 * 16 + 6 * 16 * 16 + (16 * 32 + 5 * 32 * 32) + (32 * 64 + 5 * 64 * 64))
    batch_norms = 2 * (7 * 16 + 6 * 32 + 6 * 64)
    assert cost(network).parameters == convolutions + batch_norms + 64 * 10 + 10 == 269_722


def test_macs_by_hand() -> None:
    """40.6 million: three stages of six convolutions of 1024 x 16 x 16 x 9; the first of two stages is half that."""
    stage = 6 * 1024 * 16 * 16 * 9
    halved = 1024 * 16 * 16 * 9 // 2
    assert cost(ResNet20()).macs == 1024 * 27 * 16 + 3 * stage - 2 * halved + 640
    assert (cost(ResNet20()).evaluations, cost(ResNet20()).axpys) == (9, 9)


def test_shapes() -> None:
    network = ResNet20()
    state = network.stem(torch.randn(2, 3, 32, 32))
    shapes = [tuple(state.shape[1:])]
    for block in network.blocks:
        state = block(state)
        shapes.append(tuple(state.shape[1:]))
    assert shapes == [(16, 32, 32)] * 4 + [(32, 16, 16)] * 3 + [(64, 8, 8)] * 3
    assert network.head(state).shape == (2, 10)


@pytest.mark.parametrize(("inputs", "width", "stride"), [(16, 16, 1), (16, 32, 2), (32, 64, 2)])
def test_the_shortcut_subsamples_and_pads_with_zero_channels(inputs: int, width: int, stride: int) -> None:
    """With a branch of zeros the block is its shortcut."""
    block = BasicBlock(inputs, width, stride).eval()
    nn.init.zeros_(block.branches[0][-1].weight)  # type: ignore[index]
    x = torch.rand(2, inputs, 8, 8)
    y = block(x)
    assert torch.equal(y[:, :inputs], x[:, :, ::stride, ::stride])
    assert y.shape[1] == width
    assert not y[:, inputs:].any()


def test_blocks_are_post_activation() -> None:
    names = [type(module).__name__ for module in ResNet20().blocks[0].branches[0]]  # type: ignore[index, union-attr]
    assert names == ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d"]


def test_every_parameter_has_a_gradient() -> None:
    torch.manual_seed(0)
    network = ResNet20()
    F.cross_entropy(network(torch.randn(8, 3, 32, 32)), torch.arange(8)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_signal_counts_its_layers() -> None:
    result = signal(ResNet20(), torch.randn(4, 3, 32, 32), torch.arange(4))
    assert result.layer.tolist() == [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]
