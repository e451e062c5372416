"""RunConfig: every refusal names its field, and keys never change."""

import dataclasses
import json
import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_runs import tiny
from torch import nn

from odestack.lab.architectures import config_from_dict
from odestack.lab.cifar import DATA
from odestack.lab.config import WIRING, ConfigError, RunConfig, custom_scheme
from odestack.lab.profiles import PROFILES, profile_base
from odestack.methods import catalogue
from odestack.methods.tableau import Tableau
from odestack.nets.adaptive import RULES
from odestack.nets.he import ResNet20
from odestack.nets.multistep import STACKS

FIELDS = {field.name for field in dataclasses.fields(RunConfig)}


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (RunConfig(depth=26), "euler-d26-w16-s0-6ed7ff2cb1"),
        (RunConfig(scheme="midpoint", depth=26), "midpoint-d26-w16-s0-ec018b1c11"),
    ],
)
def test_golden_keys(config: RunConfig, key: str) -> None:
    """Committed records are filed under these names. If this fails, mend the code, not the test."""
    assert config.key == key


def test_committed_records_keep_their_keys() -> None:
    """Also by the fields that were added since: a record lacks those, and its key stays."""
    folder = DATA / "runs"
    files = [*folder.glob("cpu/*.json"), *folder.glob("gpu/*.json")]
    assert files
    for file in files:
        config = config_from_dict(json.loads(file.read_text())["config"])
        assert config.key == file.stem


def test_the_readable_part_names_the_wiring() -> None:
    names = {
        "fehlberg45-step-d26-w16-s0": {"scheme": "fehlberg45", "adaptive": "step", "depth": 26},
        "midpoint-ab2-d26-w16-s0": {"scheme": "midpoint", "multistep": "ab2", "depth": 26},
        "resnet20-d20-w16-s0": {"architecture": "resnet20", "depth": 20},
    }
    for name, fields in names.items():
        assert RunConfig(**fields).key.rsplit("-", 1)[0] == name  # type: ignore[arg-type]


def test_every_field_is_in_the_key() -> None:
    base = RunConfig(dataset="mini-cifar10", scheme="fehlberg45", depth=26, width=8)
    other = custom_scheme(catalogue.get("rk4"))
    changes: dict[str, object] = {
        "scheme": "rk4",
        "tableau": other["tableau"],
        "dataset": "cifar10",
        "n_train": 1000,
        "held_out": 100,
        "depth": 50,
        "width": 16,
        "h": 0.5,
        "branch": "conv1",
        "relu": False,
        "downsample": "first",
        "remainder": True,
        "batch_norm": False,
        "final_norm": False,
        "init_scale": 0.5,
        "lr": 0.2,
        "momentum": 0.8,
        "weight_decay": 0.0,
        "batch": 64,
        "schedule": "constant",
        "epochs": 4,
        "steps": 10,
        "augment": False,
        "precision": "bf16",
        "seed": 1,
        "adaptive": "step",
        "multistep": "ab2",
    }
    assert changes.keys() == FIELDS - {"architecture"}
    keys = {dataclasses.replace(base, **{name: value}).key for name, value in changes.items()}  # type: ignore[arg-type]
    assert len(keys | {base.key}) == len(FIELDS)
    assert RunConfig(depth=20).key != RunConfig(depth=20, architecture="resnet20").key


def test_a_number_has_one_key_however_it_is_written() -> None:
    assert RunConfig(h=1, lr=1).key == RunConfig(h=1.0, lr=1.0).key


