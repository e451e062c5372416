"""What a network costs: parameters, multiplications, stage additions, evaluations of a branch."""

import copy
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from odestack.nets.network import Network


@dataclass(frozen=True)
class Cost:
    """Per image.

    Attributes:
        parameters: trainable numbers.
        macs: multiply-accumulates of convolutions and the linear layer.
        axpys: additions of a scaled feature map to another, in stages and steps; not among the MACs.
        evaluations: branches computed (function evaluations).
    """

    parameters: int
    macs: int
    axpys: int
    evaluations: int


def cost(network: Network, pixels: int = 32) -> Cost:
    """Count on a square image of so many pixels a side, with torch's own counter, without computing a number."""
    shapes = copy.deepcopy(network).to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        shapes(torch.zeros(1, 3, pixels, pixels, device="meta"))
    return Cost(
        parameters=sum(p.numel() for p in network.parameters()),
        macs=counter.get_total_flops() // 2,
        axpys=sum(block.additions for block in network.blocks),  # type: ignore[misc]
        evaluations=sum(1 for _ in network.branches()),
    )
