"""Size of the state and of the gradient from block to block, at initialisation above all."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from odestack.nets.network import Network


class Signal(NamedTuple):
    """Three arrays of shape (blocks + 1,), before the first block and after every block (a multistep stack is one).

    Attributes:
        layer: convolutions passed so far, the stem's included.
        state: root mean square of the state.
        gradient: 2-norm of the derivative of the loss by the state.
    """

    layer: Tensor
    state: Tensor
    gradient: Tensor


def signal(network: Network, images: Tensor, labels: Tensor) -> Signal:
    """Of the cross-entropy of one batch: images (B, 3, 32, 32) normalised, labels (B,).

    The network stays in its mode: in training mode, batch normalisation uses the batch and updates its
    running statistics.
    """
    states = [network.stem(images)]
    layer = [1]
    for block in network.blocks:
        states.append(block(states[-1]))
        convolutions = sum(isinstance(module, torch.nn.Conv2d) for module in block.modules())
        layer.append(layer[-1] + convolutions)
    loss = F.cross_entropy(network.head(states[-1]), labels)
    gradients = torch.autograd.grad(loss, states)
    return Signal(
        torch.tensor(layer),
        torch.stack([state.detach().square().mean().sqrt() for state in states]),
        torch.stack([gradient.norm() for gradient in gradients]),
    )
