"""ResNet-20 as He et al. (2016, *Deep Residual Learning*, section 4.2) trained it on CIFAR-10."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from odestack.nets.block import shortcut
from odestack.nets.network import CLASSES, Network

WIDTHS = (16, 32, 64)
BLOCKS = 3
"""Blocks a stage: 6 n + 2 layers with n = 3."""


class BasicBlock(nn.Module):
    """ReLU of shortcut and branch, (B, inputs, H, W) -> (B, width, H / stride, W / stride).

    The branch is conv, batch norm, ReLU, conv, batch norm. The shortcut has no parameters (option A): it takes every
    ``stride``-th pixel and fills the new channels with zeros.
    """

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        branch = nn.Sequential(
            _convolution(inputs, width, stride),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            _convolution(width, width),
            nn.BatchNorm2d(width),
        )
        self.branches = nn.ModuleList([branch])
        self.new_channels, self.stride = width - inputs, stride

    def forward(self, x: Tensor) -> Tensor:
        start = F.pad(shortcut(x, self.stride), (0, 0, 0, 0, 0, self.new_channels))
        return torch.relu(start + self.branches[0](x))

    @property
    def additions(self) -> int:
        return 1


class ResNet20(Network):
    """Three stages of 16, 32 and 64 channels at 32, 16 and 8 pixels, three basic blocks each: 0.27 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        first, last = WIDTHS[0], WIDTHS[-1]
        self.stem = nn.Sequential(_convolution(3, first), nn.BatchNorm2d(first), nn.ReLU())
        self.blocks = nn.Sequential()
        inputs = first
        for width in WIDTHS:
            for _ in range(BLOCKS):
                self.blocks.append(BasicBlock(inputs, width, stride=width // inputs))
                inputs = width
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, CLASSES))
        self.initialise()


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
