"""How a verdict follows from the directions of a claim, among all claims."""

from math import inf

import pytest

from odestack.claims import (
    ALPHA,
    INCONCLUSIVE,
    NOT_REPRODUCED,
    NOT_RUN,
    REPRODUCED,
    SMALLEST,
    SMALLEST_LOSS,
    Claim,
    Finding,
    judge,
)
from odestack.claims.verdicts import DECIBELS, NATS, Direction, does_not_rise, equals, rises
from odestack.lab.records import Record, Store
from odestack.studies import depth_by_order
from odestack.studies.statistics import Contrast, Nonparametric


def effect(estimate: float, error: float = 0.1, df: int = 20) -> Contrast:
    return Contrast(estimate, error, df)


def finding(id: str, *directions: Direction, missing: int = 0, holds: bool | None = None) -> Finding:
    return Finding(Claim(id, f"what {id} says"), {"study": directions}, missing=missing, holds=holds)


def verdict(*directions: Direction) -> str:
    return judge([finding("C1", *directions)])[0].verdict


@pytest.mark.parametrize(
    ("estimate", "error", "said"),
    [
        (1.0, 0.1, REPRODUCED),
        (0.3, 0.1, REPRODUCED),  # shown, though smaller than the smallest of interest
        (0.0, 0.1, NOT_REPRODUCED),
        (-1.0, 0.1, NOT_REPRODUCED),
        (0.3, 0.3, INCONCLUSIVE),
        (-0.3, 2.0, INCONCLUSIVE),
    ],
)
def test_rises(estimate, error, said):
    assert verdict(rises("it", effect(estimate, error))) == said


@pytest.mark.parametrize(
    ("estimate", "error", "said"),
    [
        (0.0, 0.1, REPRODUCED),
        (-3.0, 0.1, REPRODUCED),
        (0.9, 0.1, NOT_REPRODUCED),
        (SMALLEST, 0.1, INCONCLUSIVE),
        (0.0, 1.0, INCONCLUSIVE),
    ],
)
def test_does_not_rise(estimate, error, said):
    assert verdict(does_not_rise("it", effect(estimate, error))) == said


@pytest.mark.parametrize(
    ("estimate", "error", "said"),
    [
        (0.0, 0.1, REPRODUCED),
        (0.9, 0.1, NOT_REPRODUCED),
        (-0.9, 0.1, NOT_REPRODUCED),
        (SMALLEST, 0.1, INCONCLUSIVE),
        (-SMALLEST, 0.1, INCONCLUSIVE),
        (0.0, 1.0, INCONCLUSIVE),
    ],
)
def test_equals(estimate, error, said):
    assert verdict(equals("it", effect(estimate, error))) == said


def test_bounds_are_those_of_the_unit():
    assert rises("it", effect(1.0), NATS).needed == (SMALLEST_LOSS, inf)
    assert equals("it", effect(1.0), NATS).shown == (-SMALLEST_LOSS, SMALLEST_LOSS)
    assert rises("it", effect(1.0), DECIBELS).needed == (0.1, inf)
    assert rises("it", effect(1.0), NATS, needed=0.3).needed == (0.3, inf)


def test_what_is_asked_is_said_in_signs():
    assert [make("it", None).asks for make in (rises, does_not_rise, equals)] == ["> 0", "< 0.5", "within ±0.5"]


def test_a_claim_needs_all_its_directions():
    shown, open_, excluded = (
        rises("it", effect(estimate, error)) for estimate, error in ((1.0, 0.1), (0.3, 0.4), (-1.0, 0.1))
    )
    assert verdict(shown, shown) == REPRODUCED
    assert verdict(shown, open_) == INCONCLUSIVE
    assert verdict(shown, open_, excluded) == NOT_REPRODUCED
    assert verdict(shown, rises("not run", None)) == INCONCLUSIVE
    assert verdict(rises("not run", None), rises("not run", None)) == NOT_RUN
    assert verdict() == NOT_RUN


def test_without_a_second_seed_nothing_is_decided():
    assert verdict(rises("it", effect(9.0, inf, 0))) == INCONCLUSIVE
    assert verdict(does_not_rise("it", effect(-9.0, inf, 0))) == INCONCLUSIVE
    assert verdict(equals("it", effect(0.0, inf, 0))) == INCONCLUSIVE


