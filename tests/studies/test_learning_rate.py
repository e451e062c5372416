from dataclasses import replace
from math import inf

import pytest

from odestack.lab.config import RunConfig
from odestack.lab.records import Record
from odestack.studies import learning_rate, tuned

BASE = RunConfig(schedule="constant", steps=300)


def record(status="done", losses=(), accuracy=50.0, **fields):
    epochs = [{"test_accuracy": accuracy, "held_out_accuracy": accuracy}] if status == "done" else []
    return Record(replace(BASE, **fields), status, epochs, list(losses), {}, 60.0)


def test_early_loss_is_that_of_the_last_twenty_steps_and_infinite_where_there_is_none():
    slow = [5.0] * 280 + [2.0, 2.2] * 10
    rows = learning_rate.table([record(losses=slow), record("diverged", [2.3, 9.0]), record("diverged")])
    assert rows["early_loss"].tolist() == pytest.approx([2.1, inf, inf])


def test_failed_is_diverged_or_stalled():
    losses = [[2.0] * 300, [2.26] * 300, [2.25] * 300]
    rows = learning_rate.table([*(record(losses=each) for each in losses), record("diverged", [2.0])])
    assert rows["failed"].tolist() == [False, True, False, True]


def test_curves_are_smoothed_and_end_where_a_run_diverged():
    falling = record(losses=[float(i) for i in range(300, 0, -1)], scheme="rk4", depth=98)
    broken = record("diverged", [2.0, 4.0], lr=3.2)
    rows = learning_rate.curves([falling, broken, record("diverged")])
    long, short = rows[rows["depth"] == 98], rows[rows["lr"] == 3.2]
    assert set(long["scheme"]) == {"rk4"}
    assert long["step"].tolist() == list(range(1, 301))
    assert [long["loss"].tolist()[i] for i in (0, 1, 299)] == [300.0, 299.5, sum(range(1, 21)) / 20]
    assert short["loss"].tolist() == [2.0, 3.0]


def test_without_records_there_are_columns_but_no_rows():
    assert learning_rate.table([]).empty
    assert "failed" in learning_rate.table([])
    assert list(learning_rate.curves([]))[-2:] == ["step", "loss"]


def test_settings_are_named_by_what_the_network_lacks():
    configs = [job.config for job in learning_rate.jobs("cpu")]
    rows = learning_rate.table([Record(config, "diverged", [], [], {}, 1.0) for config in configs])
    counts = rows["setting"].value_counts().to_dict()
    assert counts.pop(learning_rate.USUAL) == 2 * 5 * 4 * 2 + 2
    assert counts == {"no final norm": 4, "no ReLU": 4, "no batch norm": 4, "no batch norm, no ReLU": 4}


def test_the_best_rate_is_that_of_the_held_out_images_and_not_of_a_lucky_seed():
    runs = [
        record(scheme=scheme, depth=50, lr=lr, seed=seed, held_out=5000, accuracy=accuracy)
        for scheme, best in (("euler", 0.1), ("rk4", 0.4))
        for lr in tuned.RATES
        for seed, accuracy in enumerate((61.0, 61.0) if lr == best else (65.0, 50.0))
    ]
    chosen = tuned.best(tuned.table(runs)).groupby("scheme")["lr"].unique()
    assert chosen["euler"].tolist() == [0.1]
    assert chosen["rk4"].tolist() == [0.4]


def test_a_rate_at_which_one_seed_diverges_is_not_taken_at_its_best():
    safe = [record(depth=50, lr=0.1, seed=seed, held_out=5000, accuracy=60.0) for seed in (0, 1)]
    risky = [record(depth=50, lr=0.4, held_out=5000, accuracy=70.0), record("diverged", depth=50, lr=0.4, seed=1)]
    assert tuned.best(tuned.table([*safe, *risky]))["lr"].tolist() == [0.1, 0.1]
    assert tuned.best(tuned.table(risky))["seed"].tolist() == [0, 1]


def test_without_runs_there_is_no_best_rate():
    assert tuned.best(tuned.table([])).empty
