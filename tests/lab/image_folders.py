"""A small folder of images in ImageNet's layout, and the run on it that the tests repeat."""

from pathlib import Path

import numpy as np
from PIL import Image

from odestack.lab.environment import best_precision
from odestack.lab.imagenet_config import ImageNetConfig

OPTIONS = ("--scheme", "midpoint", "--depth", "50", "--width", "4", "--pixels", "32", "--batch", "8", "--epochs", "4")


def config(processes: int) -> ImageNetConfig:
    """What the command makes of ``OPTIONS`` and the folder."""
    return ImageNetConfig(
        scheme="midpoint",
        depth=50,
        width=4,
        pixels=32,
        batch=8,
        epochs=4,
        lr=0.1 * 8 / 256,
        images=30,
        classes=2,
        processes=processes,
        precision=best_precision(),
    )


def write(folder: Path) -> None:
    """Two classes that differ in brightness: 30 images to train on, 9 to test on, of different sizes."""
    random = np.random.default_rng(0)
    for split, count in (("train", 30), ("val", 9)):
        for i in range(count):
            place = folder / split / f"class{i % 2}"
            place.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(0, 128, (40 + i, 50, 3)) + 127 * (i % 2)
            Image.fromarray(pixels.astype(np.uint8)).save(place / f"{i}.JPEG")
