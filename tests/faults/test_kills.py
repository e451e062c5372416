"""Sweeps killed without warning: the next one goes on, and the store ends as if nothing had happened."""

import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import small_sweep
from effort import ALL, tries
from small_sweep import BASE, CONFIGS

from odestack.lab.records import Record
from odestack.lab.workers import new_processes

STORE = ("runs", "weights", "checkpoints")


def metrics(record: Record) -> tuple[object, ...]:
    """What must be the same when a run is repeated: all but times and environment."""
    rows = [{name: row[name] for name in row if "seconds" not in name} for row in record.epochs]
    return record.config, record.status, rows, record.early_loss


def content(folder: Path) -> dict[str, object]:
    """Every file of a data folder by name: the metrics of records, the bytes of all others."""
    files: dict[str, object] = {}
    for path in sorted(path for name in STORE for path in (folder / name).rglob("*")):
        if path.is_file():
            is_record = path.suffix == ".json" and not path.name.startswith(".")
            value = metrics(Record.from_json(path.read_bytes())) if is_record else path.read_bytes()
            files[str(path.relative_to(folder))] = value
    return files


SERVER = new_processes()


@dataclass
class Sweep:
    """A sweep in a process of its own, which is about to begin."""

    folder: Path
    moment: int = 0

    def __post_init__(self) -> None:
        self.messages, other = SERVER.Pipe(duplex=False)
        self.process = SERVER.Process(target=small_sweep.run, args=(self.folder, self.moment, other))
        self.process.start()
        other.close()
        assert self.messages.recv() == "ready"

    def died(self) -> bool:
        """Wait for its end; whether it was killed."""
        self.process.join(120)
        assert self.process.exitcode in (0, -signal.SIGKILL)
        return self.process.exitcode != 0

    def moments(self) -> int:
        """Wait for its end, without being killed; the number of moments at which it could have been."""
        assert not self.died()
        return self.messages.recv()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], float, int]:
    """What a sweep that nobody kills leaves, the seconds it takes, and its moments."""
    folder = tmp_path_factory.mktemp("undisturbed")
    sweep, began = Sweep(folder), time.perf_counter()
    moments = sweep.moments()
    seconds = time.perf_counter() - began
    left = content(folder)
    records = [name for name in left if name.startswith("runs")]
    weights = [name for name in left if name.startswith("weights")]
    assert (len(records), len(weights), len(left)) == (
        len(CONFIGS),
        len(CONFIGS) * BASE.epochs,
        len(CONFIGS) * (1 + BASE.epochs),
    )
    return left, seconds, moments


def empty(folder: Path) -> None:
    for name in STORE:
        shutil.rmtree(folder / name, ignore_errors=True)


def random_times(seconds: float) -> Iterator[float]:
    chance = random.Random(0)
    while True:
        yield chance.uniform(0, seconds)


def test_killed_at_random_times(
    folder: Path, undisturbed: tuple[dict[str, object], float, int], capsys: pytest.CaptureFixture[str]
) -> None:
    left, seconds, _ = undisturbed
    kills, rounds, wanted = 0, 0, tries(3, 30)
    for wait in random_times(seconds):
        sweep = Sweep(folder)
        time.sleep(wait)
        sweep.process.kill()
        killed = sweep.died()
        kills += killed
        if not killed or kills == wanted:
            if killed:
                assert not Sweep(folder).died()
            assert content(folder) == left
            empty(folder)
            rounds += 1
        if kills == wanted:
            break
    with capsys.disabled():
        print(f"\n{kills} kills at random times, {rounds} stores filled: every metric and weight as undisturbed")


def test_killed_at_every_write(
    folder: Path, undisturbed: tuple[dict[str, object], float, int], capsys: pytest.CaptureFixture[str]
) -> None:
    left, _, moments = undisturbed
    chosen = random.Random(1).sample(range(1, moments + 1), min(moments, tries(3, 1000)))
    for moment in chosen:
        assert Sweep(folder, moment).died()
        assert not Sweep(folder).died()
        assert content(folder) == left, f"killed at moment {moment}"
        empty(folder)
    with capsys.disabled():
        print(f"\n{len(chosen)} kills at {moments} moments of writing: every metric and weight as undisturbed")


@pytest.mark.parametrize("sweeps", [2, 4] if ALL else [2])
def test_sweeps_at_once(sweeps: int, folder: Path, undisturbed: tuple[dict[str, object], float, int]) -> None:
    for sweep in [Sweep(folder) for _ in range(sweeps)]:
        assert not sweep.died()
    assert content(folder) == undisturbed[0]
