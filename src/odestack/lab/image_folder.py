"""ImageNet, or any other folder of images: ``DIR/train/CLASS/*.JPEG`` and ``DIR/val/CLASS/*.JPEG``."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.datasets import ImageFolder
from torchvision.models import ResNet152_Weights
from torchvision.transforms import v2

from odestack.lab.cifar import DataError

TEST = ResNet152_Weights.IMAGENET1K_V1.transforms


class Augmented(Dataset[tuple[Tensor, int]]):
    """Images under random views: a crop of 8 to 100 % of the area, a flip.

    Each image of each ``epoch`` has a stream of randomness of its own, so that views do not depend on how many
    processes train or load, nor on where a run was interrupted.
    """

    def __init__(self, folder: ImageFolder, seed: int) -> None:
        self.folder, self.seed, self.epoch = folder, seed, 0

    def __len__(self) -> int:
        return len(self.folder)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        (seed,) = np.random.SeedSequence([self.seed, self.epoch, index]).generate_state(1, np.uint64)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(seed))
            return self.folder[index]


def load(path: Path, pixels: int, seed: int) -> tuple[Augmented, ImageFolder]:
    """Training and test images (3, pixels, pixels), normalised, with torchvision's usual transforms for ImageNet.

    Raises:
        DataError: a folder is missing or has no images, or the two do not have the same classes.
    """
    test = TEST(crop_size=pixels, resize_size=round(pixels * 256 / 224))
    view = v2.Compose(
        [
            v2.RandomResizedCrop(pixels),
            v2.RandomHorizontalFlip(),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(test.mean, test.std),
        ]
    )
    folders = [_folder(path / "train", view), _folder(path / "val", test)]
    if folders[0].classes != folders[1].classes:
        raise DataError(f"{path}: train has {len(folders[0].classes)} classes and val {len(folders[1].classes)} others")
    return Augmented(folders[0], seed), folders[1]


def _folder(path: Path, transform: object) -> ImageFolder:
    try:
        return ImageFolder(str(path), transform)  # type: ignore[arg-type]
    except FileNotFoundError:
        raise DataError(
            f"{path} holds no images: it needs one folder a class, as torchvision.datasets.ImageNet(root, split) makes "
            "them from the archives of image-net.org"
        ) from None