def test_a_key_is_a_plain_file_name() -> None:
    fields = custom_scheme(catalogue.get("rk4")) | {"scheme": "../mine & ours/" + "x" * 100}
    assert re.fullmatch(r"[\w-]{1,80}", RunConfig(**fields).key)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"dataset": "mnist"}, "dataset 'mnist' is not one of cifar10, mini-cifar10"),
        ({"branch": "conv7"}, "branch 'conv7' is not one of conv1, conv2, conv3, conv4, bottleneck"),
        ({"downsample": "last"}, "downsample 'last' is not one of stem, first"),
        ({"schedule": "linear"}, "schedule 'linear' is not one of cosine, constant, divided"),
        ({"precision": "fp16"}, "precision 'fp16' is not one of fp32, bf16"),
        ({"depth": 2}, "depth is 2, not a whole number from 3 to 10000"),
        ({"depth": 26.0}, "depth is 26.0, not a whole number from 3 to 10000"),
        ({"width": 0}, "width is 0, not a whole number from 1 to 4096"),
        ({"batch": 1}, "batch is 1, not a whole number from 2 to 50000"),
        ({"epochs": True}, "epochs is True, not a whole number from 1 to 10000"),
        ({"steps": 0}, "steps is 0, not a whole number from 1 to 10000000"),
        ({"n_train": 60000}, "n_train is 60000, not a whole number from 2 to 50000"),
        ({"seed": -1}, "seed is -1, not a whole number from 0 to 2147483647"),
        ({"h": math.nan}, "h is nan, not a number from 0 to 1000"),
        ({"lr": -0.1}, "lr is -0.1, not a number from 0 to 1000"),
        ({"lr": "0.1"}, "lr is '0.1', not a number from 0 to 1000"),
        ({"momentum": 1.5}, "momentum is 1.5, not a number from 0 to 1"),
        ({"weight_decay": math.inf}, "weight_decay is inf, not a number from 0 to 1"),
        ({"relu": 1}, "relu is 1, not true or false"),
        ({"n_train": 64}, "batch 128 is more than the 64 training images"),
        ({"branch": "bottleneck", "width": 18, "depth": 26}, "width 18 does not divide by 4"),
        ({"scheme": "rk4", "depth": 30}, "depth 30 is not 2 + 8k: nearest rk4 depths are 26 and 34"),
        ({"adaptive": "pid", "scheme": "fehlberg45"}, "adaptive 'pid' is not one of step, blend, mean, gate"),
        (
            {"adaptive": "step", "scheme": "rk4"},
            "adaptive coefficients need an embedded formula; rk4 has none, these have",
        ),
        (
            {"adaptive": "step", "scheme": "dormand_prince5"},
            "depth 50 is not 2 + 14k: nearest dormand_prince5 depths are 44 and 58",
        ),
        ({"multistep": "ab4"}, "multistep 'ab4' is not one of ab2, ab3, lm"),
        ({"multistep": "lm", "scheme": "rk4"}, "multistep lm starts with a step of euler, not of rk4"),
        ({"multistep": "ab2", "depth": 3}, "depth 3 is not 2 + 2k"),
        ({"multistep": "ab2", "depth": 4}, "multistep ab2 started by euler needs more than 1 branches, not 1"),
        ({"multistep": "ab2", "downsample": "first"}, "downsample 'first' does not fit multistep ab2"),
        ({"multistep": "ab2", "remainder": True}, "remainder does not fit multistep ab2"),
        ({"multistep": "ab2", "adaptive": "gate"}, "adaptive 'gate' does not fit multistep ab2"),
        ({"architecture": "vgg"}, "architecture 'vgg' is not one of single-stage, resnet20"),
        ({"architecture": "resnet20"}, "depth is 50, but for resnet20 it must be 20"),
        ({"architecture": "resnet20", "depth": 20, "h": 0.5}, "h is 0.5, but for resnet20 it must be 1.0"),
        ({"scheme": "rk5"}, "scheme: no method is called 'rk5'; nearest: rk4"),
        ({"scheme": ["rk4"]}, "scheme is ['rk4'], not text"),
        ({"tableau": 4}, "tableau is 4, not text"),
        ({"tableau": "{"}, "tableau: "),
        ({"tableau": "[1]"}, "tableau: "),
        ({"tableau": '{"A": [[]]}'}, "tableau: "),
        ({"tableau": '{"A": [[1]], "b": [1]}', "scheme": "mine"}, "tableau: mine: row 1 of A is not explicit"),
        ({"tableau": '{"A": [[]], "b": [0]}', "scheme": "mine"}, "tableau: mine: "),
    ],
)
def test_a_refusal_is_a_sentence_about_the_field(fields: dict, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        RunConfig(**fields)
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10**12),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
)
sensible = {
    "scheme": st.sampled_from(catalogue.names()),
    "tableau": st.sampled_from([None, custom_scheme(catalogue.get("gill4"))["tableau"]]),
    "dataset": st.sampled_from(["cifar10", "mini-cifar10"]),
    "depth": st.integers(3, 60),
    "width": st.integers(1, 64),
    "branch": st.sampled_from(["conv1", "conv3", "bottleneck"]),
    "downsample": st.sampled_from(["stem", "first"]),
    "schedule": st.sampled_from(["cosine", "constant"]),
    "precision": st.sampled_from(["fp32", "bf16"]),
    "h": st.floats(0, 10),
    "lr": st.floats(0, 10),
    "batch": st.integers(2, 512),
    "n_train": st.one_of(st.none(), st.integers(2, 2000)),
    "remainder": st.booleans(),
    "adaptive": st.sampled_from([None, *RULES]),
    "multistep": st.sampled_from([None, *STACKS]),
    "architecture": st.sampled_from(RunConfig.ARCHITECTURES),
}


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries({}, optional={name: sensible.get(name, junk) | junk for name in sorted(FIELDS)}))
def test_any_values_build_or_are_refused_by_field(fields: dict) -> None:
    try:
        config = RunConfig(**fields)
    except ConfigError as refusal:
        message = str(refusal)
    else:
        assert RunConfig.from_dict(config.to_dict()) == config
        assert config.total_steps >= 1
        return
    assert re.split(r"\W", message)[0] in FIELDS


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no field is called 'widht'; the fields are .*width"):
        RunConfig.from_dict({"widht": 16})


