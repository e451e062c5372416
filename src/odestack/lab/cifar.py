"""CIFAR-10, whole in memory as uint8, augmented in whole batches on the device."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

MEAN = (0.49140, 0.48216, 0.44653)
STD = (0.24703, 0.24349, 0.26159)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGE_BYTES = 3 * 32 * 32
DATA = Path(os.environ.get("ODESTACK_DATA") or Path(__file__).resolve().parents[3] / "data")
CIFAR_FILE = DATA / "cifar10" / "cifar10.bin"
MINI_FOLDER = DATA / "mini-cifar10"


class DataError(RuntimeError):
    """The data set is missing, damaged, or could not be fetched."""


@dataclass(frozen=True)
class Dataset:
    """Sizes, and the SHA-256 of train images (N, 3, 32, 32), train labels, test images, test labels in that order."""

    n_train: int
    n_test: int
    sha256: str

    @property
    def bytes(self) -> int:
        return (self.n_train + self.n_test) * (IMAGE_BYTES + 1)


DATASETS = {
    "cifar10": Dataset(50_000, 10_000, "32e5966899bde482c0ef7d076bf69809b4b1488c806f657a814cfca4646ec493"),
    "mini-cifar10": Dataset(2_000, 1_000, "61faa902807289abd9f282065349f4c24c1f93fa0cb5f8053a1106b579c481dd"),
}


@dataclass(frozen=True)
class Split:
    """Images (N, 3, 32, 32) uint8 and labels (N) int64, on one device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))


def load(name: str = "cifar10") -> tuple[Split, Split]:
    """Train and test split. The images of CIFAR-10 are memory-mapped, so processes share one copy.

    Raises:
        DataError: a file is missing or damaged.
    """
    dataset = DATASETS[name]
    if name == "mini-cifar10":
        data = torch.from_numpy(np.concatenate([array.ravel() for array in read_sheets(MINI_FOLDER)]))
    elif not CIFAR_FILE.exists():
        raise DataError(f"{CIFAR_FILE} is missing: run `odestack data` (or `make data`) to fetch it")
    else:
        if CIFAR_FILE.stat().st_size != dataset.bytes:
            raise DataError(f"{CIFAR_FILE} is damaged (wrong size): run `odestack data` to fetch it again")
        data = torch.from_file(str(CIFAR_FILE), size=dataset.bytes, dtype=torch.uint8)
        if checksum([data.numpy()]) != dataset.sha256:
            raise DataError(f"{CIFAR_FILE} is damaged (wrong checksum): run `odestack data` to fetch it again")
    sizes = [dataset.n_train * IMAGE_BYTES, dataset.n_train, dataset.n_test * IMAGE_BYTES, dataset.n_test]
    train, train_labels, test, test_labels = data.split(sizes)
    return (
        Split(train.view(-1, 3, 32, 32), train_labels.long()),
        Split(test.view(-1, 3, 32, 32), test_labels.long()),
    )


def read_sheets(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The arrays of mini-cifar10, checked against its checksum.

    Raises:
        DataError: a file is missing or damaged.
    """
    try:
        labels = json.loads((folder / "labels.json").read_text())
        arrays = (
            decode_sheet(folder / "train.png"),
            np.array(labels["train"], dtype=np.uint8),
            decode_sheet(folder / "test.png"),
            np.array(labels["test"], dtype=np.uint8),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError, SyntaxError) as error:  # as Pillow raises
        raise DataError(f"{folder} is damaged ({error}): restore it with `git checkout data/mini-cifar10`") from None
    if checksum(arrays) != DATASETS["mini-cifar10"].sha256:
        raise DataError(f"{folder} is damaged (wrong checksum): restore it with `git checkout data/mini-cifar10`")
    return arrays


def decode_sheet(file: Path | IO[bytes]) -> np.ndarray:
    """A PNG of N rows and 1,024 RGB columns, one image a row -> uint8 (N, 3, 32, 32)."""
    pixels = np.asarray(Image.open(file).convert("RGB"))
    return pixels.reshape(len(pixels), 32, 32, 3).transpose(0, 3, 1, 2)


def checksum(arrays: Sequence[np.ndarray]) -> str:
    """SHA-256 of uint8 arrays, one after the other."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array, dtype=np.uint8).data)
    return digest.hexdigest()


def normalise(images: Tensor) -> Tensor:
    """uint8 (B, 3, 32, 32) -> float32, zero mean and unit variance per channel of the training set, channels last."""
    mean = torch.tensor(MEAN, device=images.device).view(3, 1, 1) * 255
    std = torch.tensor(STD, device=images.device).view(3, 1, 1) * 255
    return images.float().sub_(mean).div_(std).contiguous(memory_format=torch.channels_last)


def pixels(images: Tensor) -> Tensor:
    """What ``normalise`` made of uint8 images, as numbers from 0 to 1."""
    mean, std = (torch.tensor(values, device=images.device).view(3, 1, 1) for values in (MEAN, STD))
    return images * std + mean


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Random crop with zero padding 4 and horizontal flip of float images (B, C, H, W), one draw per image.

    The draws are made on the CPU, so they are the same on every device.
    """
    B, _, H, W = images.shape
    dy, dx = torch.randint(0, 9, (2, B), generator=generator).to(images.device)
    flip = torch.randint(0, 2, (B,), generator=generator).bool().to(images.device)
    rows = torch.arange(H, device=images.device) + dy[:, None]  # (B, H)
    columns = torch.arange(W, device=images.device)
    columns = torch.where(flip[:, None], columns.flip(0), columns) + dx[:, None]  # (B, W)
    padded = F.pad(images, (4, 4, 4, 4)).permute(0, 2, 3, 1)
    batch = torch.arange(B, device=images.device)[:, None, None]
    return padded[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def batches(
    split: Split, size: int, *, order: Tensor, augmentation: torch.Generator | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Whole batches of normalised images and labels, in the given order; the incomplete last one is dropped."""
    for start in range(0, len(order) - size + 1, size):
        index = order[start : start + size]
        images = normalise(split.images[index])
        yield images if augmentation is None else augment(images, augmentation), split.labels[index]