@pytest.mark.parametrize("estimate", [-9.0, 9.0])
def test_while_runs_are_missing_nothing_is_decided(estimate):
    sure = rises("it", effect(estimate))
    (found,) = judge([finding("C1", sure, missing=1)])
    assert str(found) == f"{INCONCLUSIVE} (provisional)"
    assert found.p_value == sure.p_value
    assert judge([finding("C1", sure)])[0].verdict != INCONCLUSIVE
    assert judge([finding("C1", rises("it", None), missing=1)])[0].verdict == NOT_RUN


def test_holm_runs_over_the_claims_that_have_been_tested_and_no_others():
    hardly = rises("it", Nonparametric(1.0, 0.1, 2.0, 0.03))
    surely = rises("it", Nonparametric(1.0, 0.9, 1.1, 0.0001))
    alone = judge([finding("C1", hardly)])
    assert alone[0].verdict == REPRODUCED
    untested = [finding("C2", rises("it", None)), finding("C3"), finding("C4", holds=True)]
    assert judge([finding("C1", hardly), *untested])[0].p_value == alone[0].p_value == 0.03
    two = judge([finding("C1", hardly), finding("C2", hardly)])
    assert [each.p_value for each in two] == [0.06, 0.06]
    assert {each.verdict for each in two} == {INCONCLUSIVE}
    with_a_sure_one = judge([finding("C1", hardly), finding("C2", surely)])
    assert [each.p_value for each in with_a_sure_one] == pytest.approx([0.03, 0.0002])


def test_a_small_effect_that_the_correction_keeps_open_contradicts_nothing():
    small = rises("it", effect(0.25, 0.1))
    assert small.interval[0] > 0
    assert small.interval[1] < SMALLEST
    assert verdict(small) == REPRODUCED
    others = [finding(f"C{i}", rises("it", effect(0.3, 0.3))) for i in range(2, 20)]
    assert judge([finding("C1", small), *others])[0].verdict == INCONCLUSIVE


def test_an_untested_claim_has_no_p_value_and_a_counted_one_needs_none():
    verdicts = judge([finding("C1"), finding("C2", holds=True), finding("C3", holds=False)])
    assert [each.verdict for each in verdicts] == [NOT_RUN, REPRODUCED, NOT_REPRODUCED]
    assert {each.p_value for each in verdicts} == {None}


def more_seeds(direction: Direction, missing: int = 0) -> list[str]:
    sure = rises("it", effect(1.0))
    by_study = {"settled": [sure], "other": [direction]}
    (each,) = judge([Finding(Claim("C1", ""), by_study, missing=missing)])
    return each.more_seeds


def test_more_seeds_are_asked_for_where_an_interval_crosses_its_bound():
    open_ = rises("it", effect(0.3, 0.4))
    assert more_seeds(open_) == ["other"]
    assert more_seeds(open_, missing=1) == [], "first the runs that were planned"
    assert more_seeds(rises("it", effect(1.0))) == [], "reproduced"
    assert more_seeds(rises("it", effect(-1.0))) == [], "not reproduced"
    assert more_seeds(equals("it", effect(0.4, 0.3))) == ["other"]
    assert more_seeds(rises("it", effect(0.9, inf, 0))) == ["other"], "one seed has no interval"


def test_what_only_holms_correction_holds_back_asks_for_no_seeds():
    clear = rises("it", effect(0.6, 0.25))
    assert clear.p_value < ALPHA
    verdicts = judge([finding(f"C{i}", clear) for i in range(1, 21)])
    assert {each.verdict for each in verdicts} == {INCONCLUSIVE}
    assert {tuple(each.more_seeds) for each in verdicts} == {()}


def test_half_a_point_is_about_the_smallest_effect_of_loss():
    """By the slope of test accuracy on test loss within the second halves of the committed runs."""
    import numpy as np

    store = Store("cpu")
    found = [store.get(job.config) for job in depth_by_order.jobs("cpu")]
    runs: list[Record] = [record for record in found if record is not None and record.status == "done"]
    loss, accuracy = [], []
    for record in runs:
        late = record.epochs[len(record.epochs) // 2 :]
        loss += list(np.array([row["test_loss"] for row in late]) - np.mean([row["test_loss"] for row in late]))
        accuracy += list(np.array([r["test_accuracy"] for r in late]) - np.mean([r["test_accuracy"] for r in late]))
    slope = np.polyfit(loss, accuracy, 1)[0]
    assert 0.01 <= SMALLEST / -slope <= SMALLEST_LOSS
