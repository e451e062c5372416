"""Runs of the ODE-Net: what is refused, what is recorded, and how a run ends whose solver gives up."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from killed import killed, two_epochs
from tiny_runs import metrics
from torch import Tensor

from odestack.lab import train
from odestack.lab.architectures import config_from_dict
from odestack.lab.config import ConfigError, RunConfig
from odestack.lab.neural_ode_config import NeuralODEConfig
from odestack.nets.neural_ode import NeuralODE, ODEBlock, VectorField
from odestack.nets.solvers import Adaptive, Failure, FixedStep, SolverError

TINY = NeuralODEConfig(
    dataset="mini-cifar10", n_train=128, width=8, batch=32, epochs=2, solver="three_eighths", solver_steps=1
)
DOPRI5 = {"solver": "dopri5", "solver_steps": None, "tolerance": 1.0}


pytestmark = pytest.mark.usefixtures("few_test_images")


def tiny(**changes: Any) -> NeuralODEConfig:
    return replace(TINY, **changes)


def test_the_solver_is_the_one_asked_for() -> None:
    equal, adaptive = tiny(solver="rk4", solver_steps=3), tiny(**DOPRI5, adjoint=True, T=2, max_nfe=77, time=False)
    assert equal.network().block.solver == FixedStep("rk4", 3)
    block = adaptive.network().block
    assert block.solver == Adaptive("dopri5", 1.0, 1.0, adjoint=True)
    assert (block.T, block.max_nfe) == (2.0, 77)
    assert isinstance(block.field, VectorField)
    assert not block.field.time
    assert len(tiny(solver=None, solver_steps=None).network().blocks) == 0
    assert [config.order for config in (equal, adaptive, tiny(solver=None, solver_steps=None))] == [4, 5, 0]


def test_every_field_is_in_the_key_and_comes_back_from_a_record() -> None:
    adaptive, equal = tiny(**DOPRI5), tiny()
    variants = [adaptive, equal, tiny(solver=None, solver_steps=None), replace(equal, adjoint=True)]
    variants += [replace(equal, **{name: value}) for name, value in (("time", False), ("T", 2.0), ("max_nfe", 9))]
    variants += [replace(equal, solver="rk4"), replace(equal, solver_steps=2), replace(adaptive, tolerance=0.2)]
    assert len({config.key for config in variants}) == len(variants)
    assert all(config_from_dict(json.loads(json.dumps(config.to_dict()))) == config for config in variants)
    own = {field.name for field in fields(NeuralODEConfig)} - {field.name for field in fields(RunConfig)}
    assert own == {"solver", "solver_steps", "tolerance", "adjoint", "time", "T", "max_nfe"}
    assert variants[3].key.startswith("neural-ode-three_eighths-adjoint-d4-w8-s0-")
    assert tiny(T=2).key == tiny(T=2.0).key


def test_golden_keys() -> None:
    """Committed records are filed under these names. If this fails, mend the code, not the test."""
    assert NeuralODEConfig().key == "neural-ode-removed-d4-w16-s0-134273316e"
    assert NeuralODEConfig(solver="rk4", solver_steps=2).key == "neural-ode-rk4-d4-w16-s0-c69bce9c2f"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"solver": "rk5"}, "solver 'rk5' is not one of adaptive_heun, bosh3"),
        ({"solver_steps": 0}, "solver_steps is 0, not a whole number from 1"),
        ({"max_nfe": None}, "max_nfe is None, not a whole number from 1"),
        ({"T": 0}, "T is 0, not a number from 1e-12 to 1000"),
        (DOPRI5 | {"tolerance": float("nan")}, "tolerance is nan, not a number from 1e-12 to 1000"),
        ({"adjoint": 1}, "adjoint is 1, not true or false"),
        ({"solver_steps": None}, "solver_steps is None, but solver three_eighths needs one"),
        ({"tolerance": 0.1}, "tolerance is 0.1, but solver three_eighths has none"),
        (DOPRI5 | {"solver_steps": 2}, "solver_steps is 2, but solver dopri5 has none"),
        (DOPRI5 | {"tolerance": None}, "tolerance is None, but solver dopri5 needs one"),
        ({"solver": "rk4", "adjoint": True}, "adjoint: rk4 has no adjoint in torchdiffeq"),
        ({"solver": None, "solver_steps": None, "adjoint": True}, "adjoint is True, but solver None"),
        ({"width": 40}, "width 40 does not divide by the 32 groups"),
        ({"scheme": "rk4"}, "scheme is 'rk4', but for neural-ode it must be 'euler'"),
        ({"precision": "bf16"}, "precision is 'bf16', but for neural-ode it must be 'fp32'"),
    ],
)
def test_a_refusal_is_a_sentence_about_the_field(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        tiny(**changes)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize("changes", [{}, DOPRI5], ids=["equal steps", "adaptive"])
@pytest.mark.parametrize("adjoint", [False, True])
def test_evaluations_of_every_epoch_are_recorded(changes: dict[str, Any], adjoint: bool) -> None:
    record = train.run(tiny(**changes, adjoint=adjoint, n_train=64))
    assert record.status == "done"
    for row in record.epochs:
        assert row["nfe_forward"] == 4 if not changes else row["nfe_forward"] >= 8
        assert (row["nfe_backward"] > 0) == adjoint
    assert train.Record.from_json(record.to_json()) == record


def test_compiling_is_left_to_other_networks() -> None:
    assert train.run(tiny(epochs=1), compile=True).environment["compiled"] is False


def test_the_mean_over_the_epoch_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter([(2, 0), (2, 1), (5, 1), (5, 6), *[(8, 8)] * 4])
    monkeypatch.setattr(NeuralODE, "nfe", property(lambda self: train.NFE(*next(made))))
    epochs = train.run(tiny()).epochs
    assert [(row["nfe_forward"], row["nfe_backward"]) for row in epochs] == [(3.5, 2.0), (8.0, 8.0)]


def test_without_the_block_nothing_is_evaluated_and_other_networks_have_no_count() -> None:
    assert train.run(tiny(solver=None, solver_steps=None)).final["nfe_forward"] == 0
    plain = RunConfig(dataset="mini-cifar10", n_train=64, depth=4, width=4, batch=32, epochs=1)
    assert "nfe_forward" not in train.run(plain).final


def spoil(monkeypatch: pytest.MonkeyPatch, evaluation: int) -> None:
    """From this evaluation on the field gives no number."""
    count = iter(range(10_000))
    forward = VectorField.forward

    def broken(self: VectorField, t: Tensor | float, x: Tensor) -> Tensor:
        return forward(self, t, x) * (torch.nan if next(count) >= evaluation else 1.0)

    monkeypatch.setattr(VectorField, "forward", broken)


@pytest.mark.parametrize(("evaluation", "losses"), [(0, 0), (9, 2)])
def test_a_slope_that_is_not_a_number_ends_the_run(
    evaluation: int, losses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The losses before it are kept."""
    spoil(monkeypatch, evaluation)
    record = train.run(tiny())
    assert (record.status, record.epochs) == (Failure.NON_FINITE, [])
    assert len(record.early_loss) == losses
    assert train.Record.from_json(record.to_json()) == record


