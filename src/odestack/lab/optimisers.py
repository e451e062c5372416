"""AdamW, for the networks that stochastic gradient descent does not suit."""

import torch
from torch import nn

from odestack.lab.config import RunConfig

SECOND_BETA = 0.999


def check_adamw(config: RunConfig) -> None:
    """Raises ValueError: what stochastic gradient descent allows and AdamW does not."""
    if config.momentum == 1:
        raise ValueError("momentum is 1, but AdamW, which divides by 1 minus its powers, needs less")


def adamw(config: RunConfig, network: nn.Module) -> torch.optim.AdamW:
    """With the config's rate and decoupled weight decay; its momentum is the first beta."""
    betas = (config.momentum, SECOND_BETA)
    return torch.optim.AdamW(
        network.parameters(), lr=config.lr, betas=betas, weight_decay=config.weight_decay, fused=True
    )
