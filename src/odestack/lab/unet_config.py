"""Runs of the U-Net, which denoises CIFAR-10 or segments pets."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from odestack.lab import pets
from odestack.lab.config import WIRING, RunConfig
from odestack.lab.optimisers import adamw, check_adamw
from odestack.methods.tableau import Tableau
from odestack.nets.branch import layers
from odestack.nets.unet import STACKS, UNet, stack_branches


@dataclass(frozen=True)
class UNetConfig(RunConfig):
    """A run of ``nets.unet.UNet`` that learns to find Gaussian noise in images.

    Attributes:
        depth: layers along the longest path, 8 of them outside the stacks.
        width: channels at full resolution.
        lr, momentum, weight_decay: of AdamW (``optimisers.adamw``).

    Raises:
        ConfigError: a value is out of range, or a field that the U-Net does not have was set.
    """

    ARCHITECTURES: ClassVar[tuple[str, ...]] = ("unet",)
    task: ClassVar[str] = "denoise"
    side: ClassVar[int] = 32
    """Pixels along the side of an image."""

    depth: int = 48
    width: int = 8
    lr: float = 0.01
    weight_decay: float = 0.0
    architecture: str = "unet"

    def _check_wiring(self, method: Tableau) -> None:
        self._require_defaults(set(WIRING) - {"scheme", "tableau", "depth", "width", "h"})
        check_adamw(self)
        stack_branches(method, self.depth)

    def network(self) -> UNet:
        """The network, initialised from torch's global generator. Noise and the masks of pets have three channels.

        The weights of the last layer start at zero, so that training starts from leaving the image as it is. From a
        random start it first learns to find nothing, and stays there for long.
        """
        network = UNet(self.method(), stack_branches(self.method(), self.depth), self.width, h=self.h)
        nn.init.zeros_(network.head[-1].weight)  # type: ignore[arg-type]
        return network

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return adamw(self, network)

    @property
    def work(self) -> float:
        """Multiply-accumulates of the branches, in the unit of ``RunConfig.work``; equal at all levels."""
        convolutions = STACKS * stack_branches(self.method(), self.depth) * layers("conv2")
        return self.total_steps * self.batch * convolutions * self.width**2 * (self.side / 16) ** 2


@dataclass(frozen=True)
class PetsConfig(UNetConfig):
    """The same network for the masks of the Oxford-IIIT pets. Not augmented: a crop would have to move the mask.

    Raises:
        ConfigError: as for ``UNetConfig``, or augmentation was asked for.
    """

    ARCHITECTURES: ClassVar[tuple[str, ...]] = ("unet-pets",)
    task: ClassVar[str] = "segment"
    DATASETS: ClassVar[tuple[str, ...]] = (pets.NAME,)
    side: ClassVar[int] = pets.SIDE

    dataset: str = pets.NAME
    augment: bool = False
    architecture: str = "unet-pets"

    def _check_wiring(self, method: Tableau) -> None:
        super()._check_wiring(method)
        self._require_defaults({"augment"})

    @property
    def available_images(self) -> int:
        return pets.N_TRAIN
