"""The config of a ResNet on ImageNet, or on another folder of images, trained by several processes."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from odestack.lab import checks
from odestack.lab.config import WIRING, RunConfig
from odestack.methods.tableau import Tableau
from odestack.nets.cost import cost
from odestack.nets.imagenet import ImageNetResNet, wiring

CHOSEN = ("scheme", "tableau", "depth", "width")
"""Fields of ``WIRING`` that ``nets.imagenet.ImageNetResNet`` has."""
FIXED = {*WIRING, "augment", "n_train", "held_out"} - {*CHOSEN}


@dataclass(frozen=True)
class ImageNetConfig(RunConfig):
    """A run of ``nets.imagenet.ImageNetResNet`` by ``lab.distributed``. Depth is 50, 101 or 152.

    The rate is 0.1 for every 256 images of a batch, after a warm-up, as in Goyal et al. (2017); from there a cosine.
    Unlike them: a warm-up from zero, momentum that is not Nesterov's, weight decay on all parameters, and torchvision's
    initialisation of the last batch norm of a branch. ``batch`` counts the images of all processes.

    Attributes:
        images: training images in the folder.
        classes: classes in the folder.
        pixels: side of the square that is cut out of an image.
        processes: that train together. Each sees its part of a batch, over which its batch norm averages.
        warmup: epochs in which the rate grows linearly from zero to the schedule's.
    """

    ARCHITECTURES: ClassVar[tuple[str, ...]] = ("imagenet-resnet",)
    DATASETS: ClassVar[tuple[str, ...]] = ("image-folder",)

    architecture: str = "imagenet-resnet"
    dataset: str = "image-folder"
    depth: int = 152
    width: int = 64
    batch: int = 256
    weight_decay: float = 1e-4
    epochs: int = 90
    images: int = 1_281_167
    classes: int = 1000
    pixels: int = 224
    processes: int = 1
    warmup: int = 5

    def _check_wiring(self, method: Tableau) -> None:
        self._require_defaults(FIXED)
        for name, low in (("images", 2), ("classes", 2), ("pixels", 32), ("processes", 1), ("warmup", 0)):
            checks.whole(name, getattr(self, name), low)
        if self.batch % self.processes or self.batch < 2 * self.processes:
            raise ValueError(f"batch {self.batch} does not give {self.processes} processes equal parts of two or more")
        wiring(method, self.depth)

    @property
    def available_images(self) -> int:
        return self.images

    def learning_rate(self, step: int) -> float:
        """The schedule's, after a linear warm-up."""
        warmup = self.warmup * self.steps_per_epoch
        return super().learning_rate(step) * (1.0 if step >= warmup else (step + 1) / warmup)

    def network(self) -> ImageNetResNet:
        return ImageNetResNet(self.method(), self.depth, self.width, classes=self.classes)

    @property
    def work(self) -> float:
        with torch.device("meta"):  # shapes suffice to count
            macs = cost(self.network(), self.pixels).macs
        return self.total_steps * self.batch * macs / (9 * 16 * 16)
