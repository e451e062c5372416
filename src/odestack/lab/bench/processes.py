"""The engine in processes of their own, measured at the same time."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from unittest.mock import patch

import torch

from odestack.lab.bench.loops import engine
from odestack.lab.bench.measuring import Unavailable, rate
from odestack.lab.config import RunConfig

Rate = Callable[[RunConfig, float], float]


@contextmanager
def side_by_side(
    processes: int, threads: int = 1, environment: Mapping[str, str] | None = None, device: str = "cpu"
) -> Iterator[Rate]:
    """Processes of so many threads, with additions to the environment that they start in.

    Yields:
        A function that trains with the engine in all of them for so many seconds, and returns their images per second
        together. It raises Unavailable if one of them has died.
    """
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(processes)]
    workers = [context.Process(target=_serve, args=(theirs, threads, device), daemon=True) for _, theirs in pipes]
    with patch.dict(os.environ, environment or {}):
        for worker, (_, theirs) in zip(workers, pipes, strict=True):
            worker.start()
            theirs.close()  # so that the death of a worker ends the wait for its answer

    def images_per_second(config: RunConfig, seconds: float) -> float:
        try:
            for ours, _ in pipes:
                ours.send((config, seconds))
            return config.batch * sum(ours.recv() for ours, _ in pipes)
        except (EOFError, ConnectionError):
            raise Unavailable("one of the processes to measure has died; is there memory enough for them?") from None

    try:
        yield images_per_second
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _serve(orders: Connection, threads: int, device: str) -> None:
    torch.set_num_threads(threads)
    known, steps = None, iter(())
    while True:
        config, seconds = orders.recv()
        if config != known:
            known, steps = config, engine(config, device=device)
        orders.send(rate(steps, seconds))
