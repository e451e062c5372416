r"""RepVGG branches wired as a method, their fold into one convolution, and where folding stops.

A RepVGG block (Ding et al. 2021, *RepVGG: Making VGG-style ConvNets Great Again*) trains three parallel paths and runs
as one convolution: a sum of convolutions is a convolution, and batch norm with running statistics is an affine map of
each channel.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from odestack.methods.tableau import Tableau
from odestack.nets.network import Network, head, stem
from odestack.nets.resnet import block_count
from odestack.nets.stack import stack


class Paths(nn.Module):
    """Sum of a 3x3 convolution, a 1x1 convolution and the identity, each with batch norm; keeps (B, width, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv3 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.conv1 = nn.Conv2d(width, width, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        norm3, norm1, norm0 = self.norms
        return norm3(self.conv3(x)) + norm1(self.conv1(x)) + norm0(x)

    def fold(self) -> nn.Conv2d:
        """The 3x3 convolution with bias that computes the same with running statistics."""
        kernels = [
            self.conv3.weight,
            F.pad(self.conv1.weight, (1, 1, 1, 1)),
            nn.init.dirac_(torch.empty_like(self.conv3.weight)),
        ]
        terms = []
        for kernel, norm in zip(kernels, self.norms, strict=True):
            term = copy.deepcopy(self.conv3)
            term.weight = nn.Parameter(kernel.detach())
            terms.append(fuse_conv_bn_eval(term, norm))  # type: ignore[arg-type]
        total = terms[0]
        total.weight = nn.Parameter(torch.stack([term.weight for term in terms]).sum(0))
        total.bias = nn.Parameter(torch.stack([term.bias for term in terms]).sum(0))
        return total


def branch(width: int, *, relu: bool = True) -> nn.Sequential:
    """RepVGG's sum of paths behind a ReLU, as a branch that keeps (B, width, H, W).

    In RepVGG every sum of paths is followed by a ReLU. Here that ReLU stands before the next sum, where a stage starts
    from a combination of earlier ones. As states are not negative after the ReLU of a step, an Euler block is RepVGG's
    block with one more, plain, identity path.

    Args:
        width: channels.
        relu: False leaves an affine branch, the case in which stages fold into each other.
    """
    return nn.Sequential(*([nn.ReLU()] if relu else []), Paths(width))


class RepVGG(Network):
    """Images (B, 3, 32, 32) -> logits (B, 10): the single-stage network of ``resnet`` with RepVGG branches.

    Args:
        tableau: the method.
        depth: number of weight layers when folded, 2 + stages x blocks.
        width: channels.
        h: step size.

    Raises:
        ValueError: the depth does not divide; the message names the nearest depths that do.
    """

    def __init__(self, tableau: Tableau, depth: int, width: int, *, h: float = 1.0) -> None:
        super().__init__()
        blocks, _ = block_count(tableau, depth, "conv1")
        self.stem = stem(width)
        self.blocks = stack(tableau, [branch(width) for _ in range(blocks * len(tableau.used_stages))], h=h)
        self.head = head(width)
        self.initialise()


def folded(network: RepVGG) -> RepVGG:
    """A copy for inference, in which every branch is one convolution, and the stem too.

    The batch norm of the head stays: it follows the last addition, not a convolution.

    Raises:
        ValueError: the network is in training mode, whose batch statistics do not fold.
    """
    _check_inference(network)
    other = copy.deepcopy(network)
    for each in other.branches():
        each[-1] = each[-1].fold()  # type: ignore[operator]
    convolution, norm, relu = other.stem
    other.stem = nn.Sequential(fuse_conv_bn_eval(convolution, norm), relu)  # type: ignore[arg-type]
    return other.requires_grad_(False)


@torch.no_grad()
def impulse_convolution(module: nn.Module, channels: int, radius: int) -> nn.Conv2d:
    """The only convolution of kernel 2 radius + 1, with bias, that can equal the module away from the border.

    Its kernel is the module's answer to an impulse in each channel, its bias the answer to zero. A module that is a
    convolution is that one; any other differs from it.

    Args:
        module: keeps (B, channels, H, W), in inference mode.
        channels: of the input and of the output.
        radius: how many pixels away an output can depend on an input: the number of 3x3 convolutions in a row.

    Raises:
        ValueError: the module is in training mode, or keeps no shape.
    """
    _check_inference(module)
    size = 2 * radius + 1
    like = next(module.parameters())
    impulses = torch.zeros(channels + 1, channels, size, size, dtype=like.dtype, device=like.device)
    impulses[range(channels), range(channels), radius, radius] = 1.0
    answers = module(impulses)
    if answers.shape != impulses.shape:
        raise ValueError(f"the module maps {tuple(impulses.shape)} to {tuple(answers.shape)}; it must keep the shape")
    kernel = (answers[:-1] - answers[-1]).transpose(0, 1).flip(2, 3)
    convolution = nn.Conv2d(channels, channels, size, padding=radius, dtype=like.dtype, device=like.device).eval()
    convolution.weight.copy_(kernel)
    convolution.bias.copy_(answers[-1, :, radius, radius])  # type: ignore[union-attr]
    return convolution


class Residuals(NamedTuple):
    """How far a module is from a convolution, relative to its largest output.

    Attributes:
        kernel: side of the kernel.
        inside: largest difference to ``impulse_convolution`` where no stage reads beyond the border.
        border: the same on the other pixels. Between stages the border is padded with zeros, not with what the stage
            would be there, so that even affine stages fold only inside. NaN if there are no such pixels.
        additivity: largest ``|f(x) + f(y) - f(x + y) - f(0)|``. Not zero: no convolution, of whatever kernel.
    """

    kernel: int
    inside: float
    border: float
    additivity: float


@torch.no_grad()
def across_stages(module: nn.Module, x: Tensor, radius: int) -> Residuals:
    """What folding the whole module, a step or a stack of steps, into one convolution would get wrong.

    Args:
        module: keeps (B, C, H, W), in inference mode, without padding other than zeros.
        x: (B, C, H, W) with two images or more, H and W at least 2 radius; y is the same batch shifted by one image.
        radius: as in ``impulse_convolution``.

    Raises:
        ValueError: the module is in training mode, keeps no shape, or x is too small.
    """
    margin = radius - 1
    if len(x) < 2 or min(x.shape[2:]) < 2 * radius:
        raise ValueError(f"x has shape {tuple(x.shape)}; it needs two images of {2 * radius} x {2 * radius} or more")
    convolution = impulse_convolution(module, x.shape[1], radius)
    y, output = x.roll(1, 0), module(x)
    scale = output.abs().max()
    difference = (convolution(x) - output).abs() / scale
    inner = torch.zeros_like(difference, dtype=torch.bool)
    inner[..., margin : x.shape[2] - margin, margin : x.shape[3] - margin] = True
    additivity = (output + module(y) - module(x + y) - module(torch.zeros_like(x))).abs().max() / scale
    border = difference[~inner].max().item() if margin else float("nan")
    return Residuals(2 * radius + 1, difference[inner].max().item(), border, additivity.item())


def _check_inference(module: nn.Module) -> None:
    if module.training:
        raise ValueError("only running statistics fold, not those of a batch: call eval() first")
