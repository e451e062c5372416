"""The experiments: one module a study, with its runs (``jobs``) and the tidy table it draws from their records."""

import difflib
from types import ModuleType

from odestack.lab.config import ConfigError
from odestack.studies import (
    ablation,
    adaptive,
    anchor,
    branch_depth,
    classroom,
    cost,
    depth_by_order,
    downsampling,
    headline,
    hundred_steps,
    landscape,
    learning_rate,
    methods,
    multistep,
    nesting,
    neural_ode,
    reparameterisation,
    segmentation,
    transformer,
    tuned,
    unet,
)

STUDIES: dict[str, ModuleType] = {
    "cost": cost,
    "depth_by_order": depth_by_order,
    "headline": headline,
    "learning_rate": learning_rate,
    "hundred_steps": hundred_steps,
    "downsampling": downsampling,
    "methods": methods,
    "tuned": tuned,
    "ablation": ablation,
    "branch_depth": branch_depth,
    "nesting": nesting,
    "adaptive": adaptive,
    "multistep": multistep,
    "reparameterisation": reparameterisation,
    "unet": unet,
    "transformer": transformer,
    "segmentation": segmentation,
    "neural_ode": neural_ode,
    "landscape": landscape,
    "anchor": anchor,
    "classroom": classroom,
}


def get(name: str) -> ModuleType:
    """The study of that name.

    Raises:
        ConfigError: no such study; the message gives the nearest names.
    """
    if name not in STUDIES:
        near = difflib.get_close_matches(name, STUDIES, n=3, cutoff=0.4) or list(STUDIES)
        raise ConfigError(f"no study is called {name!r}; nearest: {', '.join(near)}")
    return STUDIES[name]
