"""Processes that train or measure beside this one."""

import ctypes
import multiprocessing
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import torch

from odestack.lab import train

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext


KEPT = {"TRIM_THRESHOLD": (-1, 2**30), "MMAP_THRESHOLD": (-3, 2**25)}
"""Memory that a worker keeps when tensors free it: the number of a parameter of glibc's ``mallopt``, and bytes."""


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """Workers of one thread each, as nice as this process at least, that end with it."""
    return ProcessPoolExecutor(workers, new_processes(), _start_worker, (_nice(0),))


def new_processes() -> "ForkServerContext | SpawnContext":
    """How a process of one's own starts: on Linux forked from a server that has imported torch, for this process once;
    elsewhere, where forking is not safe, importing it anew."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([train.__name__, "torch._dynamo"])  # the first optimiser of a process imports that
    return context


def _start_worker(niceness: int) -> None:
    torch.set_num_threads(1)
    _keep_freed_memory()
    _nice(max(0, niceness - _nice(0)))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _keep_freed_memory() -> None:
    """To give it back to the kernel and to ask for it again, at every step, costs a page fault every 4 kB."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for parameter, size in KEPT.values():
            mallopt(parameter, size)


def _nice(increment: int) -> int:
    """``os.nice``, and 0 on Windows, which has none."""
    return 0 if sys.platform == "win32" else os.nice(increment)


def _end_with_parent() -> None:
    """Wait for the death of the sweep, however it dies, and go too: nobody would notice what this worker trains."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
