"""The lab's map of methods by integration time, and that its effect is there in every seed of the repository."""

import pytest

from odestack.lab.records import Record, Store
from odestack.methods import catalogue
from odestack.studies import classroom


def finished(scheme: str, time: float, loss: float) -> Record:
    row = {"epoch": 2, "step": 124, "train_loss": loss, "test_loss": loss, "test_accuracy": 20.0}
    return Record(classroom.arm(scheme, time, 0), "done", [row], [9.0, *[loss] * 123], {}, 5.0)


def test_each_method_has_step_one_at_its_own_time() -> None:
    own = dict(zip(classroom.SCHEMES, classroom.TIMES, strict=True))
    for scheme in classroom.SCHEMES:
        assert [time for time in classroom.TIMES if classroom.arm(scheme, time, 0).h == 1] == [own[scheme]]


def test_every_arm_has_the_same_branches_and_the_time_that_it_names() -> None:
    for job in classroom.jobs("smoke"):
        network = job.config.network()
        assert len(list(network.branches())) == classroom.BRANCHES
        time = classroom.table([Record(job.config, "diverged", [], [], {}, 1.0)])["T"].iloc[0]
        assert time == pytest.approx(len(network.blocks) * job.config.h)


def test_a_run_fails_if_it_diverges_or_does_not_learn() -> None:
    exploded = Record(classroom.arm("euler", 24, 0), "diverged", [], [2600.0], {}, 1.0)
    table = classroom.table([finished("rk4", 6, 2.0), finished("rk4", 6, 2.3), exploded])
    assert table["failed"].tolist() == [False, True, True]
    assert table["first_loss"].tolist() == [9.0, 9.0, 2600.0]


def test_no_cell_of_the_lab_asks_for_a_gpu() -> None:
    assert classroom.jobs("gpu") == []
    assert {catalogue.get(job.config.scheme).order for job in classroom.jobs("cpu")} == {1, 2, 3, 4}


def test_the_effect_of_the_lab_is_in_the_records() -> None:
    """At the long time every seed fails, whatever the order; at the short one nearly every seed learns."""
    store = Store("cpu")
    records = [record for job in classroom.jobs("cpu") if (record := store.get(job.config)) is not None]
    table = classroom.table(records)
    for scheme in ("euler", "rk4"):
        rows = table[table["scheme"] == scheme]
        long, short = (rows.loc[rows["T"] == time, "failed"].tolist() for time in (24, 6))
        assert len(long) == len(short) == 10
        assert all(long)
        assert sum(short) <= 0.1 * len(short)