def test_total_steps() -> None:
    assert RunConfig().steps_per_epoch == 390
    assert RunConfig().total_steps == 8 * 390
    assert RunConfig(steps=7).total_steps == 7


@pytest.mark.parametrize("name", catalogue.names())
def test_a_method_of_ones_own_is_the_same_method(name: str) -> None:
    """Through JSON and back the coefficients are equal, exactly; stages that only an embedded formula uses stay."""
    method = catalogue.get(name)
    tableau = Tableau("mine", method.A, method.b, method.b_hat)
    config = RunConfig(**custom_scheme(tableau), depth=2 + 2 * len(method.used_stages))  # type: ignore[arg-type]
    assert config.method() == tableau
    assert config.key.startswith("mine-")


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_can_be_built(profile: str) -> None:
    config = profile_base(profile)
    assert config.network().head[-1].in_features == config.width


def test_resnet20_fixes_what_the_single_stage_network_has_as_arguments() -> None:
    other = {"lr", "momentum", "weight_decay", "batch", "schedule", "epochs", "steps", "augment", "precision", "seed"}
    assert {*WIRING} == FIELDS - other - {"dataset", "n_train", "held_out", "architecture"}
    assert isinstance(RunConfig(architecture="resnet20", depth=20).network(), ResNet20)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ConfigError, match="profile 'tpu' does not exist; choose one of smoke, cpu, gpu"):
        profile_base("tpu")


@pytest.mark.parametrize(("schedule", "last"), [("cosine", 0.0), ("constant", 0.1)])
def test_learning_rate_ends(schedule: str, last: float) -> None:
    config = tiny(schedule=schedule, lr=0.1)
    assert config.learning_rate(0) == 0.1
    assert config.learning_rate(config.total_steps) == pytest.approx(last, abs=1e-12)
    rates = [config.learning_rate(step) for step in range(config.total_steps)]
    assert rates == sorted(rates, reverse=True)
    assert min(rates) > 0


def test_learning_rate_is_divided_by_ten_at_the_half_and_at_three_quarters() -> None:
    """He et al.: 64,000 steps, at 32,000 and at 48,000."""
    config = tiny(schedule="divided", steps=64_000, lr=0.1)
    rates = [config.learning_rate(step) for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_learning_rate_is_torchs_cosine() -> None:
    config = tiny(lr=0.3, epochs=5)
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.total_steps)
    for step in range(config.total_steps):
        assert config.learning_rate(step) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
        optimiser.step()
        schedule.step()


@pytest.mark.parametrize("wiring", [{"scheme": "midpoint", "multistep": "ab2", "depth": 52}, {"depth": 52}])
def test_work_is_that_of_the_layers_however_they_are_wired(wiring: dict[str, object]) -> None:
    assert RunConfig(**wiring).work == RunConfig(depth=102).work / 2  # type: ignore[arg-type]


def test_a_tableau_of_many_brackets_is_refused() -> None:
    with pytest.raises(ConfigError, match="tableau: brackets are nested too deeply"):
        RunConfig(scheme="mine", tableau="[" * 100_000)
