"""The arms of the ablation separate what they are said to separate, and its effects are read by a stated rule."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from odestack.lab import cifar
from odestack.lab.records import Record
from odestack.lab.train import initial_network
from odestack.methods import catalogue
from odestack.studies import ablation
from odestack.studies.frame import short_base

BASE = short_base("cpu")
ROW = {"epoch": 4, "step": 1560, "train_loss": 1.0, "test_loss": 1.1}


def records(accuracy=lambda arm, seed: 70.0, seeds=ablation.SEEDS):
    runs = [(name, config) for seed in seeds for name, config in ablation.arms(replace(BASE, seed=seed)).items()]
    return [
        Record(config, "done", [ROW | {"test_accuracy": accuracy(name, config.seed)}], [], {}, 60.0)
        for name, config in runs
    ]


def test_every_arm_is_another_run_and_keeps_its_name():
    arms = ablation.arms(BASE)
    assert len({config.key for config in arms.values()}) == len(arms)
    names = ablation.table(records())["arm"].tolist()
    assert names == [*arms, *arms], "also for a run whose h or head are not those of the base"


def test_orders_are_labelled():
    orders = ablation.traits(BASE)["order"]
    labelled = {"rk4-uniform-b": 2, "random-consistent": 1, "rk4-last-stage": 0, "chain-sum": 0, "3/8 rule": 4}
    assert {arm: orders[arm] for arm in labelled} == labelled


def test_integration_time_is_separated():
    time = ablation.traits(BASE)["T"].to_dict()
    assert {time[arm] for arm in ("Euler", "midpoint, h = 2", "Heun 3, h = 3", "RK4, h = 4")} == {24.0}
    assert time["Euler, h = 1/4"] == time["RK4"] == 6.0
    assert time["Euler, h = 1/3"] == pytest.approx(time["Heun 3"])
    assert time["Euler, h = 1/2"] == time["midpoint"]


def test_the_random_tableau_matches_rk4_in_all_but_order():
    drawn, rk4 = ablation.random_consistent(), catalogue.get("rk4")
    assert drawn == ablation.random_consistent(), "the same every time"
    assert sum(drawn.b) == 1
    assert sum(abs(b) for b in drawn.b) == sum(abs(b) for b in rk4.b)
    assert sum(abs(a) for row in drawn.A for a in row) == sum(abs(a) for row in rk4.A for a in row)
    assert drawn.used_stages == rk4.used_stages
    assert drawn.order == 1


def final_size(config):
    """Root mean square of the state after the last block at initialisation, mean of four seeds."""
    images = cifar.normalise(cifar.load("mini-cifar10")[0].images[:32])
    sizes = []
    for seed in range(4):
        network = initial_network(replace(config, seed=seed))
        with torch.no_grad():
            state = nn.Sequential(network.stem, network.blocks)(images)  # type: ignore[arg-type]
            sizes.append(state.square().mean().sqrt().item())
    return np.mean(sizes)


@pytest.mark.parametrize(
    ("control", "target"),
    [*((f"Euler, h = {h:g}", name) for name, h in ablation.MATCHED.items()), ("RK4, h = 4", "euler")],
)
def test_damping_controls_start_with_the_state_of_what_they_stand_in_for(control, target):
    arm = ablation.arms(BASE)[control + ablation.RELEASED]
    assert final_size(arm) == pytest.approx(final_size(replace(BASE, scheme=target)), rel=0.05)


def test_contrasts_of_damping_keep_order_and_contrasts_of_order_keep_damping():
    predicted = ablation.predictions(BASE).to_dict("records")
    traits = ablation.traits(BASE).to_dict("index")
    assert len(predicted) == len(ablation.COMPARISONS)
    alone = [row for row in predicted if row["factor"] == "order alone"]
    assert {(row["order"], row["damping"]) for row in alone} == {(1, 0)}
    for row in alone:
        plus, minus = traits[row["plus"]], traits[row["minus"]]
        for trait in ("stages", "T", "ReLUs", "sum_a", "sum_b"):
            assert plus[trait] == pytest.approx(minus[trait])
    damped = [row for row in predicted if row["factor"] == "damping alone" and row["minus"].startswith("Euler")]
    assert [(row["order"], row["damping"]) for row in damped] == [(0, 1)] * 8
    assert {row["damping"] for row in predicted if row["factor"] == "equal damping"} == {0}


def seen(accuracy, seeds=ablation.SEEDS, bound=0.5):
    found = ablation.effects(ablation.table(records(accuracy, seeds)), BASE, bound)
    return dict(zip(zip(found["plus"], found["minus"], strict=True), found["seen"], strict=True))


def test_effects_see_order_where_order_is_the_cause_and_damping_where_it_is_not():
    traits = ablation.traits(BASE).to_dict("index")
    noise = dict(zip(traits, np.random.default_rng(0).normal(0, 0.05, (len(traits), 2)), strict=True))
    by_order = seen(lambda arm, seed: 70 + 2 * traits[arm]["order"] + noise[arm][seed])
    by_damping = seen(lambda arm, seed: 70 - 5 * np.log10(traits[arm]["added"]) + noise[arm][seed])
    pairs = [("RK4", "random-consistent"), ("Euler, h = 1/4", "Euler"), ("RK4, h = 4", "Euler")]
    predicted = {(row["plus"], row["minus"]): row for row in ablation.predictions(BASE).to_dict("records")}
    assert [by_order[pair] for pair in pairs] == [predicted[pair]["order"] for pair in pairs] == [1, 0, 1]
    assert [by_damping[pair] for pair in pairs] == [predicted[pair]["damping"] for pair in pairs] == [0, 1, 0]


def test_one_seed_leaves_everything_open_and_missing_arms_leave_out_their_contrasts():
    one = seen(lambda arm, seed: 70.0, seeds=(0,))
    assert len(one) == len(ablation.COMPARISONS)
    assert all(np.isnan(value) for value in one.values())
    some = [record for record in records() if record.config.scheme == "euler"]
    found = ablation.effects(ablation.table(some), BASE, 0.5)
    assert 0 < len(found) < len(ablation.COMPARISONS)
    assert {arm.split(",")[0] for column in ("plus", "minus") for arm in found[column]} == {"Euler"}
    assert ablation.effects(ablation.table([]), BASE, 0.5).empty


def test_the_noise_of_one_head_does_not_widen_the_intervals_of_the_other():
    def accuracy(arm, seed):
        return 70.0 + (5 * seed * (len(arm) % 3) if arm.endswith(ablation.RELEASED) else 0.01 * (seed + len(arm) % 2))

    found = ablation.effects(ablation.table(records(accuracy)), BASE, 0.5)
    widths = dict(zip(found["plus"], found["high"] - found["low"], strict=True))
    assert widths["RK4"] < 0.1 < widths["RK4" + ablation.RELEASED]


def test_a_run_that_diverged_counts_as_chance():
    runs = records(lambda arm, seed: 70.0)
    runs = [replace(run, status="diverged") if run.config.relu else run for run in runs]
    found = ablation.effects(ablation.table(runs), BASE, 0.5)
    estimates = dict(zip(found["contrast"], found["estimate"], strict=True))
    assert estimates["Euler, no ReLU − Euler"] == pytest.approx(60.0)
