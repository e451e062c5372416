"""What all networks have in common: a stem, blocks in a row, a head."""

from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor, nn

CLASSES = 10
"""Of CIFAR-10."""


class Network(nn.Module):
    """Images (B, 3, 32, 32) -> logits (B, 10).

    Every block has ``branches``, and says how many ``additions`` of a scaled feature map to another it makes.

    Attributes:
        compiles: whether torch.compile is of use to networks of this class.
    """

    compiles: ClassVar[bool] = True
    stem: nn.Sequential
    blocks: nn.Sequential
    head: nn.Sequential

    def branches(self) -> Iterator[nn.Sequential]:
        """All branches, from stem to head."""
        for block in self.blocks:
            yield from block.branches  # type: ignore[misc]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)))

    def initialise(self) -> None:
        """He initialisation by fan-in (He et al. 2015), as in the released HO-ResNet code."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def stem(width: int, *, stride: int = 2, batch_norm: bool = True) -> nn.Sequential:
    """Images (B, 3, H, W) -> (B, width, H / stride, W / stride): 3x3 convolution, batch norm, ReLU."""
    convolution = nn.Conv2d(3, width, 3, stride=stride, padding=1, bias=not batch_norm)
    return nn.Sequential(convolution, *([nn.BatchNorm2d(width)] if batch_norm else []), nn.ReLU())


def head(width: int, *, norm: bool = True) -> nn.Sequential:
    """(B, width, H, W) -> logits (B, 10): batch norm and ReLU if asked for, average pooling, linear layer."""
    before = [nn.BatchNorm2d(width), nn.ReLU()] if norm else []
    return nn.Sequential(*before, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, CLASSES))
