from dataclasses import replace
from math import isnan

import pytest

from odestack.lab.records import Record, Store
from odestack.studies import STUDIES, classroom, depth_by_order, schedule


@pytest.fixture
def store(empty_data):
    return Store("cpu")


def test_every_study_has_one_seed_of_all_arms_before_any_has_a_second():
    seeds = [job.config.seed for job in schedule.queue(list(STUDIES), "cpu")]
    assert seeds == sorted(seeds)
    assert set(seeds) == set(classroom.SEEDS)
    others = [name for name in STUDIES if name != "classroom"]
    assert {job.config.seed for job in schedule.queue(others, "cpu")} == {0, 1, 2}


def test_shared_runs_are_listed_once_and_keep_what_either_study_wants():
    single = [job.config.key for name in STUDIES for job in schedule.queue([name], "cpu")]
    together = schedule.queue(list(STUDIES), "cpu")
    assert len({job.config.key for job in together}) == len(together) < len(single)
    assert {job.config.key for job in together} == set(single)
    kept = {job.config.key: job.keep for job in together}
    for job in schedule.queue(["depth_by_order"], "cpu"):
        assert kept[job.config.key] == job.keep


def test_hours_are_those_of_equal_work_at_the_records_speed(store):
    jobs = depth_by_order.jobs("cpu")
    assert schedule.hours([job.config for job in jobs], "cpu") is None
    first = jobs[0].config
    store.put(Record(first, "done", [], [], {}, seconds=1800.0))
    assert schedule.hours([replace(first, seed=7)], "cpu") == pytest.approx(0.5)
    assert schedule.hours([replace(first, epochs=2 * first.epochs)], "cpu") == pytest.approx(1.0)
    deeper = replace(first, depth=2 + 2 * (first.depth - 2))
    assert schedule.hours([deeper, replace(first, width=2 * first.width)], "cpu") == pytest.approx(1.0 + 2.0)


def test_hours_on_another_data_set_are_its_own(store):
    first = depth_by_order.jobs("cpu")[0].config
    small = classroom.BASE
    store.put(Record(first, "done", [], [], {}, seconds=1800.0))
    unseen = schedule.hours([small], "cpu")
    assert unseen == pytest.approx(0.5 * small.work / first.work)
    own = classroom.jobs("cpu")[0].config
    store.put(Record(own, "done", [], [], {}, seconds=360.0))
    assert schedule.hours([own, first], "cpu") == pytest.approx(0.1 + 0.5)


def test_overview_counts_shared_runs_once(store):
    lines = schedule.overview(["methods", "ablation"], "cpu").splitlines()
    counts = {line.split("  ")[0].strip(): int(line.split()[-3]) for line in lines[1:4]}
    assert counts["all together"] < counts["methods"] + counts["ablation"]


def test_progress_counts_shared_runs_once_and_knows_no_hours_without_a_record(store):
    empty = schedule.progress("cpu")
    together = empty.loc["all together"]
    assert together["runs"] == together["missing"] == len(schedule.queue(list(STUDIES), "cpu"))
    assert together["runs"] < empty.drop("all together")["runs"].sum()
    assert isnan(together["left"])
    first = depth_by_order.jobs("cpu")[0].config
    store.put(Record(first, "done", [], [], {}, seconds=1800.0))
    table = schedule.progress("cpu")
    assert table.loc["depth_by_order", "missing"] == empty.loc["depth_by_order", "missing"] - 1
    assert table.loc["all together", "trained"] == 0.5
    assert table.loc["all together", "left"] > 0
