"""The benchmark measures what it says. How fast this machine is, is no matter of tests."""

import itertools
import time
from collections.abc import Iterator
from math import inf, nan

import pytest
import torch
from torchvision.transforms import functional as TF

from odestack.lab import bench, cifar
from odestack.lab.config import RunConfig
from odestack.lab.environment import best_precision
from odestack.nets.cost import cost


def test_every_loop_runs() -> None:
    table = bench.bench_train(8, 10, repeats=1, seconds=0.2)
    assert table["loop"].tolist() == ["engine", "plain, 0 workers", "plain, 1 workers", "plain, 2 workers"]
    assert table["precision"].tolist() == [best_precision(), "fp32", "fp32", "fp32"]
    assert min(table["images_per_s"]) > 0
    assert min(table["of_roof"]) > 0
    assert 0 < table["data_share"].iloc[0] < 1


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_table_of_given_rates(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {"engine": 10.0, "data": 200.0, "fp32": 3.0, "bf16": 6.0}
    rates |= {f"plain, {workers} workers": rate for workers, rate in ((0, 4.0), (1, 5.0), (2, 2.0))}
    monkeypatch.setattr(bench, "median_rates", lambda *_: rates)
    monkeypatch.setattr(bench, "best_precision", lambda: precision)
    table = bench.bench_train(16, 50)
    macs = cost(RunConfig(width=16, depth=50).network()).macs
    shares = [r * 128 * 6 * macs / (2 * 2048**3) for r in (10 / rates[precision], 4 / 3, 5 / 3, 2 / 3)]
    assert table["images_per_s"].tolist() == [1280, 512, 640, 256]
    assert table["speed"].tolist() == [2.0, 0.8, 1.0, 0.4]
    assert table["of_roof"].tolist() == pytest.approx(shares, abs=0.0006)
    assert table["data_share"].iloc[0] == 0.05


def sleeping(seconds: float) -> Iterator[None]:
    while True:
        time.sleep(seconds)
        yield


def test_rates_are_steps_per_second() -> None:
    rates = bench.median_rates({"slow": sleeping(0.05), "fast": sleeping(0.01)}, repeats=3, seconds=0.3)
    assert 5 < rates["slow"] <= 20
    assert rates["slow"] < rates["fast"] <= 100


def test_a_clock_of_processor_time_does_not_count_sleep() -> None:
    rates = bench.median_rates({"idle": sleeping(0.02)}, repeats=1, seconds=0.005, clock=time.thread_time)
    assert rates["idle"] > 100


def test_a_median_is_taken_over_interleaved_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []
    answers = {"a": iter([1.0, 50.0, 2.0]), "b": iter([7.0, 3.0, 5.0])}

    def rate(name: str, *_: object) -> float:
        measured.append(name)
        return next(answers[name])

    monkeypatch.setattr(bench, "_rate", rate)
    assert bench.median_rates({"a": "a", "b": "b"}, 3, 1.0) == {"a": 2.0, "b": 5.0}  # type: ignore[dict-item]
    assert measured == ["a", "b"] * 3


def test_warm_up_is_not_timed() -> None:
    delays = itertools.chain([0.2] * bench.WARM_UP, itertools.repeat(0.01))
    steps = (time.sleep(delay) for delay in delays)
    assert bench._rate(steps, 0.3, time.perf_counter) > 10


def test_plain_images_are_torchvisions() -> None:
    """Each is one of the 81 crops, flipped or not, of the image, normalised after the padding."""
    split = cifar.load("mini-cifar10")[0]
    photographs = bench.Photographs(split)
    assert len(photographs) == 50_000
    image, label = photographs[2003]
    assert label == split.labels[3]
    padded = TF.pad(split.images[3], [4, 4, 4, 4])
    crops = [TF.crop(padded, top, left, 32, 32) for top in range(9) for left in range(9)]
    candidates = [cifar.normalise(each[None])[0] for crop in crops for each in (crop, TF.hflip(crop))]
    assert sum(torch.allclose(image, candidate, atol=1e-5) for candidate in candidates) == 1


@pytest.mark.parametrize(("repeats", "seconds"), [(0, 1.0), (1, 0.0), (1, -1.0), (1, inf), (1, nan)])
def test_nothing_to_measure_is_refused(repeats: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="but must be"):
        bench.bench_train(8, 10, repeats=repeats, seconds=seconds)


def test_a_depth_that_cannot_be_built_is_refused() -> None:
    with pytest.raises(ValueError, match="nearest euler depths are 26 and 28"):
        bench.bench_train(8, 27)
