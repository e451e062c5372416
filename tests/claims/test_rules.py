"""Each rule says each verdict when it is true; and "reproduced" of a false claim no more often than its level."""

import numpy as np
import pytest
from cases import CASES, accuracy, loss, order, slow_and_large, smoother
from worlds import ARMS, Arm, finding, verdict, world

from odestack import claims
from odestack.claims import ALPHA, INCONCLUSIVE, NOT_REPRODUCED, NOT_RUN, REPRODUCED
from odestack.claims.rules import beyond, depth, rate, wiring
from odestack.studies import learning_rate
from odestack.studies.statistics import ArmModel

DRAWS = 200


def at_most(level: float, draws: int) -> float:
    """A share that a test of this level exceeds in one of a thousand simulations."""
    return level + 3.1 * np.sqrt(level * (1 - level) / draws)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_right(case):
    assert verdict(case.rule, world(case.study, case.right)) == REPRODUCED


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_wrong(case):
    assert verdict(case.rule, world(case.study, case.wrong)) == NOT_REPRODUCED


BY_ARMS = {id: case for id, case in CASES.items() if id not in ("C7", "C12", "C15")}
"""The rules that compare means of arms over seeds; the others count runs, rank methods, or have one seed."""


@pytest.mark.parametrize("case", BY_ARMS.values(), ids=BY_ARMS)
def test_too_noisy_to_tell(case):
    """A direction that is true may be excluded by one interval in forty, and no more."""
    tables = [world(case.study, case.right, sigma=15.0, seed=seed) for seed in range(40)]
    found = [verdict(case.rule, table) for table in tables]
    directions = len(case.rule(tables[0])[0])
    assert found.count(INCONCLUSIVE) > len(found) / 2
    assert found.count(NOT_REPRODUCED) / len(found) <= at_most(0.025 * directions, len(found))


@pytest.mark.parametrize("case", BY_ARMS.values(), ids=BY_ARMS)
def test_one_seed_decides_nothing(case):
    assert verdict(case.rule, world(case.study, case.right, seeds=1)) == INCONCLUSIVE


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_without_records_nothing_is_run(case):
    empty = world(case.study).iloc[:0]
    assert verdict(case.rule, empty) == NOT_RUN


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.null], ids=[i for i in CASES if CASES[i].null]
)
def test_a_false_claim_is_reproduced_no_more_often_than_the_level(case):
    worlds = (world(case.study, case.null, sigma=0.2, seed=seed) for seed in range(DRAWS))
    share = sum(verdict(case.rule, table) == REPRODUCED for table in worlds) / DRAWS
    assert share <= at_most(ALPHA, DRAWS)


@pytest.mark.parametrize("shared", [False, True], ids=["every run by itself", "seeds together"])
def test_equal_chances_of_failure_are_no_difference(shared: bool):
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(DRAWS):
        table = world("learning_rate")
        fate = table.groupby([*learning_rate.SETTING, "scheme"]).ngroup() if shared else np.arange(len(table))
        table["failed"] = rng.random(len(table))[fate] < 0.4
        false += verdict(rate.only_the_plain_stack_fails, table) == REPRODUCED
    assert false / DRAWS <= at_most(ALPHA, DRAWS)


def test_if_nothing_fails_the_claim_about_failures_is_open():
    assert verdict(rate.only_the_plain_stack_fails, world("learning_rate")) == INCONCLUSIVE


def test_on_noise_alone_hardly_any_scorecard_has_a_reproduced_claim():
    """Family-wise: all arms equal, but where that is what the claim says; there the truth is at the bound."""
    at_bound = {id: CASES[id].null or {} for id in ("C5", "C9", "C10", "C14", "C20")}
    tested = [claim for claim in claims.CLAIMS if claim.rules]
    draws, false = 100, 0
    for seed in range(draws):
        tables = {study: world(study, sigma=0.2, seed=seed) for study in ARMS}
        findings = []
        for claim in tested:
            special = {
                study: world(study, at_bound[claim.id], 0.2, seed) for study in claim.studies if claim.id in at_bound
            }
            findings.append(finding(claim, tables | special))
        false += any(each.verdict == REPRODUCED for each in claims.judge(findings))
    assert false / draws <= at_most(ALPHA, draws)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_of_a_partial_store_no_rule_makes_an_error(case):
    table = world(case.study, case.right)
    for share in (0.02, 0.1, 0.3, 0.6):
        part = table.sample(frac=share, random_state=0)
        assert verdict(case.rule, part) in (REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE, NOT_RUN)


def test_a_claim_is_not_reproduced_without_an_arm_that_it_needs():
    table = world("headline", CASES["C18"].right)
    assert verdict(depth.gains_at_30_and_58, table.loc[table["depth"] != 58]) == INCONCLUSIVE


def test_a_gain_that_costs_no_evaluations_is_not_the_claim():
    table = world("neural_ode", CASES["C16"].right)
    table["nfe_forward"] = 20.0 + table["seed"]
    assert verdict(beyond.higher_order_gains_by_evaluations, table) == NOT_REPRODUCED


def test_nor_is_one_at_equal_evaluations():
    table = world("neural_ode", accuracy(lambda arm: 1.0 * arm["order"]))
    assert verdict(beyond.higher_order_gains_by_evaluations, table) == NOT_REPRODUCED


def test_the_cost_is_the_factor_of_evaluations():
    _, cost, _ = beyond.higher_order_gains_by_evaluations(world("neural_ode"))[0]
    assert cost.effect is not None
    assert cost.effect.estimate == pytest.approx(np.log2(80 / 20), abs=0.05)


