r"""A small vision transformer whose blocks are steps of a method.

The branch is what one pre-norm pair of attention and MLP adds to the tokens,

.. math:: f(x) = a + \mathrm{MLP}(x + a), \qquad a = \mathrm{Attention}(x),

each behind a layer norm, so that a step of Euler's method is the block of Dosovitskiy et al. (2021, *An image is worth
16x16 words*, equations 2 and 3). Attention as the first stage and MLP as the second would be a splitting of f into two
fields, not a Runge-Kutta method for one.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from odestack.methods.tableau import Tableau
from odestack.nets.network import CLASSES, Network
from odestack.nets.stack import stack

PATCH = 4
"""Side of a patch in pixels: 64 tokens an image of 32 x 32."""
TOKENS = (32 // PATCH) ** 2
EXPANSION = 2
"""Width of the MLP over that of the tokens."""


class Attention(nn.Module):
    """Multi-head self-attention, (B, N, width) -> (B, N, width)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, heads, N, width / heads)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Increment(nn.Module):
    """What one pair of attention and MLP adds to tokens (B, N, width)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), Attention(width, heads))
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, EXPANSION * width), nn.GELU(), nn.Linear(EXPANSION * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        a = self.attention(x)
        return a + self.mlp(x + a)


class Tokens(nn.Module):
    """Patches (B, width, H, W) -> tokens (B, H W, width), each with a learned vector of its position added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.zeros(TOKENS, width))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2) + self.position


class Mean(nn.Module):
    """Tokens (B, N, width) -> their mean (B, width)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


class ViT(Network):
    """Images (B, 3, 32, 32) -> logits (B, 10).

    Patches of 4 x 4 pixels, steps of the method on their tokens without a ReLU after the addition, layer norm, the mean
    of the tokens and a linear layer.

    Args:
        tableau: the method.
        pairs: pairs of attention and MLP in all, one a used stage of every step.
        width: of a token.
        heads: of the attention.
        h: step size.

    Raises:
        ValueError: the pairs do not divide into steps (the message names the nearest numbers that do), or the width
            does not divide by the heads.
    """

    def __init__(self, tableau: Tableau, pairs: int, width: int, *, heads: int = 4, h: float = 1.0) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"width {width} does not divide by {heads} heads: choose a multiple of the heads")
        self.stem = nn.Sequential(nn.Conv2d(3, width, PATCH, stride=PATCH), Tokens(width))
        self.blocks = stack(tableau, [Increment(width, heads) for _ in range(pairs)], h=h, relu=False)
        self.head = nn.Sequential(nn.LayerNorm(width), Mean(), nn.Linear(width, CLASSES))
        self.initialise()

    def initialise(self) -> None:
        """Normal weights of standard deviation 0.02, cut off at 2, and zero biases (Touvron et al. 2021, *DeiT*)."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, Tokens):
                nn.init.trunc_normal_(module.position, std=0.02)
