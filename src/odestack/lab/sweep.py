"""Training and measuring what the store lacks: one by one, in several processes, or on a Ray cluster."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, Literal, TypeVar

import torch
from safetensors.torch import save
from tqdm import tqdm

from odestack.lab import train
from odestack.lab.config import RunConfig
from odestack.lab.files import write_atomically
from odestack.lab.measure import measure
from odestack.lab.measurements import Measured, Measurement
from odestack.lab.records import Record, Store
from odestack.lab.workers import worker_pool

if sys.platform != "win32":
    import fcntl

Keep = Literal["nothing", "final", "epochs"]


class SweepError(RuntimeError):
    """A sweep that could not go on. What was finished is in the store; the same command goes on from there."""


@dataclass(frozen=True)
class Job:
    """A run, and which of its weights to keep: nothing, the final ones, or also those after each epoch."""

    config: RunConfig
    keep: Keep = "nothing"


@dataclass(frozen=True)
class MeasureJob:
    """A measurement of a run's network, which waits until the run has kept its weights."""

    config: Measurement
    keep: ClassVar[Keep] = "nothing"


AnyJob = Job | MeasureJob
SomeJob = TypeVar("SomeJob", bound=AnyJob)


def sweep(
    jobs: Sequence[SomeJob],
    store: Store,
    *,
    workers: int = 0,
    ray: str | None = None,
    gpus_per_run: float = 1.0,
    device: str = "cpu",
    compile: bool = False,
    recompute: bool = False,
    budget: float | None = None,
    progress: bool = False,
) -> list[SomeJob]:
    """Do the jobs that the store lacks, in their order, and return those still missing.

    Safe when several sweeps share a store: each run is locked while it trains, and the others leave it alone until it
    has a record. A sweep that is killed loses at most the current epoch, or row of a surface. A measurement whose
    weights are in nobody's hands is left missing.

    Args:
        jobs: what should be in the store afterwards.
        store: of one profile.
        workers: processes of one thread each; 0 trains in this process with its threads, and on Ray on all cores.
        ray: address of a Ray cluster to train on (``cluster.connected``).
        gpus_per_run: part of a GPU that a run on Ray gets, if the device is cuda.
        device: where to train.
        compile: use torch.compile.
        recompute: compute branches a second time in the backward pass, for less memory.
        budget: start no run after so many seconds. None: train all.
        progress: draw a progress bar on stderr.

    Raises:
        SweepError: a worker process died, or there is no Ray cluster.
    """
    deadline = None if budget is None else time.monotonic() + budget
    left = _unfinished(jobs, store)
    options = {"device": device, "compile": compile, "recompute": recompute}
    bar = tqdm(total=len(left), desc=f"{store.profile} runs", unit="run", disable=not progress)
    with bar, _connection(ray if left else None, workers):
        while left:
            free: Iterator[AnyJob] = (job for job in _until(left, deadline) if _is_free(job, store))
            if ray is not None:
                attempts = _on_cluster(free, store, workers, gpus_per_run, options)
            elif workers == 0:
                attempts = (run_job(job, store, progress=progress, **options) for job in free)
            else:
                attempts = _in_processes(free, store, workers, options)
            for finished in attempts:
                bar.update(finished)
            left = _unfinished(left, store)
            bar.update(bar.total - len(left) - bar.n)
            if deadline is not None and time.monotonic() >= deadline:
                break
            if all(store.waits(job.config) for job in left):
                break
            time.sleep(1.0)  # the rest is in the hands of another sweep, or waits for it
    return [job for job in left if store.get(job.config) is None]


def means(profile: str) -> dict[str, Any]:
    """What this machine trains with, as options of ``sweep``: its GPU, compiled at profile gpu, or a process a core."""
    if torch.cuda.is_available():
        return {"device": "cuda", "compile": profile == "gpu"}
    return {"workers": os.cpu_count() or 1}


