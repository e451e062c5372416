"""Spreading runs over a Ray cluster (Moritz et al. 2018): one task a run, retried by Ray when its worker dies."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from odestack.lab.cifar import DATA
from odestack.lab.records import Store
from odestack.lab.sweep import AnyJob, SweepError, run_job

LOCAL = "local"
RETRIES = 3
"""How often a run is given to another worker after the death of the one that trained it."""


@contextmanager
def connected(address: str, workers: int) -> Iterator[None]:
    """A connection to a Ray cluster for the block; one that was there before is used, and left open.

    Args:
        address: "local" starts Ray on this machine, "auto" finds the cluster that this machine belongs to; else that
            of a cluster's head, "host:6379" on its nodes or "ray://host:10001" from outside.
        workers: processes of a local one; 0 for all cores.

    Raises:
        SweepError: Ray is not installed or does not start, or no cluster answers.
    """
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own = {"num_cpus": workers or None, "include_dashboard": False} if address == LOCAL else {}
    try:
        _start(ray, address, own)
    except Exception as error:  # Ray raises no class of its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        if address == LOCAL:
            raise SweepError(f"Ray does not start on this machine ({reason})") from None
        raise SweepError(f"no Ray cluster at {address!r} ({reason}): `ray start --head` starts one") from None
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def submission(
    store: Store, workers: int, gpus_per_run: float, options: dict[str, Any]
) -> Iterator[tuple[Callable[[AnyJob], Future[bool]], Callable[[], int]]]:
    """How to hand a job to the connected cluster, and how many it has room for now, ``workers`` at most unless 0.

    Every run has one core, and the given part of a GPU if it trains on one. All nodes need this package, and the data
    folder at the same path on a shared file system with locks: there they find the checkpoints of killed runs, and
    leave records. A node without it refuses its first run.

    Raises:
        SweepError: the runs want GPUs and the cluster has none.
    """
    ray = _ray()
    gpus = gpus_per_run if options["device"] == "cuda" else 0.0
    if gpus and not ray.cluster_resources().get("GPU"):
        raise SweepError("device cuda: no node of the Ray cluster has a GPU; use --device cpu")
    store = replace(store, root=store.root.resolve())
    environment = {"env_vars": {"ODESTACK_DATA": str(DATA.resolve())}}
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES, runtime_env=environment)(run_on_node)
    store.folder.mkdir(parents=True, exist_ok=True)

    def room() -> int:
        has = ray.cluster_resources()
        slots = int(has.get("GPU", 0) / gpus) if gpus else int(has.get("CPU", 0))
        return min(workers or slots, slots)

    with tempfile.NamedTemporaryFile(dir=store.folder, prefix=".sweep.", suffix=".tmp") as mark:
        yield lambda job: remote.remote(job, store, Path(mark.name), options).future(), room


def run_on_node(job: AnyJob, store: Store, mark: Path, options: dict[str, Any]) -> bool:
    """``sweep.run_job`` with one thread.

    Raises:
        SweepError: this node does not see the mark that the sweep has left in the store.
    """
    if not mark.exists():
        raise SweepError(
            f"node {socket.gethostname()} does not see {store.folder}: "
            "all nodes need the data folder at the same path, on a shared file system"
        )
    torch.set_num_threads(1)
    return run_job(job, store, **options)


def result(future: Future[bool]) -> bool:
    """What a run on the cluster returned.

    Raises:
        SweepError: its workers died again and again.
        Exception: what the run raised.
    """
    ray = _ray()
    try:
        return future.result()
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SweepError(f"a run was lost {RETRIES + 1} times ({reason}): run the same command again") from None


def _start(ray: Any, address: str, own: dict[str, Any]) -> None:
    """Ray gives its own processes 30 s to start, which is short on a busy machine: try twice."""
    for last in (False, True) if address == LOCAL else (True,):
        try:
            ray.init(address, log_to_driver=False, logging_level="ERROR", **own)
            return
        except Exception:
            ray.shutdown()
            if last:
                raise


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise SweepError('Ray is not installed: pip install "odestack[cluster]"') from None
    return ray
