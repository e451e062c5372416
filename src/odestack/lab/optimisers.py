"""AdamW, for the networks that stochastic gradient descent does not suit."""

import torch
from torch import nn

from odestack.lab.config import RunConfig

SECOND_BETA = 0.999


def adamw(config: RunConfig, network: nn.Module) -> torch.optim.AdamW:
    """With the config's rate and decoupled weight decay; its momentum is the first beta."""
    betas = (config.momentum, SECOND_BETA)
    return torch.optim.AdamW(
        network.parameters(), lr=config.lr, betas=betas, weight_decay=config.weight_decay, fused=True
    )
