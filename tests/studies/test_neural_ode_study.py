"""The study of neural ODEs: its arms, its tables, and another solver after training."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from odestack.lab import cifar, train
from odestack.lab.neural_ode_config import NeuralODEConfig
from odestack.lab.records import Record, Store
from odestack.nets.cost import cost
from odestack.nets.solvers import ADAPTIVE, FixedStep
from odestack.studies import neural_ode

ROWS = [
    {"epoch": 1, "step": 78, "test_accuracy": 30.0, "seconds": 50.0, "nfe_forward": 20.0, "nfe_backward": 0.0},
    {"epoch": 2, "step": 156, "test_accuracy": 40.0, "seconds": 39.0, "nfe_forward": 26.0, "nfe_backward": 0.0},
]


def configs(profile: str = "cpu", seed: int = 0) -> dict[str, NeuralODEConfig]:
    found = [job.config for job in neural_ode.jobs(profile) if job.config.seed == seed]
    return {neural_ode.arm(config): config for config in found if isinstance(config, NeuralODEConfig)}


def records(**row: float) -> list[Record]:
    return [Record(config, "done", [ROWS[0], ROWS[1] | row], [], {}, 60.0) for config in configs().values()]


def test_every_arm_has_a_name_and_differs_in_what_the_name_says():
    arms = configs()
    assert list(arms) == [
        *ADAPTIVE,
        *("dopri5, 0.1", "dopri5, 1e-05"),
        *("euler, 4", "midpoint, 4", "three_eighths, 4", "rk4, 4"),
        *("euler, 16", "midpoint, 16", "three_eighths, 16", "rk4, 16"),
        *("dopri5, adjoint", "three_eighths, 16, adjoint"),
        *(neural_ode.STACK, neural_ode.REMOVED),
    ]
    assert {arms[name].tolerance for name in ADAPTIVE} == {neural_ode.TOLERANCE}
    assert replace(arms["dopri5, adjoint"], adjoint=False) == arms["dopri5"]


@pytest.mark.parametrize("evaluations", neural_ode.EVALUATIONS)
def test_equal_steps_evaluate_equally_often_with_the_same_weights(evaluations):
    costs = [cost(configs()[f"{name}, {evaluations}"].network()) for name in neural_ode.METHODS]
    assert {each.evaluations for each in costs} == {evaluations}
    assert len({each.macs for each in costs}) == len({each.parameters for each in costs}) == 1


def test_the_stack_shares_its_weights_and_takes_steps_of_size_1():
    block = configs()[neural_ode.STACK].network().block
    assert (block.solver, block.T, block.field.time) == (FixedStep("euler", 4), 4.0, False)


def test_arms_of_one_seed_begin_with_the_same_weights():
    """Whatever the solver; the stack's field has no channel for time."""
    arms = configs("smoke")
    first = train.initial_network(arms["dopri5"]).state_dict()
    for name in ("adaptive_heun", "rk4, 4", "dopri5, adjoint"):
        other = train.initial_network(arms[name]).state_dict()
        assert all(torch.equal(first[key], other[key]) for key in first)


def test_the_table_has_evaluations_and_order():
    table = neural_ode.table(records()).set_index("arm")
    assert set(table["nfe_forward"]) == {26.0}
    assert table["evaluations"].to_dict()["rk4, 16"] == 16
    assert len(table["evaluations"].dropna()) == 10
    assert table.loc[["dopri5", "rk4, 4", neural_ode.REMOVED], "order"].tolist() == [5, 4, 0]


def test_a_solver_that_gave_up_is_a_row():
    record = Record(configs()["dopri8"], "too many evaluations", ROWS[:1], [], {}, 1.0)
    (row,) = neural_ode.table([record]).to_dict("records")
    assert (row["status"], row["nfe_forward"], row["accuracy"]) == ("too many evaluations", 20.0, None)
    assert bool(neural_ode.table([Record(record.config, record.status, [], [], {}, 1.0)])["nfe_forward"].isna().all())


def test_evaluations_by_epoch():
    frame = neural_ode.evaluations(records()[:1])
    assert frame.to_numpy().tolist() == [["adaptive_heun", 0, 1, 20.0, 0.0], ["adaptive_heun", 0, 2, 26.0, 0.0]]
    assert list(neural_ode.evaluations([]).columns) == list(frame.columns)


@pytest.fixture
def trained(tmp_path: Path) -> Store:
    store, config = Store("smoke", tmp_path), configs("smoke")["rk4, 4"]
    store.weights(config).parent.mkdir(parents=True)
    network = train.initial_network(config)
    save_file({name: each.contiguous() for name, each in network.state_dict().items()}, store.weights(config))
    return store


def test_after_training_the_solver_is_changed_and_the_weights_stay(trained: Store):
    config = configs("smoke")["rk4, 4"]
    few = cifar.load("mini-cifar10")[1]
    few = cifar.Split(few.images[:32], few.labels[:32])
    frame = neural_ode.after_training(config, trained, few, ("euler", "rk4"), (1, 2))
    assert frame[["method", "steps", "evaluations"]].to_numpy().tolist() == [
        ["euler", 1, 1],
        ["euler", 2, 2],
        ["rk4", 1, 4],
        ["rk4", 2, 8],
    ]
    own = train.evaluate(train.initial_network(config), few, config)[1]
    assert frame["accuracy"].tolist()[2] == own
    missing = neural_ode.after_training(configs("smoke")["dopri5"], trained, few, ("euler",), (1,))
    assert len(missing) == 0
    assert list(missing.columns) == list(frame.columns)


def test_a_solver_that_gives_up_after_training_has_no_accuracy(trained: Store):
    config = configs("smoke")["rk4, 4"]
    few = cifar.load("mini-cifar10")[1]
    few = cifar.Split(few.images[:8], few.labels[:8])
    assert bool(neural_ode.after_training(config, trained, few, ("euler",), (1001,))["accuracy"].isna().all())


def test_a_smoke_run_of_an_arm_gives_a_row(monkeypatch: pytest.MonkeyPatch):
    """Of the cheaper arms; every solver is trained in the tests of networks."""
    splits = cifar.load("mini-cifar10")
    few = cifar.Split(splits[1].images[:16], splits[1].labels[:16])
    monkeypatch.setattr(train, "data", lambda *_: (splits[0], few))
    torch.set_num_threads(1)
    chosen = ("bosh3", "rk4, 4", "three_eighths, 16, adjoint", neural_ode.STACK, neural_ode.REMOVED)
    table = neural_ode.table([train.run(configs("smoke")[name]) for name in chosen])
    assert table["status"].tolist() == ["done"] * len(chosen)
    assert (table["nfe_backward"] > 0).tolist() == ["adjoint" in name for name in chosen]
