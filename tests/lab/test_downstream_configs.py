"""The configs of the U-Net and of the transformer: their keys, networks, optimisers, and what they refuse."""

import dataclasses
from typing import Any

import pytest
import torch

from odestack.lab.architectures import config_from_dict
from odestack.lab.config import ConfigError, RunConfig
from odestack.lab.unet_config import PetsConfig, UNetConfig
from odestack.lab.vit_config import ViTConfig
from odestack.nets.cost import cost
from odestack.nets.unet import UNet
from odestack.nets.vit import Attention, ViT

KINDS = (ViTConfig, UNetConfig, PetsConfig)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (ViTConfig(), "vit-euler-d12-w48-s0"),
        (ViTConfig(scheme="rk4", seed=2), "vit-rk4-d12-w48-s2"),
        (UNetConfig(scheme="midpoint"), "unet-midpoint-d48-w8-s0"),
        (PetsConfig(), "unet-pets-euler-d48-w8-s0"),
    ],
)
def test_the_readable_part_of_the_key(config: RunConfig, name: str) -> None:
    assert config.key.rsplit("-", 1)[0] == name


@pytest.mark.parametrize("kind", KINDS)
def test_a_config_survives_its_record(kind: type[RunConfig]) -> None:
    config = kind(scheme="rk4", seed=3)
    again = config_from_dict(config.to_dict())
    assert type(again) is kind
    assert again == config
    assert again.key == config.key


def test_heads_are_in_the_key() -> None:
    assert ViTConfig(heads=3).key != ViTConfig().key


def test_the_transformer_is_trained_by_adamw() -> None:
    config = ViTConfig(lr=2e-3, weight_decay=0.1, momentum=0.8, heads=3)
    network = config.network()
    optimiser = config.optimiser(network)
    assert isinstance(optimiser, torch.optim.AdamW)
    (group,) = optimiser.param_groups
    assert (group["lr"], group["weight_decay"], group["betas"]) == (2e-3, 0.1, (0.8, 0.999))
    assert sum(map(torch.Tensor.numel, group["params"])) == cost(network).parameters
    assert {module.heads for module in network.modules() if isinstance(module, Attention)} == {3}


@pytest.mark.parametrize(("scheme", "steps"), [("euler", 4), ("midpoint", 2), ("rk4", 1)])
def test_depth_counts_layers_of_the_unet_and_pairs_of_the_transformer(scheme: str, steps: int) -> None:
    unet, vit = UNetConfig(scheme=scheme).network(), ViTConfig(scheme=scheme).network()
    assert isinstance(unet, UNet)
    assert isinstance(vit, ViT)
    convolutions = [m for m in unet.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d)]
    assert len(convolutions) == 48
    assert len(vit.blocks) == 3 * steps
    assert len(list(vit.branches())) == 12


def test_work_goes_with_the_multiplications_of_the_branches() -> None:
    """Stem, head and what changes the resolution are left out: at most a fifth."""
    unit = 9 * 16 * 16
    for config in (
        UNetConfig(steps=1),
        UNetConfig(steps=1, depth=88),
        ViTConfig(steps=1),
        ViTConfig(steps=1, width=96),
    ):
        macs = config.batch * cost(config.network()).macs / unit
        assert 0.8 * macs < config.work < macs
    assert PetsConfig(steps=1).work == UNetConfig(steps=1).work * 16


@pytest.mark.parametrize(
    ("kind", "fields", "sentence"),
    [
        (UNetConfig, {"depth": 50, "scheme": "rk4"}, "depth 50 is not 8 + 40k: nearest rk4 depths are 48 and 88"),
        (UNetConfig, {"depth": 20, "scheme": "rk4"}, "depth 20 is not 8 + 40k: nearest rk4 depth is 48"),
        (UNetConfig, {"relu": False}, "relu is False, but for unet it must be True"),
        (UNetConfig, {"dataset": "oxford-iiit-pet"}, "dataset 'oxford-iiit-pet' is not one of cifar10, mini-cifar10"),
        (PetsConfig, {"dataset": "cifar10"}, "dataset 'cifar10' is not one of oxford-iiit-pet"),
        (PetsConfig, {"augment": True}, "augment is True, but for unet-pets it must be False"),
        (PetsConfig, {"n_train": 4_000}, "n_train is 4000, not a whole number from 2 to 3680"),
        (
            ViTConfig,
            {"depth": 6, "scheme": "rk4"},
            "depth: 6 branches are not a multiple of 4: nearest rk4 numbers are",
        ),
        (UNetConfig, {"momentum": 1}, "momentum is 1, but AdamW, which divides by 1 minus its powers, needs less"),
        (ViTConfig, {"momentum": 1.0}, "momentum is 1, but AdamW, which divides by 1 minus its powers, needs less"),
        (ViTConfig, {"heads": 5}, "heads is 5, not a number of heads that divides the width 48"),
        (ViTConfig, {"heads": 0}, "heads is 0, not a number of heads that divides the width 48"),
        (ViTConfig, {"branch": "conv1"}, "branch is 'conv1', but for vit it must be 'conv2'"),
        (ViTConfig, {"architecture": "unet"}, "architecture 'unet' is not one of vit"),
    ],
)
def test_a_refusal_is_a_sentence_about_the_field(kind: type[RunConfig], fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        kind(**fields)
    assert str(refused.value).startswith(sentence)


def test_keys_of_other_runs_are_untouched() -> None:
    assert RunConfig(depth=26).key == "euler-d26-w16-s0-6ed7ff2cb1"
    assert dataclasses.replace(RunConfig(depth=20), architecture="resnet20").key.startswith("resnet20-d20-w16-s0-")
