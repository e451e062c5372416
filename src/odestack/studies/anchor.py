"""ResNet-20 by the recipe of He et al., as an outside check that the engine trains as others do. Of no claim.

The recipe (He et al. 2016, *Deep Residual Learning for Image Recognition*, section 4.2): all 50,000 images, batches of
128, 64,000 steps, rate 0.1 divided by 10 after 32,000 and 48,000, momentum 0.9, weight decay 1e-4, crops with padding
4 and flips. Three things differ: they subtract the mean of each pixel, we normalise each channel; we drop an epoch's
incomplete last batch; and they had two GPUs, between which a batch was divided. Arithmetic is fp32, as theirs. It runs
at the profile gpu only.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from odestack.lab.config import RunConfig
from odestack.lab.profiles import profile_base
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.studies.frame import over_seeds, tidy

TITLE = "An outside check"
SEEDS = (0, 1, 2, 3, 4)
STEPS = 64_000
PUBLISHED = 91.25
"""Test accuracy in percent: table 6 of He et al. (2016) gives an error of 8.75 %."""
SOURCE = "he2016"
"""Key of the paper in ``book/references.bib``."""


def jobs(profile: str) -> list[Job]:
    """Five seeds at the profile gpu; at smoke one, of a few steps; none at cpu."""
    if profile == "cpu":
        return []
    smoke = profile == "smoke"
    base = RunConfig(
        architecture="resnet20",
        depth=20,
        width=16,
        dataset=profile_base(profile).dataset,
        batch=profile_base(profile).batch if smoke else 128,
        steps=profile_base(profile).steps if smoke else STEPS,
        lr=0.1,
        schedule="divided",
        weight_decay=1e-4,
    )
    return over_seeds(lambda seed: [replace(base, seed=seed)], SEEDS, profile)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: architecture, and the results of ``frame.tidy``."""
    return tidy(records, "architecture")
