"""Rates, and the medians of interleaved measurements, that all benchmarks are made of."""

import itertools
import time
from collections.abc import Iterator
from math import inf, nan

import pytest

from odestack.lab.bench import measuring
from odestack.lab.bench.measuring import Pace


def sleeping(seconds: float) -> Iterator[None]:
    while True:
        time.sleep(seconds)
        yield


def test_rates_are_steps_per_second() -> None:
    rates = measuring.median_rates({"slow": sleeping(0.05), "fast": sleeping(0.01)}, repeats=3, seconds=0.3)
    assert 5 < rates["slow"] <= 20
    assert rates["slow"] < rates["fast"] <= 100


def test_a_clock_of_processor_time_does_not_count_sleep() -> None:
    rates = measuring.median_rates({"idle": sleeping(0.02)}, repeats=1, seconds=0.005, clock=time.thread_time)
    assert rates["idle"] > 100


def test_a_median_is_taken_over_interleaved_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []
    answers = {"a": iter([1.0, 50.0, 2.0]), "b": iter([7.0, 3.0, 5.0])}

    def rate(name: str, *_: object) -> float:
        measured.append(name)
        return next(answers[name])

    monkeypatch.setattr(measuring, "rate", rate)
    assert measuring.median_rates({"a": "a", "b": "b"}, 3, 1.0) == {"a": 2.0, "b": 5.0}  # type: ignore[dict-item]
    assert measured == ["a", "b"] * 3


def test_warm_up_is_not_timed() -> None:
    delays = itertools.chain([0.05] * measuring.WARM_UP, itertools.repeat(0.01))
    steps = (time.sleep(delay) for delay in delays)
    assert measuring.rate(steps, 0.5) > 10


@pytest.mark.parametrize(("repeats", "seconds"), [(0, 1.0), (1, 0.0), (1, -1.0), (1, inf), (1, nan)])
def test_nothing_to_measure_is_refused(repeats: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="but must be"):
        Pace(seconds, repeats)
