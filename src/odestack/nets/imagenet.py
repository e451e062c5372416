"""torchvision's bottleneck ResNets for ImageNet, the repeated blocks of every stage rewired by a method."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import Tensor, nn

from odestack.methods.catalogue import METHODS
from odestack.methods.tableau import Tableau
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.network import Network

if TYPE_CHECKING:
    from torchvision.models import resnet

REPEATS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks of each of the four stages by depth (He et al. 2016). The first of a stage is its transition."""


class Wiring(NamedTuple):
    """How one stage is wired: its transition, the method's blocks, and the Euler blocks that are left over."""

    transition: int
    blocks: int
    remainder: int


def wiring(tableau: Tableau, depth: int) -> list[Wiring]:
    """That of the four stages.

    Raises:
        ValueError: there is no network of this depth, or none of its stages repeats a block as often as the method has
            stages.
    """
    if depth not in REPEATS:
        raise ValueError(f"depth {depth} is not one of {', '.join(map(str, REPEATS))}")
    stages = len(tableau.used_stages)
    most = max(REPEATS[depth]) - 1
    if stages > most:
        raise ValueError(f"depth {depth} repeats a block {most} times at most, but {tableau.name} uses {stages} stages")
    return [Wiring(1, *divmod(count - 1, stages)) for count in REPEATS[depth]]


class Transition(nn.Module):
    """The first block of a stage, with a projection as shortcut: (B, C, H, W) -> (B, C', H / stride, W / stride)."""

    additions = 1

    def __init__(self, block: "resnet.Bottleneck") -> None:
        super().__init__()
        assert block.downsample is not None
        self.branches = nn.ModuleList([residual(block)])
        self.shortcut = block.downsample

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.branches[0](x).add_(self.shortcut(x)))


class ImageNetResNet(Network):
    """Images (B, 3, H, W) -> logits (B, classes), H and W at least 32; ImageNet's usual size is 224.

    The layers are torchvision's, as torchvision initialises them. In every stage the blocks after the first are grouped
    into steps of the method; what does not fill a step stays Euler, which is how torchvision wires all of them. So
    parameters and multiplications are equal for all methods.

    Args:
        tableau: the method.
        depth: 50, 101 or 152 weight layers.
        width: channels of the first stage's 3x3 convolutions, torchvision's ``width_per_group``; 128 for the wide ones.
        classes: number of classes.

    Raises:
        ValueError: there is no network of this depth, or none of its stages repeats a block as often as the method has
            stages.
    """

    def __init__(self, tableau: Tableau, depth: int = 152, width: int = 64, *, classes: int = 1000) -> None:
        from torchvision.models import resnet  # slow to import, and configs of all architectures import this module

        super().__init__()
        self.wiring = wiring(tableau, depth)
        plain = resnet.ResNet(resnet.Bottleneck, [*REPEATS[depth]], num_classes=classes, width_per_group=width)
        self.stem = nn.Sequential(plain.conv1, plain.bn1, plain.relu, plain.maxpool)
        stages = (plain.layer1, plain.layer2, plain.layer3, plain.layer4)
        self.blocks = nn.Sequential(*(block for stage in stages for block in rewired(tableau, stage)))
        self.head = nn.Sequential(plain.avgpool, nn.Flatten(), plain.fc)


def rewired(tableau: Tableau, stage: nn.Sequential) -> Iterator[nn.Module]:
    """The stage's transition, its other blocks in steps of the method, and the rest in steps of Euler's."""
    transition, *repeated = cast("Iterator[resnet.Bottleneck]", stage)
    yield Transition(transition)
    size = len(tableau.used_stages)
    whole = len(repeated) - len(repeated) % size
    for first in range(0, whole, size):
        yield RungeKuttaBlock(tableau, map(residual, repeated[first : first + size]))
    for block in repeated[whole:]:
        yield RungeKuttaBlock(METHODS["euler"], [residual(block)])


def residual(block: "resnet.Bottleneck") -> nn.Sequential:
    """What the block adds to its shortcut: 1x1, 3x3 and 1x1 convolutions, batch norm after each, ReLU between them."""
    layers = (block.conv1, block.bn1, block.relu, block.conv2, block.bn2, block.relu, block.conv3, block.bn3)
    return nn.Sequential(*layers)
