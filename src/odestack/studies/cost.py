"""What a network costs by the method it is wired as (claim C1). Counted, not trained.

The article's arithmetic at depth 50 is 2 + 2 x 24 = 2 + 4 x 12 = 2 + 8 x 6: stem and head, and then layers a
block times blocks. Depths 2 + 24k share out exactly for methods of 1, 2, 3 and 4 stages.
"""

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from odestack.lab.sweep import Job
from odestack.methods import catalogue
from odestack.nets import cost
from odestack.nets.branch import layers
from odestack.nets.resnet import ResNet, block_count
from odestack.studies import depth_by_order

TITLE = "Equal cost"


def jobs(profile: str) -> list[Job]:
    """None: nothing is trained."""
    return []


def table(
    width: int,
    depths: Sequence[int] = depth_by_order.DEPTHS,
    schemes: Sequence[str] = depth_by_order.SCHEMES,
) -> pd.DataFrame:
    """One row a network: scheme, stages, depth, width, blocks, arithmetic, and the fields of ``cost.Cost``.

    All counts are per image of 32 x 32. The last column, share, is multiplications in axpys over macs.

    Raises:
        ValueError: no such scheme, or the depth does not divide for it.
    """
    rows = []
    for depth in depths:
        for scheme in schemes:
            tableau = catalogue.get(scheme)
            stages = len(tableau.used_stages)
            blocks, _ = block_count(tableau, depth)
            counted = cost.cost(ResNet(tableau, depth, width))
            rows.append(
                {
                    "scheme": scheme,
                    "stages": stages,
                    "depth": depth,
                    "width": width,
                    "blocks": blocks,
                    "arithmetic": f"2 + {layers('conv2') * stages} × {blocks}",
                    **asdict(counted),
                    "share": counted.axpys * width * 16 * 16 / counted.macs,
                }
            )
    return pd.DataFrame(rows)
