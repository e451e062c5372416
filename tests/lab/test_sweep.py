"""Sweeps train what the store lacks, once, whoever else is sweeping."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from safetensors.torch import load_file
from tiny_runs import metrics, tiny

from odestack.lab import sweep, train
from odestack.lab.records import Record, Store
from odestack.lab.sweep import Job, SweepError

HERE = Path(__file__).parent
CONFIGS = [tiny(scheme=scheme, steps=2, epochs=1) for scheme in ("euler", "midpoint", "rk4")]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the runs that this process trains, in order."""
    keys: list[str] = []
    run = train.run

    def logged(config: train.RunConfig, **options: object) -> Record:
        keys.append(config.key)
        return run(config, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(train, "run", logged)
    return keys


def left_over(folder: Path) -> list[Path]:
    """Files beside records and weights: there should be none after a sweep."""
    return [path for path in folder.rglob("*") if path.suffix in (".lock", ".pt", ".tmp")]


def test_only_what_is_missing_is_trained(store: Store, folder: Path, trained: list[str]) -> None:
    jobs = [Job(config) for config in CONFIGS]
    assert sweep.sweep(jobs[1:2], store) == []
    assert sweep.sweep(jobs, store) == []
    assert trained == [CONFIGS[i].key for i in (1, 0, 2)]
    assert sweep.sweep(jobs, store) == []
    assert len(trained) == 3
    assert store.missing(CONFIGS) == []
    assert left_over(folder) == []
    assert sweep.records(CONFIGS, store) == [store.get(config) for config in CONFIGS]


def test_two_workers_find_what_one_process_finds(store: Store, folder: Path) -> None:
    """Workers have one thread, and so has this process."""
    jobs = [Job(config) for config in CONFIGS]
    assert sweep.sweep(jobs, store) == []
    other = Store("smoke", folder / "other")
    assert sweep.sweep(jobs, other, workers=2) == []
    for config in CONFIGS:
        here, there = store.get(config), other.get(config)
        assert here is not None
        assert there is not None
        assert metrics(here) == metrics(there)
        assert there.environment["threads"] == 1
    assert left_over(folder) == []


def test_two_sweeps_at_once_train_every_run_once(store: Store, folder: Path) -> None:
    log = folder / "log"
    command = [sys.executable, str(HERE / "logged_sweep.py"), str(log), "6"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert answers == ["0\n", "0\n"]
    configs = [tiny(epochs=1, seed=seed) for seed in range(6)]
    assert sorted(log.read_text().split()) == sorted(config.key for config in configs)
    assert store.missing(configs) == []
    assert left_over(folder) == []


def test_a_sweep_waits_for_a_run_in_other_hands(store: Store, trained: list[str]) -> None:
    """Here for longer than one look, with the record appearing before the lock is freed."""
    job = Job(CONFIGS[0])
    record = train.run(CONFIGS[0])
    trained.clear()

    def other_sweep() -> None:
        with sweep.lock(store.checkpoint(job.config).with_suffix(".lock")):
            held.set()
            time.sleep(1.5)
            store.put(record)

    held = threading.Event()
    other = threading.Thread(target=other_sweep)
    other.start()
    held.wait()
    assert sweep.sweep([job], store) == []
    other.join()
    assert trained == []
    assert store.get(job.config) == record


def test_a_budget_ends_the_sweep_and_names_what_is_missing(store: Store, trained: list[str]) -> None:
    jobs = [Job(config) for config in CONFIGS]
    assert sweep.sweep(jobs, store, budget=0.0) == jobs
    assert trained == []
    left = sweep.sweep(jobs, store, budget=0.01)
    assert left == jobs[1:]


def test_a_budget_also_ends_the_wait_for_another_sweep(store: Store, trained: list[str]) -> None:
    job = Job(CONFIGS[0])
    with sweep.lock(store.checkpoint(job.config).with_suffix(".lock")):
        assert sweep.sweep([job], store, budget=0.5) == [job]
    assert trained == []


@pytest.mark.parametrize(("keep", "files"), [("nothing", 0), ("final", 1), ("epochs", 3)])
def test_kept_weights(keep: sweep.Keep, files: int, store: Store, folder: Path) -> None:
    config = tiny(epochs=3)
    sweep.sweep([Job(config, keep)], store)
    assert len(list((folder / "weights").rglob("*.safetensors"))) == files
    if keep == "nothing":
        return
    network = train.initial_network(config)
    network.load_state_dict(load_file(store.weights(config)))
    loss, accuracy = train.evaluate(network, train.data(config.dataset, next(network.parameters()).device)[1], config)
    record = store.get(config)
    assert record is not None
    assert loss == pytest.approx(record.final["test_loss"], rel=1e-6)
    assert accuracy == pytest.approx(record.final["test_accuracy"])
    if keep == "epochs":
        assert store.weights(config, 1).exists()
        assert store.weights(config, 2).exists()


def test_an_interrupted_sweep_goes_on_from_its_checkpoint(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(epochs=3)

    def interrupt(job: Job, store: Store, epoch: int, weights: train.Weights) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sweep, "_keep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            sweep.sweep([Job(config)], store)
    assert store.get(config) is None
    assert (folder / "checkpoints" / "smoke" / f"{config.key}.pt").exists()
    epochs: list[int] = []
    monkeypatch.setattr(sweep, "_keep", lambda job, store, epoch, weights: epochs.append(epoch))
    sweep.sweep([Job(config)], store)
    assert epochs == [2, 3]
    record = store.get(config)
    assert record is not None
    assert metrics(record) == metrics(train.run(config))
    assert left_over(folder) == []


def test_a_killed_worker_is_a_sentence(store: Store) -> None:
    def kill_one() -> None:
        while not (children := multiprocessing.active_children()):
            time.sleep(0.01)
        children[0].kill()

    killer = threading.Thread(target=kill_one)
    killer.start()
    with pytest.raises(SweepError, match=r"a worker process died .*: run the same command again to go on"):
        sweep.sweep([Job(config) for config in CONFIGS], store, workers=1)
    killer.join()


def test_workers_end_when_their_sweep_is_killed(folder: Path) -> None:
    parent = psutil.Popen([sys.executable, str(HERE / "orphaned_sweep.py")])
    checkpoints = folder / "checkpoints" / "smoke"
    deadline = time.monotonic() + 180
    while len(list(checkpoints.glob("*.pt"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    workers = parent.children(recursive=True)
    parent.kill()
    parent.wait()
    assert len(workers) >= 2
    _, alive = psutil.wait_procs(workers, timeout=10)
    for worker in alive:
        worker.kill()
    assert alive == []
    locks = list(checkpoints.glob("*.lock"))
    assert len(locks) == 2
    for path in locks:
        with sweep.lock(path) as mine:
            assert mine


def test_an_error_in_a_worker_is_raised_here(tmp_path: Path) -> None:
    """From the command line: which folder the data are in is settled when a process starts."""
    command = [sys.executable, "-c", "from odestack.cli import main; main()"]
    done = subprocess.run(
        [*command, "sweep", "headline", "--profile", "smoke", "--workers", "1"],
        env={**os.environ, "ODESTACK_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "restore it with" in done.stderr.splitlines()[-1]


def test_lockers_exclude_each_other_and_leave_no_file(tmp_path: Path) -> None:
    """Threads, since each opens the file anew, which is what a lock belongs to."""
    path = tmp_path / "locks" / "run.lock"
    inside: list[int] = []
    most, entries = 0, 0

    def hammer() -> None:
        nonlocal most, entries
        while entries < 100:
            with sweep.lock(path) as mine:
                if mine:
                    inside.append(1)
                    most, entries = max(most, len(inside)), entries + 1
                    time.sleep(0.0002)
                    inside.pop()

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert list(path.parent.iterdir()) == []


def test_a_locker_that_opened_a_removed_file_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens the file; the owner then removes it and leaves; a third takes a new file of the same name."""
    path = tmp_path / "run.lock"
    third = sweep.lock(path)
    flock = sweep.fcntl.flock

    def late(file: object, operation: int) -> None:
        monkeypatch.setattr(sweep.fcntl, "flock", flock)
        path.unlink()
        assert third.__enter__()
        flock(file, operation)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep.fcntl, "flock", late)
    with sweep.lock(path) as mine:
        assert not mine
    third.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_freed_by_an_error(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with pytest.raises(RuntimeError, match="stop"), sweep.lock(path):
        raise RuntimeError("stop")
    assert not path.exists()
    with sweep.lock(path) as mine:
        assert mine


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    code = f"import fcntl, os; f = open({str(path)!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], check=False)
    assert path.exists()
    with sweep.lock(path) as mine:
        assert mine
    assert not path.exists()
