"""Runs of the vision transformer."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from odestack.lab.config import WIRING, RunConfig
from odestack.lab.optimisers import adamw, check_adamw
from odestack.methods.tableau import Tableau
from odestack.nets.stack import step_count
from odestack.nets.vit import EXPANSION, TOKENS, ViT


@dataclass(frozen=True)
class ViTConfig(RunConfig):
    """A run of ``nets.vit.ViT`` by AdamW.

    Attributes:
        depth: pairs of attention and MLP, as is usual for transformers.
        width: of a token.
        heads: of the attention.
        lr, momentum, weight_decay: of AdamW (``optimisers.adamw``).

    Raises:
        ConfigError: a value is out of range, or a field that the transformer does not have was set.
    """

    ARCHITECTURES: ClassVar[tuple[str, ...]] = ("vit",)

    depth: int = 12
    width: int = 48
    lr: float = 1e-3
    weight_decay: float = 0.05
    architecture: str = "vit"
    heads: int = 4

    def _check_wiring(self, method: Tableau) -> None:
        self._require_defaults(set(WIRING) - {"scheme", "tableau", "depth", "width", "h"})
        check_adamw(self)
        if not isinstance(self.heads, int) or isinstance(self.heads, bool) or self.heads < 1 or self.width % self.heads:
            raise ValueError(f"heads is {self.heads!r}, not a number of heads that divides the width {self.width}")
        try:
            step_count(method, self.depth)
        except ValueError as error:
            raise ValueError(f"depth: {error}") from None

    def network(self) -> ViT:
        """The network, initialised from torch's global generator."""
        return ViT(self.method(), self.depth, self.width, heads=self.heads, h=self.h)

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return adamw(self, network)

    @property
    def work(self) -> float:
        """Multiply-accumulates of the pairs, in the unit of ``RunConfig.work``."""
        linear = TOKENS * (4 + 2 * EXPANSION) * self.width**2
        attention = 2 * TOKENS**2 * self.width
        return self.total_steps * self.batch * self.depth * (linear + attention) / (9 * 16 * 16)
