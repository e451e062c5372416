"""The single-stage CIFAR network: stem, blocks of one method, head."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from odestack.methods.catalogue import METHODS
from odestack.methods.tableau import Tableau
from odestack.nets import branch as branches
from odestack.nets.block import RungeKuttaBlock

DOWNSAMPLE = ("stem", "first")


def block_count(tableau: Tableau, depth: int, kind: str = "conv2", *, remainder: bool = False) -> tuple[int, int]:
    """Blocks of the method, and Euler blocks that fill the rest, in a network of this depth.

    A network of depth d has a stem and a head, so d - 2 layers to share out: ``layers(kind)`` for each used stage.

    Raises:
        ValueError: the depth does not divide; the message names the nearest depths that do.
    """
    layers = branches.layers(kind)
    per_block = layers * len(tableau.used_stages)
    blocks, left = divmod(depth - 2, per_block)
    if blocks < 1 or (left and not remainder):
        lower = 2 + per_block * max(blocks, 1)
        near = f"{lower}" if blocks < 1 else f"{lower} and {lower + per_block}"
        raise ValueError(f"depth {depth} is not 2 + {per_block}k: nearest {tableau.name} depths are {near}")
    if left % layers:
        raise ValueError(f"depth {depth} leaves {left} layers, not a multiple of the {layers} of one {kind} branch")
    return blocks, left // layers


class ResNet(nn.Module):
    """Images (B, 3, 32, 32) -> logits (B, classes).

    Conv 3x3, batch norm and ReLU; blocks of one method at constant width; batch norm, ReLU, average pooling and a
    linear layer: the article's network with the head of a pre-activation network (He et al. 2016, *Identity
    mappings*). The single stride 2 is in the stem or in the first convolution of the first block.

    Args:
        tableau: the method.
        depth: number of weight layers, 2 + layers per branch x stages x blocks.
        width: channels.
        h: step size.
        kind: of the branches, a key of ``branch.KINDS``.
        relu: ReLU after each addition.
        downsample: "stem" or "first".
        remainder: fill with Euler blocks where the depth does not divide.
        batch_norm: in stem, branches and head.
        final_norm: batch norm and ReLU before the pooling. The released HO-ResNet code has none; the logits then grow
            with the state, and so with the number of blocks.
        init_scale: factor on the initial weights of the last convolution of every branch.
        classes: number of classes.

    Raises:
        ValueError: depth, kind, width or downsample cannot be built; the message says what can.
    """

    def __init__(
        self,
        tableau: Tableau,
        depth: int,
        width: int,
        *,
        h: float = 1.0,
        kind: str = "conv2",
        relu: bool = True,
        downsample: str = "stem",
        remainder: bool = False,
        batch_norm: bool = True,
        final_norm: bool = True,
        init_scale: float = 1.0,
        classes: int = 10,
    ) -> None:
        super().__init__()
        blocks, euler_blocks = block_count(tableau, depth, kind, remainder=remainder)
        if downsample not in DOWNSAMPLE:
            raise ValueError(f"downsample {downsample!r} does not exist; choose one of {', '.join(DOWNSAMPLE)}")
        if kind == "bottleneck" and width % 4:
            raise ValueError(f"width {width} does not divide by 4, which a bottleneck branch needs")
        stem_stride, first_stride = (2, 1) if downsample == "stem" else (1, 2)
        stem: list[nn.Module] = [nn.Conv2d(3, width, 3, stride=stem_stride, padding=1, bias=not batch_norm)]
        if batch_norm:
            stem.append(nn.BatchNorm2d(width))
        self.stem = nn.Sequential(*stem, nn.ReLU())
        self.blocks = nn.Sequential()
        for i, method in enumerate([tableau] * blocks + [METHODS["euler"]] * euler_blocks):
            stride = first_stride if i == 0 else 1
            stages = [
                branches.branch(kind, width, stride=stride if j == 0 else 1, batch_norm=batch_norm)
                for j in range(len(method.used_stages))
            ]
            self.blocks.append(RungeKuttaBlock(method, stages, h=h, relu=relu, stride=stride))
        norm = [nn.BatchNorm2d(width), nn.ReLU()] if batch_norm and final_norm else []
        self.head = nn.Sequential(*norm, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))
        self.initialise(init_scale)

    def initialise(self, init_scale: float) -> None:
        """He initialisation by fan-in (He et al. 2015), as in the released HO-ResNet code."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if init_scale != 1.0:
            with torch.no_grad():
                for each in self.branches():
                    next(each[-1].parameters()).mul_(init_scale)

    def branches(self) -> Iterator[nn.Sequential]:
        """All branches, from stem to head."""
        for block in self.blocks:
            yield from block.branches  # type: ignore[misc]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)))
