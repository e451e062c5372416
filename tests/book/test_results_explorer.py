"""The results explorer lists every record, and says what each run was."""

import json
import re
from dataclasses import replace

import pytest
from IPython.display import HTML, Markdown

from odestack.book.results_explorer import EVERY, results_explorer, settings
from odestack.lab.config import RunConfig
from odestack.lab.neural_ode_config import NeuralODEConfig
from odestack.lab.profiles import PROFILES
from odestack.lab.records import Record

EPOCH = {"epoch": 1, "step": 390, "train_loss": 1.5, "test_accuracy": 45.678, "test_loss": 1.4}


def record(status: str = "done", **changes: object) -> Record:
    config = replace(PROFILES["cpu"], **changes)  # type: ignore[arg-type]
    return Record(config, status, [EPOCH] if status == "done" else [], [2.0] * 40, {}, 120.0)


RUNS = [("cpu", record(scheme="rk4")), ("cpu", record("diverged", scheme="euler", lr=3.2, relu=False))]


@pytest.fixture(scope="module")
def page() -> str:
    users = {("cpu", RUNS[0][1].config.key): ["depth_by_order", "methods"]}
    shown = results_explorer(RUNS, users, "data/runs")
    assert isinstance(shown, HTML)
    return str(shown.data)


def test_every_run_has_a_row_with_its_studies_and_a_link_to_its_record(page: str) -> None:
    rows = re.findall(r"<tr data.*?</tr>", page)
    assert len(rows) == len(RUNS)
    assert 'data-study="depth_by_order methods" data-method="rk4" data-depth="50"' in rows[0]
    assert "<td>45.68</td><td>2.0</td>" in rows[0]
    for (_, run), row in zip(RUNS, rows, strict=True):
        assert f'<a href="data/runs/cpu/{run.config.key}.json">' in row


def test_the_method_is_what_computes_the_stack() -> None:
    tolerant = NeuralODEConfig(solver="dopri8", tolerance=0.01)
    configs = (
        tolerant,
        NeuralODEConfig(),
        replace(PROFILES["cpu"], multistep="ab3", scheme="heun3"),
        RUNS[0][1].config,
    )
    runs = [("cpu", Record(config, "done", [EPOCH], [], {}, 1.0)) for config in configs]
    shown = results_explorer(runs, {}, "data/runs")
    assert isinstance(shown, HTML)
    named = ["dopri8", "no ODE block", "ab3", "rk4"]
    assert re.findall(r'data-method="([^"]+)"', str(shown.data)) == named
    menu = re.findall(r'<select name="method".*?</select>', str(shown.data))[0]
    assert re.findall(r'value="([^"]+)"', menu) == ["all", *named]
    assert "Prince–Dormand (order 8)" in menu


def test_a_diverged_run_has_no_accuracy(page: str) -> None:
    assert "<td>diverged</td><td>–</td>" in page


def test_menus_offer_what_there_is(page: str) -> None:
    options = re.findall(r'<option value="([^"]+)"', page)
    assert [o for o in options if o in ("depth_by_order", "methods", "nesting")] == ["depth_by_order", "methods"]
    assert {"rk4", "euler", "50"} <= set(options)


def test_curves_are_those_of_the_records(page: str) -> None:
    runs = json.loads(re.findall(r'<script type="application/json">(.*?)</script>', page)[0])
    assert runs[0]["accuracy"] == {"x": [1], "y": [45.678]}
    assert runs[0]["early"]["x"] == [EVERY, 2 * EVERY, 3 * EVERY, 4 * EVERY]
    assert runs[1]["loss"] == {"x": [], "y": []}
    assert runs[1]["about"] == "depth 50, seed 0, relu False, lr 3.2"


def test_settings_are_told_against_the_profile() -> None:
    assert settings(PROFILES["gpu"], "gpu") == ""
    assert settings(RunConfig(width=16, steps=300), "cpu") == "steps 300"


def test_no_records_is_said() -> None:
    shown = results_explorer([], {}, "data/runs")
    assert isinstance(shown, Markdown)
    assert "not run" in str(shown.data)
