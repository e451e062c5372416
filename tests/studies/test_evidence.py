import shutil

import pytest

from odestack.lab.config import ConfigError
from odestack.lab.records import Store
from odestack.studies import STUDIES, evidence, get


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(Store.__init__, "__defaults__", (tmp_path,))
    monkeypatch.setattr(evidence.os, "cpu_count", lambda: 1)
    return tmp_path / "runs"


def test_without_a_budget_nothing_is_trained_and_the_missing_are_named(store):
    found = evidence.gather("depth_by_order", "smoke")
    assert found.records == []
    assert not store.exists()
    text = str(found.statement().data)
    assert all(config.key in text for config in found.missing)
    assert "0 of 10" in text


def test_with_a_budget_the_records_are_made(store):
    found = evidence.gather("depth_by_order", "smoke", budget=300)
    assert found.missing == []
    assert len(found.records) == 10


def test_auto_is_the_largest_complete_profile_else_cpu(store, monkeypatch):
    assert evidence.gather("depth_by_order").profile == "cpu"
    monkeypatch.setattr(evidence, "AUTO", ("cpu", "smoke"))
    evidence.gather("depth_by_order", "smoke", budget=300)
    assert evidence.gather("depth_by_order").profile == "smoke"
    shutil.rmtree(store)
    assert evidence.gather("depth_by_order").profile == "cpu"


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
