"""Every command with bad, missing and hostile arguments: exit code 2 and one sentence, never a traceback."""

import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from effort import ALL

from odestack import cli

HOSTILE = ("", " ", "../../etc/passwd", "; rm -rf /", "$(id)", "nan", "-1", "1e999", "é" * 300, "--", "%s%n", "None")


def options() -> list[tuple[str, ...]]:
    """Each command with each of its options and arguments before a value that is to come."""
    found: list[tuple[str, ...]] = []

    def walk(command: Any, path: tuple[str, ...]) -> None:
        if hasattr(command, "commands"):
            found.append(path)
            for name, child in command.commands.items():
                walk(child, (*path, name))
            return
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                found.append(path)
            elif not getattr(parameter, "is_flag", False):
                found.append((*path, parameter.opts[0]))

    cli.train.__signature__ = cli._train_signature()  # type: ignore[attr-defined]
    walk(typer.main.get_command(cli.app), ())
    return found


OPTIONS = options()
assert len(OPTIONS) > 40


@pytest.fixture
def empty_store(empty_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(empty_data)
    return empty_data


def test_hostile_arguments(
    empty_store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("odestack.lab.sweep.sweep", lambda jobs, *_, **__: jobs)
    tried = 0
    for before in OPTIONS:
        for value in HOSTILE if ALL else HOSTILE[::4]:
            monkeypatch.setattr(sys, "argv", ["odestack", *before, value])
            code: object = 0
            try:
                cli.main()
            except SystemExit as end:
                code = end.code
            except AssertionError:
                continue  # a valid run, which the sweep that is switched off has not trained
            message = capsys.readouterr().err
            assert code in (0, 2, None), (before, value, message)
            assert "Traceback" not in message, (before, value)
            if code == 2:
                assert message.startswith("error: "), (before, value)
                assert message.count("\n") == 1, (before, value, message)
            tried += 1
    with capsys.disabled():
        print(f"\n{tried} hostile arguments over {len(OPTIONS)} options: no traceback")
    assert list(empty_store.rglob("*.json")) == []
