"""The same U-Net for the masks of the Oxford-IIIT pets, wired as methods of order 1, 2 and 4. Of no claim.

The data set has to be downloaded, and its images are sixteen times as large: it runs at the profile gpu only.
"""

from collections.abc import Sequence

import pandas as pd

from odestack.lab.profiles import profile_base
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.lab.unet_config import PetsConfig
from odestack.studies.frame import over_seeds, tidy

TITLE = "Segmentation"
SCHEMES = ("euler", "midpoint", "rk4")
SEEDS = (0, 1)
WIDTH, BATCH = 32, 32


def jobs(profile: str) -> list[Job]:
    """Three methods at the profile gpu; none at the others."""
    if profile != "gpu":
        return []
    base = profile_base(profile)

    def arms(seed: int) -> list[PetsConfig]:
        options = {"width": WIDTH, "batch": BATCH, "epochs": base.epochs, "precision": base.precision}
        return [PetsConfig(scheme=scheme, seed=seed, **options) for scheme in SCHEMES]

    return over_seeds(arms, SEEDS, profile)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: scheme, the results of ``frame.tidy`` but for accuracy, and iou on the test images.

    iou is the mean over images of the intersection over union, in percent, None if the run diverged.
    """
    frame = tidy(records, "scheme").drop(columns="accuracy")
    values = [record.final.get("test_iou") if record.status == "done" else None for record in records]
    return frame.assign(iou=pd.Series(values, dtype=float, index=frame.index))
