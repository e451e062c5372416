"""The config of each architecture that a record can hold."""

from typing import Any

from odestack.lab.config import ConfigError, RunConfig
from odestack.lab.imagenet_config import ImageNetConfig
from odestack.lab.neural_ode_config import NeuralODEConfig
from odestack.lab.repvgg_config import RepVGGConfig
from odestack.lab.unet_config import PetsConfig, UNetConfig
from odestack.lab.vit_config import ViTConfig

CONFIGS: tuple[type[RunConfig], ...] = (
    RunConfig,
    RepVGGConfig,
    ImageNetConfig,
    ViTConfig,
    UNetConfig,
    PetsConfig,
    NeuralODEConfig,
)


def config_from_dict(data: dict[str, Any]) -> RunConfig:
    """The config of the class that its architecture belongs to.

    Raises:
        ConfigError: no such architecture, or a field that it does not have.
    """
    name = data.get("architecture", RunConfig.architecture)
    for kind in CONFIGS:
        if name in kind.ARCHITECTURES:
            return kind.from_dict(data)
    known = ", ".join(name for kind in CONFIGS for name in kind.ARCHITECTURES)
    raise ConfigError(f"no architecture is called {name!r}; the architectures are {known}")
