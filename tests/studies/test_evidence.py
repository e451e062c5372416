import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from odestack.lab import config, records
from odestack.lab.config import ConfigError
from odestack.lab.records import Record, Store
from odestack.studies import STUDIES, evidence, get, schedule


@pytest.fixture
def store(empty_data, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    return empty_data / "runs"


def test_without_a_budget_nothing_is_trained_and_the_missing_are_named(store):
    found = evidence.gather("depth_by_order", "smoke")
    assert found.records == []
    assert not store.exists()
    text = str(found.statement().data)
    assert all(config.key in text for config in found.missing)
    assert "0 of 10" in text


def test_with_a_budget_the_records_are_made(store):
    found = evidence.gather("transformer", "smoke", budget=300)
    assert found.missing == []
    assert len(found.records) == 3


def test_auto_is_the_largest_complete_profile_else_cpu(store, monkeypatch):
    assert evidence.gather("transformer").profile == "cpu"
    monkeypatch.setattr(evidence, "AUTO", ("cpu", "smoke"))
    evidence.gather("transformer", "smoke", budget=300)
    assert evidence.gather("transformer").profile == "smoke"
    shutil.rmtree(store)
    assert evidence.gather("transformer").profile == "cpu"


def test_a_partial_store_gives_what_it_has_and_says_how_to_get_the_rest(store):
    first, *others = [job.config for job in get("headline").jobs("cpu")]
    Store("cpu").put(Record(first, "done", [], [], {}, 1.0))
    found = evidence.gather("headline", "cpu")
    assert [record.config for record in found.records] == [first]
    assert found.missing == others
    assert "odestack sweep headline --profile cpu" in str(found.statement().data)


def test_a_study_without_runs_at_a_profile_says_so(store, monkeypatch):
    assert "has no runs" in str(evidence.gather("cost").statement().data)
    only_gpu = SimpleNamespace(jobs=lambda profile: get("headline").jobs("gpu") if profile == "gpu" else [])
    monkeypatch.setitem(STUDIES, "only_gpu", only_gpu)
    found = evidence.gather("only_gpu")
    assert (found.profile, len(found.records)) == ("gpu", 0)
    assert found.missing


def test_the_largest_complete_profile_is_that_of_all_studies_together(store):
    for name in ("headline", "downsampling"):
        for job in get(name).jobs("cpu"):
            Store("cpu").put(Record(job.config, "done", [], [], {}, 1.0))
    for job in get("headline").jobs("gpu"):
        Store("gpu").put(Record(job.config, "done", [], [], {}, 1.0))
    assert evidence.largest_complete(["headline"]) == "gpu"
    assert evidence.largest_complete(["downsampling"]) == "cpu"
    assert evidence.largest_complete(["headline", "downsampling"]) == "cpu"


def test_records_of_another_recipe_version_count_as_missing_and_are_told(store, monkeypatch):
    old, other = [job.config for job in get("headline").jobs("cpu")][:2]
    with monkeypatch.context() as past:
        past.setattr(config, "RECIPE_VERSION", 0)
        past.setattr(records, "RECIPE_VERSION", 0)
        file = Store("cpu").put(Record(old, "done", [], [], {}, 1.0))
    Store("cpu").put(Record(other, "done", [], [], {}, 1.0))
    found = evidence.gather("headline", "cpu")
    assert [record.config for record in found.records] == [other]
    assert (old in found.missing, found.outdated) == (True, 1)
    assert "1 of the missing runs have a record of another recipe version" in str(found.statement().data)
    assert evidence.gather("downsampling", "cpu").outdated == 0, "none of its runs"
    told = schedule.overview(["headline"], "cpu")
    assert "1 of the missing runs have a record of another recipe version" in told
    assert "odestack sweep headline --profile cpu" in told
    assert str(file) in told
    assert "another recipe version" not in schedule.overview(["downsampling"], "cpu")


def test_an_arm_that_cannot_be_built_says_which_depths_can():
    arm = replace(get("depth_by_order").jobs("cpu")[0].config, scheme="rk4", depth=34)
    with pytest.raises(ConfigError, match="nearest rk4 depths are 26 and 34"):
        replace(arm, depth=30)


def test_unknown_names_are_answered_with_valid_ones():
    with pytest.raises(ConfigError, match="auto, smoke, cpu, gpu"):
        evidence.gather("depth_by_order", "huge")
    with pytest.raises(ConfigError, match="depth_by_order"):
        get("depth-by-order")


@pytest.mark.parametrize("name", list(STUDIES))
@pytest.mark.parametrize("profile", ["smoke", "cpu", "gpu"])
def test_every_arm_of_every_study_can_be_built_and_is_listed_once(name, profile):
    keys = [job.config.key for job in get(name).jobs(profile)]
    assert len(set(keys)) == len(keys)


def test_committed_records_are_of_this_recipe_and_under_their_own_key():
    for profile in ("cpu", "gpu"):
        store = Store(profile)
        files = set(store.folder.glob("*.json"))
        known = {store.path(job.config) for name in STUDIES for job in get(name).jobs(profile)}
        assert files <= known, "a record that no study asks for"
        for study in STUDIES:
            for job in get(study).jobs(profile):
                store.get(job.config)
