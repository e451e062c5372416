"""The traits that go along with the order, and the loss by which methods are compared early."""

import math

import pytest

from odestack.lab.records import Record
from odestack.methods import catalogue
from odestack.studies import methods


def traits(scheme, depth=50):
    return dict(zip(methods.TRAITS, methods.traits(catalogue.get(scheme), depth), strict=True))


def test_what_blocks_add_follows_the_squares_of_the_weights():
    assert traits("euler")["added"] == 24
    assert traits("midpoint")["added"] == 12
    assert traits("rk4")["added"] == pytest.approx(6 * (1 + 4 + 4 + 1) / 36)


def test_euler_blocks_that_fill_the_rest_count_as_blocks_and_add_one_each():
    b = catalogue.get("cooper_verner8").floats()[1]
    found = traits("cooper_verner8")
    assert found["T"] == 2 + 2
    assert found["added"] == pytest.approx(2 * (b**2).sum() + 2)


def test_early_loss_is_the_mean_of_steps_281_to_300():
    row = {"epoch": 4, "step": 1560, "train_loss": 1.0, "test_loss": 1.1, "test_accuracy": 70.0}
    config = methods.jobs("cpu")[0].config
    table = methods.table(
        [Record(config, "done", [row], losses, {}, 1.0) for losses in ([9.0] * 280 + [1.0, 2.0] * 10 + [9.0] * 100, [])]
    )
    assert table["early_loss"].iloc[0] == pytest.approx(1.5)
    assert math.isnan(table["early_loss"].iloc[1])
