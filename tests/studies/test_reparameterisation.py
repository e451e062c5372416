"""RepVGG wired at orders 1 to 4: arms that differ in nothing else, and weights kept to be folded."""

from dataclasses import replace

import pytest

from odestack.lab import train
from odestack.nets.cost import cost
from odestack.studies import reparameterisation as study


def test_arms_differ_in_the_method_only_and_cost_the_same() -> None:
    configs = [job.config for job in study.jobs("cpu")]
    assert len({replace(config, scheme="euler", seed=0) for config in configs}) == 1
    assert [config.seed for config in configs] == [0] * 4 + [1] * 4
    assert {(config.depth, config.epochs) for config in configs} == {(50, 4)}
    spent = [cost(job.config.network()) for job in study.jobs("smoke")]
    assert len({(each.parameters, each.macs, each.evaluations) for each in spent}) == 1


def test_the_weights_of_one_seed_are_kept() -> None:
    kept = {(job.config.scheme, job.config.seed): job.keep for job in study.jobs("cpu")}
    assert kept == {(scheme, seed): "nothing" if seed else "final" for scheme in study.SCHEMES for seed in (0, 1)}
    assert {job.keep for job in study.jobs("gpu")} == {"nothing"}


def test_smoke_runs_give_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every arm is trained for four steps on mini-cifar10."""
    monkeypatch.setattr(train, "evaluate", lambda *_: (2.3, 10.0))
    records = [train.run(job.config) for job in study.jobs("smoke")]
    assert {(record.status, record.final["step"]) for record in records} == {("done", 4)}
    assert study.table(records)[["scheme", "order"]].to_numpy().tolist() == [
        ["euler", 1],
        ["midpoint", 2],
        ["heun3", 3],
        ["rk4", 4],
    ]
