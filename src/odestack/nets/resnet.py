"""The single-stage CIFAR network: stem, blocks of one method, head."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from odestack.methods.catalogue import METHODS
from odestack.methods.tableau import Tableau
from odestack.nets import branch as branches
from odestack.nets.adaptive import AdaptiveBlock, used
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.multistep import multistep_stack
from odestack.nets.network import Network, head, stem

DOWNSAMPLE = ("stem", "first")


def block_count(
    tableau: Tableau,
    depth: int,
    kind: str = "conv2",
    *,
    remainder: bool = False,
    adaptive: str | None = None,
) -> tuple[int, int]:
    """Blocks of the method, and Euler blocks that fill the rest, in a network of this depth.

    A network of depth d has a stem and a head, so d - 2 layers to share out: ``layers(kind)`` for each used stage.

    Raises:
        ValueError: the depth does not divide; the message names the nearest depths that do.
    """
    layers = branches.layers(kind)
    per_block = layers * used(tableau, adaptive).stages
    blocks, left = divmod(depth - 2, per_block)
    if blocks < 1 or (left and not remainder):
        lower = 2 + per_block * max(blocks, 1)
        near = f"{lower}" if blocks < 1 else f"{lower} and {lower + per_block}"
        raise ValueError(f"depth {depth} is not 2 + {per_block}k: nearest {tableau.name} depths are {near}")
    if left % layers:
        raise ValueError(f"depth {depth} leaves {left} layers, not a multiple of the {layers} of one {kind} branch")
    return blocks, left // layers


def branch_count(depth: int, kind: str = "conv2") -> int:
    """Branches of a network of this depth, which a multistep stack has in a row.

    Raises:
        ValueError: the depth does not divide; the message names the nearest depths that do.
    """
    layers = branches.layers(kind)
    count, left = divmod(depth - 2, layers)
    if left:
        near = " and ".join(str(near) for near in (depth - left, depth - left + layers) if near > 2)
        raise ValueError(f"depth {depth} is not 2 + {layers}k: nearest depths for branches of {kind} are {near}")
    return count


def check_multistep(name: str, *, downsample: str, remainder: bool, adaptive: str | None) -> None:
    """Raises ValueError on what a network that is one multistep stack cannot have."""
    if downsample != "stem":
        raise ValueError(
            f"downsample {downsample!r} does not fit multistep {name}, whose states have one size: use stem"
        )
    if remainder:
        raise ValueError(f"remainder does not fit multistep {name}, which leaves none")
    if adaptive is not None:
        raise ValueError(f"adaptive {adaptive!r} does not fit multistep {name}: choose one of the two")


class ResNet(Network):
    """Images (B, 3, 32, 32) -> logits (B, 10).

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
        adaptive: rule of ``adaptive.RULES`` by which the blocks of the method set their coefficients.
        multistep: name of ``multistep.STACKS``; all branches then form one such stack, which the method starts.

    Raises:
        ValueError: depth, kind, width, downsample, adaptive or multistep cannot be built; the message says what can.
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
        adaptive: str | None = None,
        multistep: str | None = None,
    ) -> None:
        super().__init__()
        if downsample not in DOWNSAMPLE:
            raise ValueError(f"downsample {downsample!r} does not exist; choose one of {', '.join(DOWNSAMPLE)}")
        if kind == "bottleneck" and width % 4:
            raise ValueError(f"width {width} does not divide by 4, which a bottleneck branch needs")
        self.stem = stem(width, stride=2 if downsample == "stem" else 1, batch_norm=batch_norm)
        branch = partial(branches.branch, kind, width, batch_norm=batch_norm)
        if multistep is None:
            count, euler_count = block_count(tableau, depth, kind, remainder=remainder, adaptive=adaptive)
            strides = [1 if downsample == "stem" else 2, *[1] * (count + euler_count - 1)]
            main = [_block(tableau, adaptive, branch, width, h, relu, stride) for stride in strides[:count]]
            rest = [_block(METHODS["euler"], None, branch, width, h, relu, stride) for stride in strides[count:]]
            self.blocks = nn.Sequential(*main, *rest)
        else:
            check_multistep(multistep, downsample=downsample, remainder=remainder, adaptive=adaptive)
            stages = [branch() for _ in range(branch_count(depth, kind))]
            self.blocks = nn.Sequential(multistep_stack(multistep, stages, start=tableau, h=h, relu=relu))
        self.head = head(width, norm=batch_norm and final_norm)
        self.initialise()
        if init_scale != 1.0:
            with torch.no_grad():
                for each in self.branches():
                    next(each[-1].parameters()).mul_(init_scale)


def _block(
    tableau: Tableau,
    rule: str | None,
    branch: Callable[..., nn.Module],
    width: int,
    h: float,
    relu: bool,
    stride: int,
) -> RungeKuttaBlock | AdaptiveBlock:
    stages = [branch(stride=stride if i == 0 else 1) for i in range(used(tableau, rule).stages)]
    if rule is None:
        return RungeKuttaBlock(tableau, stages, h=h, relu=relu, stride=stride)
    return AdaptiveBlock(tableau, stages, rule, width, h=h, relu=relu, stride=stride)
