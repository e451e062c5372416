"""A sweep on a Ray cluster of two workers on this machine."""

import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tiny_runs import metrics, tiny

from odestack.lab import cluster, sweep, train
from odestack.lab.records import Store
from odestack.lab.sweep import Job, SweepError

OPTIONS = {"device": "cpu", "compile": False}


def kill_one_after_its_first_epoch(folder: Path, killed: list[int]) -> None:
    """Ray names its processes after the task that they run."""
    while not list(folder.glob("checkpoints/smoke/*.pt")):
        time.sleep(0.02)
    while not killed:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if not killed and "run_on_node" in " ".join(process.cmdline()):
                    process.kill()
                    killed.append(process.pid)


def test_the_run_of_a_killed_worker_is_taken_up_by_another(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store ends complete, with the records of an uninterrupted sweep, and no process is left."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    configs = [tiny(epochs=5, seed=seed) for seed in range(2)]
    before = psutil.Process().children(recursive=True)
    killed: list[int] = []
    killer = threading.Thread(target=kill_one_after_its_first_epoch, args=(folder, killed), daemon=True)
    killer.start()
    assert sweep.sweep([Job(config) for config in configs], store, ray="local", workers=2) == []
    killer.join()
    assert len(killed) == 1
    for config in configs:
        record = store.get(config)
        assert record is not None
        assert metrics(record) == metrics(train.run(config))
        assert record.environment["threads"] == 1
    assert [path.name for path in folder.rglob("*") if path.suffix in (".lock", ".pt", ".tmp")] == []
    _, left = psutil.wait_procs([p for p in psutil.Process().children(recursive=True) if p not in before], timeout=20)
    assert left == []


def test_a_node_that_does_not_share_the_store_says_so(store: Store, folder: Path) -> None:
    with pytest.raises(SweepError, match=r"does not see .*smoke: all nodes need the data folder at the same path"):
        cluster.run_on_node(Job(tiny()), store, folder / "elsewhere", OPTIONS)
    assert store.get(tiny()) is None


def test_without_ray_the_error_says_how_to_install_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SweepError, match=r'Ray is not installed: pip install "odestack\[cluster\]"'):
        sweep.sweep([Job(tiny())], store, ray="local")


def test_a_full_store_needs_no_cluster(store: Store) -> None:
    sweep.sweep([Job(tiny(steps=2))], store)
    assert sweep.sweep([Job(tiny(steps=2))], store, ray="nowhere:1") == []


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("auto", "no Ray cluster at 'auto' (Could not find any): `ray start --head` starts one"),
        ("local", "Ray does not start on this machine (Could not find any)"),
    ],
)
def test_no_cluster_is_a_sentence(address: str, sentence: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(address: str, **options: object) -> None:
        raise ConnectionError("Could not find any.\nMore than one line.")

    monkeypatch.setattr("ray.init", fail)
    with pytest.raises(SweepError) as refused:
        sweep.sweep([Job(tiny())], store, ray=address)
    assert str(refused.value) == sentence
