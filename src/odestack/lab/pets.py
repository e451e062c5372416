"""The Oxford-IIIT pets (Parkhi et al. 2012): photographs of cats and dogs, and which pixels belong to the animal."""

from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from odestack.lab.cifar import DATA, DataError, Split

if TYPE_CHECKING:
    from torchvision.datasets import OxfordIIITPet

NAME = "oxford-iiit-pet"
N_TRAIN, N_TEST = 3_680, 3_669
SIDE = 128
"""Pixels along the side to which images and masks are scaled."""
CLASSES = ("animal", "background", "border")
"""The classes of a mask, in the order of their numbers; the files count from 1."""


def load() -> tuple[Split, Split]:
    """Train and test split; the labels are masks (N, SIDE, SIDE) int64. Downloaded by torchvision on first use.

    Raises:
        DataError: they are not there and could not be fetched.
    """
    from torchvision.datasets import OxfordIIITPet

    try:
        train, test = (OxfordIIITPet(DATA, split, "segmentation", download=True) for split in ("trainval", "test"))
    except (OSError, RuntimeError) as error:
        raise DataError(f"the data set {NAME} is not in {DATA / NAME} and could not be fetched ({error})") from None
    return _split(train), _split(test)


def _split(pets: "OxfordIIITPet") -> Split:
    pairs = [_scaled(*pets[i]) for i in range(len(pets))]
    images, masks = zip(*pairs, strict=True)
    return Split(torch.stack(images), torch.stack(masks))


def _scaled(image: Image.Image, mask: Image.Image) -> tuple[Tensor, Tensor]:
    """uint8 (3, SIDE, SIDE), and int64 (SIDE, SIDE) from 0."""
    from torchvision.transforms.functional import pil_to_tensor

    size = (SIDE, SIDE)
    shown = pil_to_tensor(image.resize(size, Image.Resampling.BILINEAR))
    return shown, pil_to_tensor(mask.resize(size, Image.Resampling.NEAREST))[0].long() - 1
