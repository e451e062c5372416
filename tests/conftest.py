"""What all tests share. And on a CI machine a skipped test is a failure: nothing may go unseen there.

Fixtures import torch, not this file: the process that hands out the tests needs none, and waits seconds for it.
"""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """The tensors are small, and threads that wait for each other on a busy machine cost far more."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def few_test_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are evaluated on 32 images."""
    import few_images

    from odestack.lab import train

    monkeypatch.setattr(train, "data", few_images.few_test_images)


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
def empty_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which every run store of this process that names none is in."""
    from odestack.lab.records import Store

    monkeypatch.setattr(Store.__init__, "__defaults__", (tmp_path,))
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with mini-cifar10 and nothing else, for this process and those that it starts."""
    from odestack.lab.cifar import MINI_FOLDER

    (tmp_path / "mini-cifar10").symlink_to(MINI_FOLDER)
    monkeypatch.setenv("ODESTACK_DATA", str(tmp_path))
    return tmp_path
