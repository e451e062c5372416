"""Tables of studies in worlds whose truth is known."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from odestack import claims
from odestack.claims.verdicts import Claim, Finding, Rule
from odestack.lab.neural_ode_config import NeuralODEConfig
from odestack.methods import catalogue
from odestack.studies import (
    ablation,
    adaptive,
    branch_depth,
    depth_by_order,
    downsampling,
    headline,
    landscape,
    learning_rate,
    nesting,
    neural_ode,
    reparameterisation,
    transformer,
    tuned,
    unet,
)

Arm = dict[str, Any]
NORMED = {"relu": True, "batch_norm": True, "final_norm": True}


def grid(**values: Sequence[Any]) -> list[Arm]:
    return [dict(zip(values, combination, strict=True)) for combination in product(*values.values())]


ARMS: dict[str, list[Arm]] = {
    "depth_by_order": grid(
        scheme=depth_by_order.SCHEMES, depth=depth_by_order.DEPTHS, relu=[True], final_norm=[True], seed=[0, 1, 2]
    ),
    "headline": grid(scheme=headline.SCHEMES, depth=headline.DEPTHS, seed=[0, 1, 2]),
    "learning_rate": [
        *(
            arm | NORMED
            for arm in grid(
                scheme=learning_rate.SCHEMES, depth=learning_rate.DEPTHS, lr=learning_rate.RATES, seed=[0, 1]
            )
        ),
        *(
            {"scheme": scheme, "depth": 98, "lr": 0.1, "seed": 0} | NORMED | harsh
            for scheme, harsh in product(learning_rate.SCHEMES, learning_rate.HARSH)
        ),
        *({"scheme": scheme, "depth": 194, "lr": 0.1, "seed": 0} | NORMED for scheme in ("euler", "rk4")),
    ],
    "downsampling": grid(scheme=downsampling.SCHEMES, downsample=["stem", "first"], seed=[0, 1, 2]),
    "methods": [
        {"scheme": name, "order": catalogue.get(name).order, "seed": seed}
        for name in catalogue.names()
        for seed in (0, 1, 2)
    ],
    "tuned": grid(scheme=tuned.SCHEMES, depth=tuned.DEPTHS, lr=tuned.RATES, seed=[0, 1]),
    "ablation": grid(arm=list(ablation.arms(ablation.short_base("cpu"))), final_norm=[True], seed=[0, 1]),
    "branch_depth": grid(scheme=branch_depth.SCHEMES, branch=list(branch_depth.KINDS), seed=[0, 1]),
    "nesting": grid(arm=[*nesting.PLAIN, *(f"{outer} of {inner}" for outer, inner in nesting.PAIRS)], seed=[0, 1]),
    "adaptive": [
        {"scheme": scheme, "rule": rule, "seed": seed}
        for scheme in adaptive.SCHEMES
        for rule in (adaptive.FIXED, *adaptive.rules(scheme))
        for seed in (0, 1)
    ],
    "landscape": [
        *grid(
            scheme=landscape.SCHEMES,
            depth=(26, 98),
            seed=[0],
            kind=["surface"],
            direction=landscape.DIRECTIONS,
            batch_norm=["frozen"],
        ),
        *grid(scheme=landscape.SCHEMES, depth=(26, 98), seed=[0], kind=["curvature"], batch_norm=[None]),
    ],
    "multistep": grid(arm=["euler", "midpoint", "rk4", "ab2", "ab3", "lm"], seed=[0, 1]),
    "reparameterisation": grid(scheme=reparameterisation.SCHEMES, seed=[0, 1]),
    "unet": grid(scheme=unet.SCHEMES, seed=[0, 1]),
    "transformer": grid(scheme=transformer.SCHEMES, seed=[0, 1, 2]),
    "neural_ode": [
        {"arm": neural_ode.arm(config), "tolerance": config.tolerance, "order": config.order, "seed": config.seed}
        | {"nfe_forward": (10.0 if config.tolerance else 4.0) * config.order + config.seed}
        for config in (job.config for job in neural_ode.jobs("cpu"))
        if isinstance(config, NeuralODEConfig)
    ],
}  # fmt: skip

Truth = Callable[[Arm], float]
LEVEL = {"accuracy": 80.0, "early_loss": 1.5, "held_out_accuracy": 79.0, "psnr": 29.0}
LEVEL |= {"curvature": 80.0, "non_convex": 80.0, "normalised_eigenvalue": 80.0}
SCALE = {"early_loss": 0.04, "psnr": 0.2}
"""Of shift and noise, where it is not 1: as the smallest effect of interest is to half a point."""


def world(
    study: str, truth: dict[str, Truth] | None = None, sigma: float = 0.1, seed: int = 0, seeds: int = 3
) -> pd.DataFrame:
    """The study's table with outcome = level + truth(arm) + shift of the seed + noise of size sigma; for early loss
    shift and noise are scaled by 0.04, as half a point is to 0.02 nats."""
    rng = np.random.default_rng(seed)
    arms, table = runs(study, seeds)
    number = table["seed"].to_numpy()
    outcomes = {}
    for outcome, level in LEVEL.items():
        scale = SCALE.get(outcome, 1.0)
        shift = rng.normal(0, scale, 3)
        noise = rng.normal(0, sigma * scale, len(arms))
        effects = [truth[outcome](arm) for arm in arms] if truth and outcome in truth else 0.0
        outcomes[outcome] = level + np.asarray(effects) + shift[number] + noise
    return table.assign(**outcomes, failed=outcomes["early_loss"] > learning_rate.STALLED)


@cache
def runs(study: str, seeds: int) -> tuple[list[Arm], pd.DataFrame]:
    """The arms of so many seeds, and the table that they are the rows of."""
    arms = [arm for arm in ARMS[study] if arm["seed"] < seeds]
    return arms, pd.DataFrame(arms).assign(status="done")


def finding(claim: Claim, tables: dict[str, pd.DataFrame]) -> Finding:
    """What the tables say about a claim."""
    by_study = {study: rule(tables[study])[0] for study, rule in (claim.rules or {}).items()}
    return Finding(claim, by_study)


def verdict(rule: Rule, table: pd.DataFrame) -> str:
    """That of a claim which stands alone."""
    (found,) = claims.judge([finding(Claim("C0", "", rules={"study": rule}), {"study": table})])
    return found.verdict