def run_job(
    job: AnyJob,
    store: Store,
    *,
    device: str = "cpu",
    compile: bool = False,
    recompute: bool = False,
    progress: bool = False,
) -> bool:
    """Train one run, or measure, and put what comes of it into its place; False if another sweep has it in hand, or if
    it waits for weights."""
    checkpoint = store.checkpoint(job.config)
    with lock(checkpoint.with_suffix(".lock")) as mine:
        if not mine or store.waits(job.config):
            return False
        store.remove_unfinished(job.config)
        if store.get(job.config) is not None:
            pass
        elif isinstance(job, MeasureJob):
            store.put(measure(job.config, store, device=device, progress=progress))
        else:
            record = train.run(
                job.config,
                device=device,
                compile=compile,
                recompute=recompute,
                checkpoint=checkpoint,
                on_epoch=lambda epoch, weights: _keep(job, store, epoch, weights),
                progress=progress,
            )
            store.put(record)
        checkpoint.unlink(missing_ok=True)
    return True


def _keep(job: Job, store: Store, epoch: int, weights: train.Weights) -> None:
    final = epoch * job.config.steps_per_epoch >= job.config.total_steps
    if job.keep == "nothing" or (job.keep == "final" and not final):
        return
    content = save({name: tensor.cpu().contiguous() for name, tensor in weights.items()})
    write_atomically(store.weights(job.config, None if final else epoch), content)


@contextmanager
def lock(path: Path) -> Iterator[bool]:
    """Hold a lock on the file for the block; yields False if another holds it. Freed when the process dies.

    The file is removed at the end, while still locked. Whoever opened it before that locks a file without a name,
    and tries again. Windows has no such lock: two sweeps there may train the same run, and the later record stays.
    """
    if sys.platform == "win32":
        yield True
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            if not _is_at(file, path):
                continue
            try:
                yield True
            finally:
                path.unlink(missing_ok=True)
            return


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _is_free(job: AnyJob, store: Store) -> bool:
    """Whether it waits for no weights, and no other process has it in hand now."""
    if store.waits(job.config):
        return False
    path = store.checkpoint(job.config).with_suffix(".lock")
    if not path.exists():
        return True
    with lock(path) as mine:
        return mine


def _unfinished(jobs: Sequence[SomeJob], store: Store) -> list[SomeJob]:
    """The jobs without a record, and those whose sweep was killed between their record and its last tidying up."""

    def unfinished(job: SomeJob) -> bool:
        checkpoint = store.checkpoint(job.config)
        return store.get(job.config) is None or checkpoint.exists() or checkpoint.with_suffix(".lock").exists()

    return [job for job in jobs if unfinished(job)]


def _until(jobs: Sequence[SomeJob], deadline: float | None) -> Iterator[SomeJob]:
    for job in jobs:
        if deadline is not None and time.monotonic() >= deadline:
            return
        yield job


def _in_processes(jobs: Iterator[AnyJob], store: Store, workers: int, options: dict) -> Iterator[bool]:
    """Run jobs in worker processes of one thread each; yields as each ends."""
    try:
        with worker_pool(workers) as pool:
            yield from _at_once(
                jobs, lambda job: pool.submit(run_job, job, store, **options), lambda: workers, Future.result
            )
    except BrokenProcessPool:
        raise SweepError("a worker process died (out of memory?): run the same command again to go on") from None


def _on_cluster(
    jobs: Iterator[AnyJob], store: Store, workers: int, gpus_per_run: float, options: dict
) -> Iterator[bool]:
    """Run jobs on the connected Ray cluster; yields as each ends."""
    from odestack.lab import cluster

    with cluster.submission(store, workers, gpus_per_run, options) as (submit, room):
        yield from _at_once(jobs, submit, room, cluster.result)


def _connection(ray: str | None, workers: int) -> AbstractContextManager[None]:
    if ray is None:
        return nullcontext()
    from odestack.lab import cluster

    return cluster.connected(ray, workers)


def _at_once(
    jobs: Iterator[AnyJob],
    submit: Callable[[AnyJob], Future[bool]],
    room: Callable[[], int],
    result: Callable[[Future[bool]], bool],
) -> Iterator[bool]:
    """Keep as many jobs running as there is room for; yields as each ends."""
    running: set[Future[bool]] = set()
    while True:
        while len(running) < room() and (job := next(jobs, None)) is not None:
            running.add(submit(job))
        if not running:
            return
        ended, running = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            yield result(future)


def records(configs: Sequence[RunConfig | Measurement], store: Store) -> list[Record | Measured]:
    """The records and measurements of those configs that the store has."""
    return [record for config in configs if (record := store.get(config)) is not None]
