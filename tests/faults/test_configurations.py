"""Random configurations of every network: each trains two steps, or is refused with a sentence that names the field."""

import math
import operator
import re
from dataclasses import fields

import pytest
from effort import tries
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from odestack.lab import train
from odestack.lab.config import PRECISIONS, SCHEDULES, ConfigError, RunConfig, custom_scheme
from odestack.lab.neural_ode_config import NeuralODEConfig
from odestack.lab.repvgg_config import RepVGGConfig
from odestack.lab.unet_config import UNetConfig
from odestack.lab.vit_config import ViTConfig
from odestack.methods import catalogue
from odestack.nets.adaptive import RULES
from odestack.nets.branch import KINDS
from odestack.nets.multistep import STACKS
from odestack.nets.resnet import DOWNSAMPLE
from odestack.nets.solvers import ADAPTIVE, Failure

Fields = dict[str, SearchStrategy]

TRAINING: Fields = {
    "lr": st.floats(0, 1e3),
    "momentum": st.floats(0, 1),
    "weight_decay": st.floats(0, 1),
    "schedule": st.sampled_from(SCHEDULES),
    "n_train": st.sampled_from([None, 32]),
    "held_out": st.sampled_from([0, 8]),
    "augment": st.booleans(),
    "seed": st.integers(0, 3),
}
METHOD: Fields = {
    "scheme": st.sampled_from(catalogue.names()),
    "tableau": st.sampled_from([None, custom_scheme(catalogue.get("gill4"))["tableau"]]),
    "h": st.floats(0, 4),
    "precision": st.sampled_from(PRECISIONS),
}
SINGLE_STAGE: Fields = {
    "branch": st.sampled_from(list(KINDS)),
    "relu": st.booleans(),
    "downsample": st.sampled_from(DOWNSAMPLE),
    "remainder": st.booleans(),
    "batch_norm": st.booleans(),
    "final_norm": st.booleans(),
    "init_scale": st.floats(0, 4),
    "adaptive": st.sampled_from([None, *RULES]),
    "multistep": st.sampled_from([None, *STACKS]),
}
FIELD: Fields = {
    "adjoint": st.booleans(),
    "time": st.booleans(),
    "T": st.floats(0.1, 20),
    "max_nfe": st.sampled_from([0, 1, 20, 200]),
}
SOLVER = st.one_of(
    st.fixed_dictionaries({"solver": st.sampled_from([*catalogue.names(), "rk5"]), "solver_steps": st.integers(0, 3)}),
    st.fixed_dictionaries({"solver": st.sampled_from(list(ADAPTIVE)), "tolerance": st.sampled_from([0, 1e-12, 1e-3])}),
    st.just({}),
)
WRONG: Fields = {
    "width": st.sampled_from([0, 3, 9, 4097]),
    "batch": st.sampled_from([1, 2001]),
    "scheme": st.just("rk5"),
    "tableau": st.sampled_from(["{}", "[", "1", '{"A": [[]], "b": ["2"]}']),
    "depth": st.integers(0, 60),
    "h": st.sampled_from([-1.0, math.nan, math.inf]),
    "lr": st.sampled_from([-0.1, 1e4, "fast"]),
    "momentum": st.floats(1.01, 2),
    "weight_decay": st.floats(1.01, 2),
    "schedule": st.just("linear"),
    "n_train": st.sampled_from([1, 2001]),
    "held_out": st.sampled_from([-1, 2000]),
    "precision": st.just("fp8"),
    "seed": st.sampled_from([-1, 0.5]),
    "branch": st.just("conv9"),
    "relu": st.sampled_from([False, "yes"]),
    "downsample": st.just("last"),
}


def some(known: Fields, **always: SearchStrategy) -> SearchStrategy[dict]:
    """Two small steps on mini-cifar10 with some of the known fields set."""
    small = {"width": st.sampled_from([4, 8]), "batch": st.sampled_from([2, 8, 16])}
    chosen = {"dataset": st.just("mini-cifar10"), "steps": st.just(2), **small, **always}
    return st.fixed_dictionaries(chosen, optional=known)


CONFIGURATIONS: dict[type[RunConfig], SearchStrategy[dict]] = {
    RunConfig: some(TRAINING | METHOD | SINGLE_STAGE, depth=st.sampled_from([14, 26])),
    RepVGGConfig: some(TRAINING | METHOD, depth=st.sampled_from([14, 26])),
    ViTConfig: some(TRAINING | METHOD, depth=st.sampled_from([6, 12]), heads=st.sampled_from([0, 1, 2, 3])),
    UNetConfig: some(TRAINING | METHOD, depth=st.sampled_from([28, 48])),
    NeuralODEConfig: st.builds(operator.or_, some(TRAINING | FIELD), SOLVER),
}


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_every_configuration_trains_or_is_refused(
    kind: type[RunConfig], few_test_images: None, capsys: pytest.CaptureFixture[str]
) -> None:
    counts: dict[str, int] = dict.fromkeys(("done", "diverged", *Failure, "refused"), 0)
    names = {field.name for field in fields(kind)}
    wrong = st.dictionaries(st.sampled_from(list(WRONG)), st.none(), max_size=1).flatmap(
        lambda chosen: st.fixed_dictionaries({name: WRONG[name] for name in chosen})
    )

    @settings(
        max_examples=tries(40, 2000), deadline=None, derandomize=True, suppress_health_check=(HealthCheck.too_slow,)
    )
    @given(CONFIGURATIONS[kind], wrong)
    def attempt(values: dict, wrong: dict) -> None:
        try:
            config = kind(**values | wrong)
        except ConfigError as refusal:
            sentence = str(refusal)
            assert "\n" not in sentence
            assert any(re.search(rf"\b{name}\b", sentence) for name in names), sentence
            counts["refused"] += 1
            return
        assert config.work > 0
        counts[train.run(config).status] += 1

    attempt()
    with capsys.disabled():
        print(f"\nrandom configurations, {kind.__name__}: { {str(status): n for status, n in counts.items() if n} }")
    assert counts["done"] > 0
    assert counts["refused"] > 0
