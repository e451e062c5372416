"""The run store: what is written comes back, and what is no record is refused with a sentence."""

import json
import math
import re
import socket
from pathlib import Path

import pytest
from tiny_runs import tiny

from odestack.lab import train
from odestack.lab.cifar import DATA
from odestack.lab.config import RECIPE_VERSION, RunConfig
from odestack.lab.records import Record, RecordError, Store


def example(**changes: object) -> Record:
    row = {"epoch": 1, "step": 4, "train_loss": 2.25, "test_loss": 2.3, "test_accuracy": 12.5, "seconds": 1.0}
    fields = {
        "config": tiny(),
        "status": "done",
        "epochs": [row, {**row, "epoch": 2, "step": 8, "train_loss": 1.0000001}],
        "early_loss": [2.5, 2.25],
        "environment": {"torch": "2.14", "threads": 1},
        "seconds": 3.5,
    }
    return Record(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("record", [example(), example(status="diverged", epochs=[], early_loss=[])])
def test_round_trip(record: Record) -> None:
    assert Record.from_json(record.to_json()) == record


def test_final_is_the_last_row() -> None:
    assert example().final["train_loss"] == 1.0000001
    assert example(epochs=[], status="diverged").final == {}


def test_a_record_with_nan_is_not_written(store: Store) -> None:
    with pytest.raises(ValueError, match="JSON"):
        store.put(example(early_loss=[math.nan]))
    assert store.get(tiny()) is None


def changed(**changes: object) -> str:
    return json.dumps({**json.loads(example().to_json()), **changes})


def without(name: str) -> str:
    return json.dumps({key: value for key, value in json.loads(example().to_json()).items() if key != name})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(recipe_version=RECIPE_VERSION + 1), "is of recipe version 2, not 1: its run must be repeated"),
        (changed(recipe_version=None), "is of recipe version None"),
        ("", "is not a run record"),
        (example().to_json()[:200], "is not a run record"),
        ("[]", "is not a run record"),
        ("null", "is not a run record"),
        ('{"name": "a package", "version": "1.0"}', "is not a run record"),
        (changed(config={}), "does not match its key"),
        (changed(config=[1]), "is not a run record"),
        (changed(config={**tiny().to_dict(), "seed": 5}), "does not match its key"),
        (changed(config={**tiny().to_dict(), "colour": 5}), "no field is called 'colour'"),
        (changed(config={**tiny().to_dict(), "depth": 3}), "is not a run record"),
        (changed(status="running"), "does not match its key or status"),
        (changed(mood="good"), "is not a run record"),
        *((without(name), "is not a run record") for name in json.loads(example().to_json())),
    ],
)
def test_what_is_no_record_is_refused(text: str, message: str, store: Store) -> None:
    path = store.path(tiny())
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(RecordError) as refused:
        store.get(tiny())
    assert message in str(refused.value)
    assert path.name in str(refused.value)
    assert "\n" not in str(refused.value)


def test_bytes_that_are_no_text_are_refused(store: Store) -> None:
    path = store.path(tiny())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x80\xff" * 20)
    with pytest.raises(RecordError, match="is not a run record"):
        store.get(tiny())


def test_store_lists_what_is_missing(store: Store) -> None:
    configs = [tiny(seed=seed) for seed in range(3)]
    assert store.missing(configs) == configs
    store.put(example(config=configs[1]))
    assert store.missing(configs) == [configs[0], configs[2]]
    assert Store("cpu", store.root).missing(configs) == configs


def test_records_can_be_read_by_all(store: Store) -> None:
    assert store.put(example()).stat().st_mode & 0o777 == 0o644


def test_configs_of_a_record_are_complete() -> None:
    """A record stays readable when a default changes, since it names every field."""
    assert json.loads(example().to_json())["config"].keys() == RunConfig().to_dict().keys()


def test_a_record_tells_neither_of_folders_nor_of_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "s3cret-of-mine")
    monkeypatch.chdir(tmp_path)
    text = train.run(tiny(steps=2)).to_json()
    private = ["s3cret-of-mine", str(tmp_path), str(Path.home()), str(DATA), socket.gethostname()]
    assert [each for each in private if each in text] == []


def test_nor_does_any_that_is_kept() -> None:
    files = [*DATA.glob("runs/*/*.json"), *DATA.glob("bench/*.json")]
    assert len(files) > 100
    path = re.compile(r'"(?:/|~/|[A-Za-z]:\\\\)|/(?:home|root|tmp|Users)/')
    assert [file.name for file in files if path.search(file.read_text(encoding="utf-8"))] == []
