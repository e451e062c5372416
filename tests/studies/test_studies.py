"""Each study asks for what its claim needs, and its table has one row a run."""

from dataclasses import replace

import pandas as pd
import pytest

from odestack.lab.records import Record
from odestack.methods import catalogue
from odestack.studies import STUDIES, branch_depth, headline, hundred_steps, learning_rate, methods, tuned

ROW = {"epoch": 4, "step": 1560, "train_loss": 1.0, "test_loss": 1.1, "test_accuracy": 70.0, "held_out_accuracy": 69.0}
ROW |= {"test_psnr": 70.0}
SCORES = {"unet": "psnr"}
"""The outcome of studies in which it is not accuracy."""
TRAINED = [name for name in STUDIES if STUDIES[name].jobs("cpu") and name != "landscape"]
"""Landscape measures the runs of another study, and has a test file of its own."""


def records(study, profile="cpu"):
    return [Record(job.config, "done", [ROW], [1.5] * 40, {}, 60.0) for job in study.jobs(profile)]


def test_all_studies_train_at_cpu_but_three():
    """The cost is counted; the anchor and segmentation need a GPU."""
    assert set(STUDIES) - set(TRAINED) - {"landscape"} == {"cost", "anchor", "segmentation"}


@pytest.mark.parametrize("name", TRAINED)
def test_tables_have_a_row_a_run_and_are_empty_without_records(name):
    study = STUDIES[name]
    assert len(study.table(records(study))) == len(study.jobs("cpu"))
    assert study.table(records(study))[SCORES.get(name, "accuracy")].tolist() == [70.0] * len(study.jobs("cpu"))
    empty = study.table([])
    assert len(empty) == 0
    assert set(study.table(records(study)).columns) == set(empty.columns)


@pytest.mark.parametrize("name", TRAINED)
def test_a_diverged_run_is_a_row_without_accuracy(name):
    study = STUDIES[name]
    record = Record(study.jobs("cpu")[0].config, "diverged", [ROW], [2.0], {}, 1.0)
    table = study.table([record])
    assert table["status"].tolist() == ["diverged"]
    assert pd.isna(table[SCORES.get(name, "accuracy")].iloc[0])


def test_methods_runs_the_whole_catalogue_and_fills_only_where_it_must():
    table = methods.table(records(methods))
    assert set(table["scheme"]) == set(catalogue.names())
    assert set(table.loc[table["remainder"], "scheme"]) == {"cooper_verner8"}
    rk4 = table[table["scheme"] == "rk4"].iloc[0]
    assert (rk4["stages"], rk4["T"]) == (4, 6)
    assert rk4["sum_b"] == pytest.approx(1)
    assert rk4["sum_a"] == pytest.approx(2)


def test_branches_of_every_depth_have_the_same_number_of_layers():
    for job in branch_depth.jobs("cpu"):
        network = job.config.network()
        branches = list(network.branches())
        assert sum(1 for b in branches for m in b.modules() if type(m).__name__ == "Conv2d") == 48


def test_headline_fills_with_euler_blocks_only_at_depth_30_and_34_as_needed():
    filled = {(job.config.scheme, job.config.depth): job.config.remainder for job in headline.jobs("cpu")}
    assert filled == {
        ("euler", 30): False,
        ("rk4", 30): True,
        ("euler", 34): False,
        ("rk4", 34): False,
        ("euler", 58): False,
        ("rk4", 58): False,
    }


def test_networks_after_a_hundred_steps_are_all_kept():
    jobs = hundred_steps.jobs("cpu")
    assert {job.keep for job in jobs} == {"final"}
    assert {(job.config.total_steps, job.config.schedule, job.config.lr) for job in jobs} == {(100, "constant", 0.1)}
    assert {(job.config.depth, job.config.scheme) for job in jobs} == {
        (depth, scheme) for depth in (26, 98) for scheme in ("euler", "midpoint", "heun3", "rk4")
    }


def test_learning_rate_looks_at_the_first_steps_at_a_constant_rate():
    jobs = learning_rate.jobs("cpu")
    assert {(job.config.steps, job.config.schedule) for job in jobs} == {(300, "constant")}
    usual = [job.config for job in jobs if learning_rate.setting(job.config) == learning_rate.USUAL]
    plain = [config for config in usual if config.depth < 194]
    assert len(plain) == 2 * 5 * 4 * 2
    diverged = Record(plain[0], "diverged", [], [2.0] * 30, {}, 1.0)
    assert learning_rate.table([diverged])["early_loss"].tolist() == [float("inf")]


def test_the_rate_is_chosen_on_held_out_images_not_on_the_test():
    by_rate = {0.05: (60, 90), 0.1: (75, 10), 0.2: (70, 20), 0.4: (65, 30)}  # held out, test
    runs = []
    for job in tuned.jobs("cpu"):
        held_out, test = by_rate[job.config.lr]
        row = ROW | {"held_out_accuracy": float(held_out), "test_accuracy": float(test)}
        runs.append(Record(job.config, "done", [row], [], {}, 1.0))
    best = tuned.best(tuned.table(runs))
    assert set(best["lr"]) == {0.1}
    assert len(best) == 2 * 2 * 2
    assert set(best["accuracy"]) == {10.0}


def test_held_out_images_are_not_trained_on():
    config = tuned.jobs("smoke")[0].config
    assert config.train_images + config.held_out == 2_000
    with pytest.raises(ValueError, match="held_out"):
        replace(config, n_train=1_900)
