"""The tables that a reader downloads: every record, every column explained."""

from dataclasses import replace
from math import inf
from pathlib import Path

import pandas as pd
import pytest

from odestack.lab.config import RunConfig
from odestack.lab.records import Record, RecordError, Store
from odestack.studies import export, get


@pytest.fixture
def store(empty_data: Path) -> Path:
    """A store with a finished run of headline, and one that diverged and that no study knows."""
    rows = [{"epoch": n, "step": 390 * n, "test_accuracy": 40.0 + n, "seconds": 1.5} for n in (1, 2)]
    environment = {"device": "a processor", "threads": 1, "date": "2026-01-02"}
    first = get("headline").jobs("cpu")[0].config
    Store("cpu").put(Record(first, "done", rows, [2.0] * 400, environment, 12.5))
    Store("cpu").put(Record(RunConfig(lr=99.0), "diverged", [], [2.3, 5.0], environment, 1.0))
    return empty_data


def test_one_row_a_run_with_its_settings_results_and_machine(store: Path) -> None:
    runs = export.runs().set_index("status")
    done = runs.loc["done"]
    assert "headline" in done["studies"].split()
    assert (done["profile"], done["test_accuracy"], done["epochs_done"], done["seconds"]) == ("cpu", 42.0, 2, 12.5)
    assert (done["early_loss"], done["device"], done["lr"]) == (2.0, "a processor", 0.1)
    diverged = runs.loc["diverged"]
    assert (diverged["studies"], diverged["lr"], diverged["early_loss"]) == ("", 99.0, inf)
    assert pd.isna(diverged["test_accuracy"])


def test_epochs_lead_to_their_run(store: Path) -> None:
    epochs, runs = export.epochs(), export.runs()
    assert list(epochs["test_accuracy"]) == [41.0, 42.0]
    assert set(epochs["key"]) <= set(runs["key"])


def test_every_column_is_explained(store: Path) -> None:
    words = export.dictionary()
    for name, table in (("runs", export.runs()), ("epochs", export.epochs())):
        rows = words[words["table"] == name]
        assert list(rows["column"]) == list(table.columns)
        bare = [
            column
            for column, meaning in zip(rows["column"], rows["meaning"], strict=True)
            if meaning[-2:] in ("", ": ")
        ]
        assert bare == [], "fields that the docstring of their config does not explain"


def test_what_is_written_can_be_read_and_does_not_change(store: Path, tmp_path: Path) -> None:
    paths = export.write(tmp_path)
    before = [path.read_bytes() for path in paths]
    runs, epochs, words = map(pd.read_csv, paths)
    assert (len(runs), len(epochs)) == (2, 2)
    assert set(words["column"]) == {*runs, *epochs}
    assert [path.read_bytes() for path in export.write(tmp_path)] == before


@pytest.mark.usefixtures("empty_data")
def test_an_empty_store_gives_empty_tables() -> None:
    assert len(export.runs()) == len(export.epochs()) == 0
    assert {"key", "test_accuracy"} <= set(export.runs())


def test_a_file_that_is_no_record_is_named_and_an_outdated_one_left_out(store: Path) -> None:
    path = Store("cpu").path(replace(RunConfig(), seed=5))
    path.write_text(next(path.parent.glob("*.json")).read_text().replace('"recipe_version": 1', '"recipe_version": 0'))
    assert len(export.records()) == 2
    path.write_text("{")
    with pytest.raises(RecordError, match="is not a run record"):
        export.records()
