"""A U-Net whose encoder and decoder stages are stacks by a method."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from odestack.methods.tableau import Tableau
from odestack.nets import branch as branches
from odestack.nets.network import Network
from odestack.nets.stack import stack

LEVELS = 3
"""Resolutions: the images', its half and its quarter, at one, two and four times the width."""

STACKS = 2 * LEVELS - 1
OTHER_LAYERS = 2 + 3 * (LEVELS - 1)
"""Stem, head, and for each change of resolution the convolutions down, up and after the concatenation."""


def stack_branches(tableau: Tableau, depth: int) -> int:
    """Branches of every stack in a U-Net of so many layers, counted along its longest path.

    Raises:
        ValueError: the depth does not divide; the message names the nearest depths that do.
    """
    stages = len(tableau.used_stages)
    layers = STACKS * branches.layers("conv2") * stages
    steps, rest = divmod(depth - OTHER_LAYERS, layers)
    if steps < 1 or rest:
        near = [OTHER_LAYERS + k * layers for k in (steps, steps + 1) if k > 0] or [OTHER_LAYERS + layers]
        named = f"{'depths are' if len(near) > 1 else 'depth is'} {' and '.join(map(str, near))}"
        raise ValueError(f"depth {depth} is not {OTHER_LAYERS} + {layers}k: nearest {tableau.name} {named}")
    return steps * stages


class Level(nn.Module):
    """Encoder stack, everything at lower resolutions, decoder stack; keeps (B, width, H, W).

    Down is a 3x3 convolution of stride 2 to twice the width, up a transposed 2x2 convolution of stride 2. What comes up
    is concatenated with the encoder's output, and a 3x3 convolution brings both back to the width, as in Ronneberger
    et al. (2015). Batch norm and ReLU follow these three. The lowest level is one stack.

    Args:
        tableau: the method of every stack.
        width: channels at this level.
        count: branches of every stack.
        levels: this one and those below.
        h: step size.

    Raises:
        ValueError: the branches do not divide into steps; the message names the nearest numbers that do.
    """

    def __init__(self, tableau: Tableau, width: int, count: int, levels: int, h: float) -> None:
        super().__init__()

        def stage() -> nn.Sequential:
            return stack(tableau, [branches.branch("conv2", width) for _ in range(count)], h=h)

        self.encoder = stage()
        self.lower = None
        if levels > 1:
            self.down = _normed(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False))
            self.lower = Level(tableau, 2 * width, count, levels - 1, h)
            self.up = _normed(nn.ConvTranspose2d(2 * width, width, 2, stride=2, bias=False))
            self.merge = _normed(nn.Conv2d(2 * width, width, 3, padding=1, bias=False))
            self.decoder = stage()

    def forward(self, x: Tensor) -> Tensor:
        x = self.encoder(x)
        if self.lower is None:
            return x
        below = self.up(self.lower(self.down(x)))
        return self.decoder(self.merge(torch.cat([x, below], 1)))

    @property
    def steps(self) -> Iterator[nn.Module]:
        """The blocks of all stacks, in the order in which they run."""
        yield from self.encoder
        if self.lower is not None:
            yield from self.lower.steps
            yield from self.decoder

    @property
    def branches(self) -> Iterator[nn.Module]:
        """Those of all stacks, in the order in which they run."""
        for block in self.steps:
            yield from block.branches  # type: ignore[misc]

    @property
    def additions(self) -> int:
        """Of a scaled feature map to another, in all stacks."""
        return sum(block.additions for block in self.steps)  # type: ignore[misc]


class UNet(Network):
    """Images (B, 3, H, W) -> maps (B, outputs, H, W), with H and W multiples of 4.

    A 3x3 convolution with batch norm and ReLU, the levels, batch norm and ReLU, and a 1x1 convolution.

    Args:
        tableau: the method.
        count: residual branches (two 3x3 convolutions each) of every one of the five stacks.
        width: channels at full resolution.
        h: step size.
        outputs: channels of a map: 3 for denoising, the number of classes for segmentation.

    Raises:
        ValueError: the branches do not divide into steps (the message names the nearest numbers that do), or, when
            called, the size of the images does not divide by 4.
    """

    def __init__(self, tableau: Tableau, count: int, width: int, *, h: float = 1.0, outputs: int = 3) -> None:
        super().__init__()
        self.stem = _normed(nn.Conv2d(3, width, 3, padding=1, bias=False))
        self.blocks = nn.Sequential(Level(tableau, width, count, LEVELS, h))
        self.head = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, outputs, 1))
        self.initialise()

    def forward(self, x: Tensor) -> Tensor:
        H, W = x.shape[2:]
        if H % 2 ** (LEVELS - 1) or W % 2 ** (LEVELS - 1):
            raise ValueError(
                f"images of {H} x {W} pixels do not divide by {2 ** (LEVELS - 1)}, which {LEVELS} levels need"
            )
        return super().forward(x)


def denoise(network: UNet, noisy: Tensor) -> Tensor:
    """The image (B, 3, H, W) without the noise that the network finds in it (Zhang et al. 2017, *DnCNN*)."""
    return noisy - network(noisy)


def _normed(convolution: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU())
