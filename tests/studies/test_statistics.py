import numpy as np
import pandas as pd
import pytest
from scipy import stats

from odestack.studies.statistics import ArmModel, Effect, holm, slope


def simulate(rng, means, seeds=3, sigma=0.3, seed_sigma=1.0):
    shifts = rng.normal(0, seed_sigma, seeds)
    return pd.DataFrame(
        [
            {"arm": arm, "seed": seed, "accuracy": mean + shifts[seed] + rng.normal(0, sigma)}
            for arm, mean in means.items()
            for seed in range(seeds)
        ]
    )


def test_two_arms_are_the_paired_t_test():
    table = simulate(np.random.default_rng(1), {"a": 80.0, "b": 81.0}, seeds=6)
    effect = ArmModel(table, ["arm"]).effect({("b",): 1, ("a",): -1})
    assert effect is not None
    values = table.pivot_table(index="seed", columns="arm", values="accuracy")
    oracle = stats.ttest_rel(values["b"], values["a"], alternative="greater")
    assert effect.df == 5
    assert effect.p_above() == pytest.approx(oracle.pvalue)
    assert effect.interval() == pytest.approx(tuple(stats.ttest_rel(values["b"], values["a"]).confidence_interval()))


def test_interval_covers_the_truth_as_often_as_stated():
    rng = np.random.default_rng(2)
    means = {"a": 80.0, "b": 80.7, "c": 79.0}
    hits = 0
    for _ in range(400):
        effect = ArmModel(simulate(rng, means), ["arm"]).effect({("b",): 1, ("a",): -1})
        assert effect is not None
        low, high = effect.interval()
        hits += low <= 0.7 <= high
    assert 0.92 <= hits / 400 <= 0.98


def test_arms_may_lack_seeds_and_missing_arms_have_no_effect():
    table = simulate(np.random.default_rng(3), {"a": 80.0, "b": 81.0, "c": 82.0}, sigma=0.01)
    table = table.loc[~((table["arm"] == "c") & (table["seed"] > 0))]
    model = ArmModel(table, ["arm"])
    effect = model.effect({("c",): 1, ("a",): -1})
    assert effect is not None
    assert effect.estimate == pytest.approx(2.0, abs=0.1)
    assert model.effect({("d",): 1, ("a",): -1}) is None


def test_one_seed_gives_an_estimate_without_an_interval():
    table = simulate(np.random.default_rng(4), {"a": 80.0, "b": 81.0}, seeds=1)
    effect = ArmModel(table, ["arm"]).effect({("b",): 1, ("a",): -1})
    assert effect is not None
    assert effect.interval() == (-np.inf, np.inf)
    assert effect.p_above(-100) == 1.0


def test_diverged_runs_have_no_outcome_and_an_empty_table_no_effect():
    table = pd.DataFrame({"arm": ["a", "a"], "seed": [0, 1], "accuracy": [None, None]})
    assert ArmModel(table, ["arm"]).effect({("a",): 1}) is None


def test_slope_is_that_of_polyfit():
    levels = {("a",): 1, ("b",): 2, ("c",): 3, ("d",): 4}
    values = {("a",): 80.0, ("b",): 80.4, ("c",): 81.0, ("d",): 80.9}
    weights = slope(levels)
    assert sum(weights[arm] * values[arm] for arm in levels) == pytest.approx(
        np.polyfit(list(levels.values()), list(values.values()), 1)[0]
    )


def test_holm_against_a_worked_example():
    # Smallest times 4, next times 3, and never below an earlier one.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_p_value_falls_as_the_effect_grows():
    p = [Effect(estimate, 0.2, 10).p_above() for estimate in (-1.0, 0.0, 0.5, 2.0)]
    assert p == sorted(p, reverse=True)
    assert p[1] == pytest.approx(0.5)