def test_few_failures_do_not_tell():
    table = world("learning_rate")
    table["failed"] = (table["scheme"] == "euler") & (table["depth"] == 194)
    assert verdict(rate.only_the_plain_stack_fails, table) == INCONCLUSIVE


def test_a_middling_rank_correlation_does_not_tell():
    ranks = {name: rank for rank, name in enumerate(["rk4", "euler", "cooper_verner8", "heun2", "gill4", "midpoint"])}
    table = world("methods", accuracy(lambda arm: 0.5 * order(arm) + 2.0 * ranks.get(arm["scheme"], 0)), sigma=0.01)
    assert verdict(wiring.accuracy_rises_over_methods, table) == INCONCLUSIVE


def test_a_diverged_run_counts_as_chance():
    table = world("headline")
    deep = (table["scheme"] == "euler") & (table["depth"] == 58)
    table.loc[deep, ["status", "accuracy"]] = ["diverged", np.nan]
    (direction,), _ = depth.degrades_to_58(table)
    assert direction.effect is not None
    assert direction.effect.estimate == pytest.approx(80 - 10, abs=1.0)
    assert verdict(depth.degrades_to_58, table) == REPRODUCED

    table = world("learning_rate")
    table.loc[(table["scheme"] == "euler") & (table["lr"] == 0.8), ["status", "early_loss"]] = ["diverged", np.inf]
    first, second = rate.large_rate_slows_the_plain_stack(table)[0]
    for direction in (first, second):
        assert direction.effect is not None
        assert direction.effect.estimate == pytest.approx(np.log(10) - 1.5, abs=0.2)


def test_a_loss_above_chance_counts_as_chance():
    table = world("learning_rate", loss(lambda arm: 50.0 * slow_and_large(arm)))
    (direction, _), _ = rate.large_rate_slows_the_plain_stack(table)
    assert direction.effect is not None
    assert direction.effect.estimate < np.log(10)


def test_the_sign_of_a_shift_is_paid_for():
    """The p-values of C8 are twice those of one-sided tests."""
    table = world("downsampling", sigma=1.0, seed=3)
    euler = ArmModel(table, ["scheme", "downsample"]).effect({("euler", "first"): 1.0, ("euler", "stem"): -1.0})
    direction = rate.downsampling_shifts_the_plain_stack(table)[0][0]
    assert euler is not None
    assert direction.effect is not None
    assert direction.effect.estimate == pytest.approx(abs(euler.estimate))
    assert direction.p_value == pytest.approx(2 * min(euler.p_above(), euler.p_below()))


def test_shifts_of_opposite_signs_do_not_cancel():
    shifts = {"euler": 1.0, "midpoint": 2.0, "heun3": -2.0, "rk4": 0.0}
    table = world("downsampling", accuracy(lambda arm: shifts[arm["scheme"]] * (arm["downsample"] == "first")))
    assert verdict(rate.downsampling_shifts_the_plain_stack, table) == NOT_REPRODUCED


def test_the_best_rate_is_each_depths_own():
    def truth(arm: Arm) -> float:
        best = {50: 0.1, 98: 0.4}[arm["depth"]]
        return -3.0 * (arm["lr"] != best)

    table = world("tuned", {"accuracy": truth, "held_out_accuracy": truth})
    rows = rate.tuning_cures_degradation(table)[1]
    assert set(zip(rows["depth"], rows["lr"], strict=True)) == {(50, 0.1), (98, 0.1), (98, 0.4)}
    assert verdict(rate.tuning_cures_degradation, table) == REPRODUCED


def test_where_nothing_degrades_at_the_usual_rate_nothing_is_cured():
    better = world("tuned", accuracy(lambda arm: 1.0 * (arm["depth"] == 98)))
    assert verdict(rate.tuning_cures_degradation, better) == INCONCLUSIVE


def test_surfaces_in_one_direction_or_at_one_depth_tell_nothing():
    table = world("landscape", CASES["C15"].right)
    one_direction = table.loc[~(table["direction"] > 0)]
    assert verdict(beyond.surfaces_get_smoother, one_direction) == INCONCLUSIVE
    one_depth = table.loc[(table["kind"] == "surface") | (table["depth"] == 26)]
    assert verdict(beyond.surfaces_get_smoother, one_depth) == INCONCLUSIVE


def test_planes_around_single_networks_contradict_nothing():
    rougher = world("landscape", smoother(5.0, 5.0, -5.0))
    assert verdict(beyond.surfaces_get_smoother, rougher) == INCONCLUSIVE


def test_surfaces_rest_on_one_run_a_method_and_depth():
    rows = beyond.surfaces_get_smoother(world("landscape"))[1]
    assert (len(rows), rows["seed"].nunique()) == (8, 1)


def test_a_trend_that_networks_scatter_about_is_not_shown():
    """The directions of a plane agree, but the Hessians of the networks do not follow the order."""
    odd = {("euler", 26): 30.0, ("rk4", 26): -30.0, ("euler", 98): -25.0, ("rk4", 98): 35.0}
    truths = smoother(-5.0, -5.0, 0.0) | {
        "normalised_eigenvalue": lambda arm: odd.get((arm["scheme"], arm["depth"]), 0.0)
    }
    assert verdict(beyond.surfaces_get_smoother, world("landscape", truths)) == INCONCLUSIVE


def test_every_claim_with_rules_is_tried_here():
    tried = {(case.study, case.rule) for case in CASES.values()}
    registered = {(study, rule) for claim in claims.CLAIMS for study, rule in (claim.rules or {}).items()}
    assert tried == registered
    assert set(ARMS) >= {study for study, _ in tried}
