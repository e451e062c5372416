"""Random configurations: each trains two steps, or is refused with a sentence that names the field."""

import re
from dataclasses import fields

import pytest
from effort import tries
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odestack.lab import train
from odestack.lab.config import ConfigError, RunConfig, custom_scheme
from odestack.methods import catalogue
from odestack.nets.adaptive import RULES
from odestack.nets.branch import KINDS
from odestack.nets.multistep import STACKS

NAMES = {field.name for field in fields(RunConfig)}
CONFIGURATIONS = st.fixed_dictionaries(
    {
        "dataset": st.just("mini-cifar10"),
        "steps": st.just(2),
        "width": st.integers(0, 9),
        "batch": st.sampled_from([1, 2, 8, 16]),
    },
    optional={
        "scheme": st.sampled_from([*catalogue.names(), "rk5"]),
        "tableau": st.sampled_from([None, "{}", custom_scheme(catalogue.get("gill4"))["tableau"]]),
        "depth": st.integers(1, 40),
        "branch": st.sampled_from([*KINDS, "conv9"]),
        "h": st.floats(-1, 4),
        "relu": st.booleans(),
        "downsample": st.sampled_from(["stem", "first", "last"]),
        "remainder": st.booleans(),
        "batch_norm": st.booleans(),
        "final_norm": st.booleans(),
        "init_scale": st.floats(0, 4),
        "lr": st.floats(-0.1, 1e4),
        "momentum": st.floats(0, 1.1),
        "weight_decay": st.floats(0, 1.1),
        "schedule": st.sampled_from(["cosine", "constant", "divided", "linear"]),
        "n_train": st.sampled_from([None, 1, 32, 2000, 2001]),
        "held_out": st.sampled_from([0, 8, 2000]),
        "augment": st.booleans(),
        "precision": st.sampled_from(["fp32", "bf16", "fp8"]),
        "seed": st.integers(-1, 3),
        "adaptive": st.sampled_from([None, *RULES]),
        "multistep": st.sampled_from([None, *STACKS]),
    },
)


def test_every_configuration_trains_or_is_refused(few_test_images: None, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"done": 0, "diverged": 0, "refused": 0}

    @settings(
        max_examples=tries(40, 2000), deadline=None, derandomize=True, suppress_health_check=(HealthCheck.too_slow,)
    )
    @given(CONFIGURATIONS)
    def attempt(values: dict) -> None:
        try:
            config = RunConfig(**values)
        except ConfigError as refusal:
            sentence = str(refusal)
            assert "\n" not in sentence
            assert any(re.search(rf"\b{name}\b", sentence) for name in NAMES), sentence
            counts["refused"] += 1
            return
        assert config.work > 0
        counts[train.run(config).status] += 1

    attempt()
    with capsys.disabled():
        print(f"\nrandom configurations: {counts}")
    assert counts["done"] > 0
    assert counts["refused"] > 0