def test_test_images_are_shown_after_the_last_epoch_only() -> None:
    first, last = train.run(tiny()).epochs
    assert first.keys() - last.keys() == set()
    assert last.keys() - first.keys() == {"test_loss", "test_accuracy", "eval_seconds"}


def test_an_epoch_whose_evaluation_fails_has_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs, each of four steps of four evaluations, then the test images."""
    spoil(monkeypatch, 32)
    record = train.run(tiny())
    assert (record.status, len(record.epochs), len(record.early_loss)) == (Failure.NON_FINITE, 1, 8)


@pytest.mark.parametrize(
    ("changes", "losses"),
    [({"max_nfe": 3}, 0), (DOPRI5 | {"max_nfe": 7}, 0), ({"adjoint": True, "max_nfe": 4}, 8)],
    ids=["equal steps", "adaptive", "enough"],
)
def test_a_spent_budget_ends_the_run(changes: dict[str, Any], losses: int) -> None:
    record = train.run(tiny(**changes))
    assert record.status == ("done" if losses else Failure.BUDGET)
    assert len(record.early_loss) == losses


def test_a_budget_spent_backwards_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forwards the states soon rest; backwards they grow, which takes more steps."""
    monkeypatch.setattr(VectorField, "forward", lambda self, t, x: -50 * x)
    tight = tiny(**DOPRI5 | {"tolerance": 1e-3}, adjoint=True, n_train=32, epochs=1)
    row = train.run(tight).final
    assert row["nfe_backward"] > row["nfe_forward"] + 1
    record = train.run(replace(tight, max_nfe=int(row["nfe_forward"]) + 1))
    assert (record.status, record.early_loss) == (Failure.BUDGET, [])


@pytest.mark.parametrize("failure", Failure)
def test_whatever_the_solver_says_is_the_status(failure: Failure, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: object) -> Tensor:
        raise SolverError(failure, 7)

    monkeypatch.setattr(ODEBlock, "forward", give_up)
    record = train.run(tiny())
    assert (record.status, record.epochs, record.early_loss) == (failure.value, [], [])


def test_a_killed_run_resumes_to_the_same_bits(folder: Path) -> None:
    config = tiny(adjoint=True, epochs=3, n_train=64)
    killed(two_epochs, config, folder / "run.pt")
    resumed = train.run(config, checkpoint=folder / "run.pt")
    uninterrupted = train.run(config)
    assert metrics(resumed) == metrics(uninterrupted)
    assert [row["epoch"] for row in resumed.epochs] == [1, 2, 3]
