"""What a network costs: parameters, multiplications, stage additions, evaluations of a branch."""

from dataclasses import dataclass

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
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
    """Count on a square image of so many pixels a side, with torch's own counter.

    One image goes through the network, on its own device, with running statistics. A network too large for that is
    built on the device "meta", where nothing is computed; a small one is counted several times faster on a real device.
    """
    training = network.training
    image = torch.zeros(1, 3, pixels, pixels, device=next(network.parameters()).device)
    attention = sdpa_kernel(SDPBackend.MATH)  # the counter knows matrix products, not every fused kernel
    try:
        with torch.no_grad(), attention, FlopCounterMode(display=False) as counter:
            network.eval()(image)
    finally:
        network.train(training)
    return Cost(
        parameters=sum(p.numel() for p in network.parameters()),
        macs=counter.get_total_flops() // 2,
        axpys=sum(block.additions for block in network.blocks),  # type: ignore[misc]
        evaluations=sum(1 for _ in network.branches()),
    )
