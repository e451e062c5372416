from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from odestack.studies.statistics import (
    ArmModel,
    Contrast,
    Nonparametric,
    holm,
    mean,
    minus,
    rank_correlation,
    rise,
    sign_test,
    slope,
    tau_b,
    with_chance,
)


def simulate(rng, means, seeds=3, sigma=0.3, seed_sigma=1.0):
    shifts = rng.normal(0, seed_sigma, seeds)
    return pd.DataFrame(
        [
            {"arm": arm, "seed": seed, "accuracy": mean + shifts[seed] + rng.normal(0, sigma)}
            for arm, mean in means.items()
            for seed in range(seeds)
        ]
    )


def test_arms_that_nothing_joins_are_not_compared():
    runs = [("a", 0, 81.0), ("b", 1, 85.0), ("c", 0, 82.0)]
    model = ArmModel(pd.DataFrame(runs, columns=["arm", "seed", "accuracy"]), ["arm"])
    assert model.effect(minus(("a",), ("b",))) is None
    effect = model.effect(minus(("c",), ("a",)))
    assert effect is not None
    assert effect.estimate == pytest.approx(1.0)


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


def test_rise_is_from_end_to_end_of_the_fitted_line():
    levels = {("a",): 2.0, ("b",): 3.0, ("c",): 8.0}
    values = {("a",): 1.0, ("b",): 1.5, ("c",): 4.0}
    assert sum(weight * values[arm] for arm, weight in rise(levels).items()) == pytest.approx(3.0)


def test_holm_against_a_worked_example():
    # Smallest times 4, next times 3, and never below an earlier one.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_p_value_falls_as_the_effect_grows():
    p = [Contrast(estimate, 0.2, 10).p_above() for estimate in (-1.0, 0.0, 0.5, 2.0)]
    assert p == sorted(p, reverse=True)
    assert p[1] == pytest.approx(0.5)


def test_p_below_mirrors_p_above():
    assert Contrast(0.3, 0.2, 10).p_below(0.5) == pytest.approx(Contrast(-0.3, 0.2, 10).p_above(-0.5))
    assert Contrast(0.3, np.inf, 0).p_below(9.0) == 1.0


def test_weights_of_means_and_differences_add_up():
    assert mean([("a",), ("b",)]) == {("a",): 0.5, ("b",): 0.5}
    assert minus(("a",), ("b",)) == {("a",): 1.0, ("b",): -1.0}
    gain = minus(mean([("a",), ("b",)]), ("c",))
    assert minus(gain, minus(("d",), ("c",))) == {("a",): 0.5, ("b",): 0.5, ("c",): 0.0, ("d",): -1.0}


def test_chance_is_the_outcome_of_diverged_runs_and_the_cap_of_early_loss():
    table = pd.DataFrame(
        {
            "status": ["done", "diverged", "diverged", "done"],
            "accuracy": [80.0, None, None, None],
            "held_out_accuracy": [79.0, 55.0, None, 78.0],
            "early_loss": [1.5, np.inf, None, 9.0],
        }
    )
    counted = with_chance(table)
    assert counted["accuracy"].tolist()[:3] == [80.0, 10.0, 10.0]
    assert np.isnan(counted["accuracy"].tolist()[3]), "not diverged: unfinished, and left out"
    assert counted["held_out_accuracy"].tolist() == [79.0, 10.0, 10.0, 78.0]
    assert counted["early_loss"].tolist() == [1.5, np.log(10), np.log(10), np.log(10)]
    assert table["accuracy"].isna().tolist() == [False, True, True, True], "the table itself is left as it was"
    assert len(with_chance(table.iloc[:0])) == 0


def test_sign_test_is_mcnemars():
    first = [True] * 9 + [False] * 11
    second = [False] * 8 + [True] * 3 + [False] * 9  # the first alone 8 times, the second alone twice
    effect = sign_test(first, second)
    assert effect is not None
    assert effect.estimate == pytest.approx((8 - 2) / 20)
    assert effect.p_above() == pytest.approx(sum([45, 10, 1]) / 1024)
    low, high = effect.interval()
    oracle = stats.beta.ppf(0.025, 8, 3), stats.beta.ppf(0.975, 9, 2)  # Clopper and Pearson
    assert (low, high) == pytest.approx(tuple((2 * share - 1) * 10 / 20 for share in oracle))


def test_without_discordant_pairs_there_is_no_interval_and_without_pairs_no_effect():
    effect = sign_test([True, False], [True, False])
    assert effect == Nonparametric(0.0, -np.inf, np.inf, 1.0)
    assert sign_test([], []) is None


def test_a_test_against_zero_has_no_other_p_value():
    with pytest.raises(ValueError, match="tested against 0"):
        Nonparametric(1.0, 0.0, 2.0, 0.01).p_above(0.5)


def test_tau_b_is_scipys():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, (2, 50, 9)).astype(float)
    oracle = [stats.kendalltau(a, b)[0] for a, b in zip(x, y, strict=True)]
    assert tau_b(x, y) == pytest.approx(oracle)
    assert tau_b(np.ones(5), np.arange(5.0)) == 0.0


def test_the_p_value_of_a_rank_correlation_is_that_of_all_permutations():
    x, y = [1, 2, 2, 3, 4, 4], [0.1, 0.4, 0.2, 0.9, 0.5, 1.0]
    effect = rank_correlation(x, y, draws=20_000)
    assert effect is not None
    taus = [stats.kendalltau(x, list(order))[0] for order in permutations(y)]
    assert effect.p_above() == pytest.approx(np.mean(np.array(taus) >= effect.estimate - 1e-12), abs=0.003)
    assert effect == rank_correlation(x, y, draws=20_000), "the same every time"
    low, high = effect.interval()
    assert low < effect.estimate < high <= 1


def test_two_methods_have_no_rank_correlation():
    assert rank_correlation([1, 2], [1.0, 2.0]) is None
