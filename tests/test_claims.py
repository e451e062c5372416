"""The rules must say each verdict when it is true, and "reproduced" on noise no more often than their level."""

import numpy as np
import pytest

from odestack import claims
from odestack.claims import INCONCLUSIVE, NOT_REPRODUCED, NOT_RUN, REPRODUCED
from odestack.lab.config import PROFILES
from odestack.lab.records import Record
from odestack.studies import depth_by_order
from odestack.studies.evidence import Evidence

ORDER = {"euler": 1, "midpoint": 2, "heun3": 3, "rk4": 4}


def evidence(truth, sigma=0.2, seeds=(0, 1, 2), seed=0):
    """Records of the cpu study with accuracy = truth(order, depth) + noise."""
    rng = np.random.default_rng(seed)
    shift = {s: rng.normal(0, 0.5) for s in depth_by_order.SEEDS}
    records = []
    for job in depth_by_order.jobs("cpu"):
        config = job.config
        if config.seed not in seeds:
            continue
        accuracy = truth(ORDER[config.scheme], config.depth) + shift[config.seed] + rng.normal(0, sigma)
        row = {"epoch": 8, "step": 3120, "train_loss": 1.0, "test_loss": 1.0, "test_accuracy": accuracy}
        records.append(Record(config, "done", [row], [], {}, 60.0))
    return Evidence("depth_by_order", "cpu", records, [])


def verdicts(*args, **kwargs):
    judged = claims.judge(claims.by_depth_and_order(evidence(*args, **kwargs)))
    return {verdict.claim.id: verdict.verdict for verdict in judged}


def test_a_world_in_which_the_article_is_right():
    def truth(order, depth):
        growth = {26: 0.0, 50: 1.0, 98: 2.0 if order == 4 else 0.9}[depth]
        degradation = -2.0 if order == 1 and depth == 98 else 0.0
        return 80 + growth + (order - 1) * {26: 0.1, 50: 0.7, 98: 1.2}[depth] + degradation

    def stalled(order, depth):  # orders 2 and 3 exactly level from 50 to 98
        return truth(order, min(depth, 50)) if order in (2, 3) else truth(order, depth)

    assert verdicts(stalled) == dict.fromkeys(["C2", "C3", "C4", "C5"], REPRODUCED)


def test_a_world_in_which_it_is_wrong():
    def truth(order, depth):
        return 80 + depth / 20 - 0.5 * order * (depth / 50)  # higher order is worse, and more so when deep

    assert verdicts(truth) == {
        "C2": NOT_REPRODUCED,
        "C3": NOT_REPRODUCED,
        "C4": NOT_REPRODUCED,
        "C5": NOT_REPRODUCED,
    }


def test_too_noisy_to_tell():
    assert set(verdicts(lambda order, depth: 80.0 + 0.05 * order, sigma=4.0).values()) == {INCONCLUSIVE}


def test_one_seed_decides_nothing():
    assert set(verdicts(lambda order, depth: 80.0 + order, seeds=(0,)).values()) == {INCONCLUSIVE}


def test_without_records_nothing_is_run():
    empty = Evidence("depth_by_order", "cpu", [], [])
    assert {v.verdict for v in claims.judge(claims.by_depth_and_order(empty))} == {NOT_RUN}


@pytest.mark.parametrize("growth", [0.0, -3.0])
def test_no_false_reproduction_on_noise(growth):
    """Family-wise: any claim called reproduced although no effect is above zero."""
    false = 0
    for seed in range(200):
        found = verdicts(lambda order, depth: 80.0 + growth * (order == 4) * (depth > 50), sigma=0.3, seed=seed)
        false += REPRODUCED in found.values()
    assert false / 200 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_a_small_effect_surely_below_the_smallest_of_interest_is_not_reproduced():
    def truth(order, depth):
        return 80.0

    assert verdicts(truth, sigma=0.02)["C4"] == NOT_REPRODUCED


def test_equal_cost_is_counted_and_holds():
    (verdict,) = claims.judge([claims.equal_cost()])
    assert verdict.verdict == REPRODUCED
    assert verdict.p_value is None


def test_frame_has_one_row_a_direction():
    judged = claims.judge(claims.by_depth_and_order(evidence(lambda order, depth: 80.0)))
    table = claims.frame(judged)
    assert len(table) == sum(len(v.claim.directions) for v in judged)
    assert all(table["low"].to_numpy() <= table["estimate"].to_numpy())
    assert set(table["profile"]) == {"cpu"}


def test_smoke_profile_has_every_training_path_but_cannot_decide():
    smoke = {job.config.scheme for job in depth_by_order.jobs("smoke")}
    assert smoke == set(depth_by_order.SCHEMES)
    assert PROFILES["smoke"].dataset == "mini-cifar10"
