"""A data folder of one's own. And on a CI machine a skipped test is a failure: nothing may go unseen there."""

import os
from pathlib import Path

import pytest

from odestack.lab import cifar


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} tests were skipped, which CI does not allow", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with mini-cifar10 and nothing else, for this process and those that it starts."""
    (tmp_path / "mini-cifar10").symlink_to(cifar.MINI_FOLDER)
    monkeypatch.setenv("ODESTACK_DATA", str(tmp_path))
    return tmp_path
