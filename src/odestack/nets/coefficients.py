"""The coefficients that a network computes or learns, block by block."""

import torch
from torch import Tensor

from odestack.nets.adaptive import AdaptiveBlock
from odestack.nets.multistep import LMStack
from odestack.nets.network import Network


@torch.no_grad()
def coefficients(network: Network, images: Tensor) -> list[float]:
    """The mean s or w of each adaptive block over the images, or the k_n of each step of LM-ResNet; [] without any.

    The network stays in its mode, so in training mode batch normalisation uses the images and updates its running
    statistics.

    Args:
        network: any.
        images: (B, 3, 32, 32), normalised.
    """
    if not any(isinstance(block, AdaptiveBlock | LMStack) for block in network.blocks):
        return []
    found: list[float] = []
    x = network.stem(images)
    for block in network.blocks:
        if isinstance(block, AdaptiveBlock):
            x, of_images = block.step(x)
            found.append(of_images.float().mean().item())
        else:
            x = block(x)
        if isinstance(block, LMStack):
            found += block.weights.tolist()
    return found
