"""The numbers of the front page."""

import pytest

from odestack.claims import CLAIMS, answer, chinese
from odestack.claims.scorecard import scorecard
from odestack.lab.records import Record, Store
from odestack.studies import depth_by_order, evidence


@pytest.fixture(autouse=True)
def store(empty_data):
    return Store("cpu")


def trained(store, accuracies):
    """Puts a record of the study of depth and order for each scheme, depth and seed."""
    configs = [job.config for job in depth_by_order.jobs("cpu") if job.config.relu and job.config.final_norm]
    for config in configs:
        if (config.scheme, config.depth, config.seed) in accuracies:
            row = {"test_accuracy": accuracies[config.scheme, config.depth, config.seed]}
            store.put(Record(config, "done", [row], [], {}, 1.0))


def test_every_claim_and_verdict_has_chinese_words():
    assert list(chinese.CLAIMS) == [claim.id for claim in CLAIMS]
    assert set(chinese.WORDS) == set(answer.WORDS)


def test_the_gain_is_that_of_the_two_methods_at_each_depth_that_has_both(store):
    assert answer.gains(evidence.gather("depth_by_order")) == {}
    trained(store, {("euler", 26, 0): 60.0, ("rk4", 26, 0): 61.5, ("rk4", 98, 0): 70.0})
    gains = answer.gains(evidence.gather("depth_by_order"))
    assert {depth: effect.estimate for depth, effect in gains.items()} == {26: 1.5}
    assert answer.interval(gains[26]) == "[one seed, no interval]"


def test_with_two_seeds_there_is_an_interval(store):
    seeds = {(scheme, 26, seed): 60 + seed * (1 + (scheme == "rk4")) for scheme in ("euler", "rk4") for seed in (0, 1)}
    trained(store, seeds)
    (effect,) = answer.gains(evidence.gather("depth_by_order")).values()
    low, high = effect.interval()
    assert low < 0.5 < high
    assert answer.interval(effect) == f"[{low:+.2f}, {high:+.2f}]".replace("-", "−")


def test_every_claim_is_counted_once():
    counted = answer.counts(scorecard())
    assert sorted(id for ids in counted.values() for id in ids) == sorted(claim.id for claim in CLAIMS)
    assert "C1" in counted["reproduced"], "C1 needs no runs"
