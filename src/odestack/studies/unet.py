"""A U-Net that denoises CIFAR-10, its stacks wired as methods of order 1, 2 and 4 (half of claim C13).

Gaussian noise has a standard deviation of 25 grey levels, and that of the test images is the same in every evaluation.
Parameters and multiplications are equal. At depth 48 each of the five stacks has four branches: four steps of Euler's
method, two of midpoint, one of RK4.
"""

from collections.abc import Sequence

import pandas as pd

from odestack.lab.profiles import profile_base
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.lab.unet_config import UNetConfig
from odestack.studies.frame import over_seeds, recipe, tidy

TITLE = "U-Net"
SCHEMES = ("euler", "midpoint", "rk4")
SEEDS = (0, 1)
WIDTH = {"smoke": 4, "cpu": 8, "gpu": 32}


def jobs(profile: str) -> list[Job]:
    """Three methods. The final weights of seed 0 are kept at cpu, to draw what they make of images."""
    shared = recipe(profile_base(profile))

    def arms(seed: int) -> list[UNetConfig]:
        return [UNetConfig(scheme=scheme, width=WIDTH[profile], seed=seed, **shared) for scheme in SCHEMES]

    return over_seeds(arms, SEEDS, profile, "final" if profile == "cpu" else "nothing")


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, the results of ``frame.tidy`` but for accuracy, psnr (dB) and ssim on the test images.

    Losses are mean squared errors of normalised pixels. psnr and ssim are None if the run diverged.
    """
    frame = tidy(records, "scheme").drop(columns="accuracy")
    for score in ("psnr", "ssim"):
        values = [record.final.get(f"test_{score}") if record.status == "done" else None for record in records]
        frame[score] = pd.Series(values, dtype=float, index=frame.index)
    return frame
