"""Stores that cannot be written or read: one sentence, and nothing is lost."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_sweep import CONFIGS

from odestack.lab import train
from odestack.lab.records import RecordError, Store
from odestack.lab.sweep import Job, sweep

NOBODY = 65534
SMALL = ("--dataset", "mini-cifar10", "--depth", "26", "--width", "4", "--batch", "16", "--steps", "2")
AS_NOBODY = f"""
import contextlib, io, os, sys
from odestack import cli
from odestack.lab import sweep, train
from odestack.studies import schedule
from small_sweep import CONFIGS
train.run(CONFIGS[0])  # this, and a refusal, import all that is needed, since the other user may not read it
arguments, sys.argv = sys.argv, ["odestack", "train", "--depth", "1"]
with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
    cli.main()
sys.argv = arguments
os.setuid({NOBODY})
"""
FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
"""


def odestack(*arguments: str, data: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, on a data folder, after some code."""
    return subprocess.run(
        [sys.executable, "-B", "-c", f"{before}\nfrom odestack.cli import main; main()", *arguments],
        env={**os.environ, "ODESTACK_DATA": str(data), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    )


def is_one_sentence(result: subprocess.CompletedProcess[str]) -> bool:
    lines = result.stderr.strip().splitlines()
    return result.returncode == 2 and lines[-1].startswith("error: ") and "Traceback" not in result.stderr


@pytest.fixture
def open_folder(folder: Path) -> Iterator[Path]:
    """A data folder that every user can reach and none but its owner can write."""
    parents = [path for path in (folder, *folder.parents) if path.owner() == folder.owner() and path != Path("/")]
    modes = {path: path.stat().st_mode for path in parents}
    for path in parents:
        path.chmod(0o755)
    yield folder
    for path, mode in modes.items():
        path.chmod(mode)


def test_a_store_that_one_may_not_write(open_folder: Path) -> None:
    """Root may write everywhere, so then it is another user who tries."""
    before = AS_NOBODY if os.geteuid() == 0 else ""
    if not before:
        open_folder.chmod(0o555)
    result = odestack("train", *SMALL, data=open_folder, before=before)
    assert is_one_sentence(result), result.stderr
    assert f"{open_folder}" in result.stderr
    assert "Permission denied" in result.stderr
    assert [path.name for path in open_folder.iterdir()] == ["mini-cifar10"]


def mount(folder: Path) -> bool:
    """Put a disk of 256 KB there; whether this user could."""
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


def unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=True)


def can_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        if mounted := mount(Path(folder)):
            unmount(Path(folder))
    return mounted


@pytest.fixture
def small_disk(tmp_path: Path, folder: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    assert mount(disk)
    (disk / "mini-cifar10").symlink_to((folder / "mini-cifar10").resolve())
    yield disk
    unmount(disk)


if can_mount():

    def test_a_disk_that_is_full(small_disk: Path) -> None:
        """There is room for the beginning of what is written: all as below."""
        store = Store("smoke", small_disk)
        sweep([Job(CONFIGS[0])], store)
        before = store.path(CONFIGS[0]).read_bytes()
        room = os.statvfs(small_disk)
        with (small_disk / "filling").open("wb") as filling:
            filling.write(bytes((room.f_bavail - 1) * room.f_bsize))
        result = odestack("train", *SMALL, data=small_disk)
        assert is_one_sentence(result), result.stderr
        assert "No space left on device" in result.stderr
        assert store.path(CONFIGS[0]).read_bytes() == before
        left = [path for path in small_disk.rglob("*") if path.is_file() and path.name != "filling"]
        assert left == [store.path(CONFIGS[0])]
        (small_disk / "filling").unlink()
        assert odestack("train", *SMALL, data=small_disk).returncode == 0


def test_a_full_disk(folder: Path) -> None:
    """No file may grow beyond 512 bytes: what was there stays, nothing half-written is left, and later it works."""
    store = Store("smoke", folder)
    sweep([Job(CONFIGS[0])], store)
    before = store.path(CONFIGS[0]).read_bytes()
    result = odestack("train", *SMALL, data=folder, before=FULL)
    assert is_one_sentence(result), result.stderr
    assert store.path(CONFIGS[0]).read_bytes() == before
    left = [path for name in ("runs/own", "weights/own", "checkpoints/own") for path in (folder / name).glob("*")]
    assert left == []
    assert odestack("train", *SMALL, data=folder).returncode == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not a run record"),
        (b'{"key": "x", "recipe', "is not a run record"),
        (b"[]", "is not a run record"),
        (b'{"key": "x", "recipe_version": 0, "config": {}}', "is of recipe version 0"),
        (b"\xff\xfe\x00", "is not a run record"),
    ],
)
def test_a_file_that_is_no_record_is_named_and_kept(content: bytes, says: str, folder: Path) -> None:
    store = Store("smoke", folder)
    path = store.path(CONFIGS[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(RecordError, match=says) as refused:
        sweep([Job(CONFIGS[0])], store)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == content


def test_a_clock_set_back_changes_no_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = train.run(CONFIGS[0])
    hours = iter(range(10**6, 0, -1))
    monkeypatch.setattr(train.time, "perf_counter", lambda: 3600.0 * next(hours))
    record = train.run(CONFIGS[0])
    assert record.early_loss == expected.early_loss
    assert record.final["test_loss"] == expected.final["test_loss"]
