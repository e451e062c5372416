"""The benchmarks measure what they say. How fast this machine is, is no matter of tests."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torchvision.transforms import functional as TF

from odestack.lab import cifar, train
from odestack.lab.bench import (
    book,
    determinism,
    growth,
    images,
    integrate,
    operators,
    suite,
    surfaces,
    tricks,
)
from odestack.lab.bench import train as training
from odestack.lab.bench.fused import fuse
from odestack.lab.bench.goals import judged
from odestack.lab.bench.loops import Photographs
from odestack.lab.bench.measuring import Case, Pace, Result, Unavailable
from odestack.lab.bench.processes import side_by_side
from odestack.lab.bench.train import PARALLEL
from odestack.lab.environment import best_precision
from odestack.methods import catalogue

BRIEF = Pace(seconds=0.02, repeats=1)


def result(group: str, cases: list[Case]) -> Result:
    return suite.measured(group, lambda: cases)


def test_every_loop_of_training_runs() -> None:
    table = training.summary(result("train", training.cases(BRIEF, [8], [10])))
    plain = [f"plain, {workers} workers" for workers in training.WORKERS]
    in_fp32 = [training.FP32] if best_precision() != "fp32" else []
    assert table["loop"].tolist() == ["engine", *plain, *in_fp32]
    assert table["precision"].tolist() == [best_precision(), *["fp32"] * (len(plain) + len(in_fp32))]
    assert min(table["images_per_s"]) > 0
    assert min(table["of_roof"]) > 0
    assert 0 < table["data_share"].iloc[0] < 1


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_table_of_given_rates(precision: str) -> None:
    """One image has 1 million multiply-accumulates, so its training step 6 million operations."""
    settings = {"width": 16, "depth": 50, "precision": precision, "macs": 1_000_000}
    given = {"engine": [1000.0, 1200.0, 900.0], "plain, 1 workers": [500.0, 500.0, 500.0]}
    cases = [Case(name, settings, "images/s", samples, "plain, 1 workers") for name, samples in given.items()]
    cases.append(Case("batches", settings, "images/s", [20_000.0] * 3))
    roofs = {"fp32": 12e9, "bf16": 24e9}
    cases += [Case(f"matrix product {name}", settings, "FLOP/s", [flops] * 3) for name, flops in roofs.items()]
    table = training.summary(result("train", cases))
    assert table["speed"].tolist() == [2.0, 1.0]
    assert (table["speed_low"][0], table["speed_high"][0]) == (1.9, 2.2)
    assert table["of_roof"].tolist() == [0.5 if precision == "fp32" else 0.25, 0.25]
    assert table["data_share"].iloc[0] == 0.05


def test_a_process_of_its_own_trains() -> None:
    with side_by_side(1) as together:
        assert together(replace(determinism.base(3), dataset="mini-cifar10", width=4, depth=10, batch=8), 0.05) > 0


def test_a_process_that_dies_is_not_waited_for() -> None:
    config = replace(determinism.base(3), dataset="mini-cifar10", width=4, depth=10, batch=8)
    with side_by_side(1) as together, pytest.raises(Unavailable, match="has died"):
        together(config, "long")  # type: ignore[arg-type]


def test_a_trick_that_is_kept_gains_what_is_lost_without_it() -> None:
    settings = {"width": 16, "depth": 26, "precision": "bf16"}
    given = {"engine": [100.0, 120.0], "without bf16": [50.0, 40.0], "twice the batch": [110.0, 120.0]}
    cases = [Case(name, settings, "images/s", samples, "engine") for name, samples in given.items()]
    cases[0] = replace(cases[0], baseline=None)
    table = tricks.summary(result("tricks", cases)).set_index("trick")
    assert table.loc["bf16", ["kept", "gain", "low", "high"]].tolist() == [True, 2.5, 2.25, 2.75]
    assert table.loc["twice the batch", ["kept", "gain"]].tolist() == [False, pytest.approx(1.05)]


def test_what_needs_a_process_of_its_own_is_compared_with_one() -> None:
    alone = tricks.ENVIRONMENTS.keys() - {tricks.CONTROL}
    assert {tricks.BASELINES[name] for name in alone} == {tricks.CONTROL}
    assert tricks.BASELINES[tricks.CONTROL] == "engine"
    assert tricks.BASELINES[PARALLEL] == tricks.KEEPS


def test_switching_a_trick_off_or_on_leaves_the_computation() -> None:
    """The same first losses, to rounding."""
    config = tricks.bench_config(8, 10, "rk4", precision="fp32")
    loops = {**tricks._without(config), "engine": tricks.engine(config)}
    loops.pop("images in memory")  # it draws other crops
    tried = tricks._with(config)
    loops |= {name: tried[name][0] for name in ("recomputed branches", "batch norm and ReLU in one")}
    losses = {name: [next(steps)[0].item() for _ in range(3)] for name, steps in loops.items()}  # type: ignore[index]
    for name, found in losses.items():
        assert found == pytest.approx(losses["engine"], rel=1e-4), name


def test_operators_are_shares_of_the_step() -> None:
    cases = operators.cases(BRIEF, [(8, 10)])
    assert sum(case.median for case in cases) == pytest.approx(1)
    assert {"convolution", "convolution, backward", "batch norm"} <= {case.name for case in cases}
    assert operators.kind("aten::convolution_backward") == "convolution, backward"
    assert operators.kind("aten::mm") == operators.OTHER


def test_memory_of_a_step_grows_with_depth_and_hardly_with_order() -> None:
    axes = {"depth": (10, 18), "scheme": ("euler", "rk4")}
    grown = result("growth", growth.cases(BRIEF, axes))
    memory = {
        (c.name, c.settings["axis"], c.settings["depth"], c.settings["scheme"]): c.median
        for c in grown.cases
        if c.unit == "bytes"
    }
    of_step = "memory of a step"
    deep, shallow = memory[of_step, "depth", 18, "euler"], memory[of_step, "depth", 10, "euler"]
    assert 1.5 < deep / shallow < 1.8
    assert memory[f"{of_step}, branches recomputed", "depth", 18, "euler"] < 0.5 * deep
    assert memory[of_step, "scheme", 26, "rk4"] <= 1.05 * memory[of_step, "scheme", 26, "euler"]
    slopes = growth.exponents(grown).set_index(["axis", "case"])["exponent"].to_dict()
    assert 0.7 < slopes["depth", of_step] < 1
    assert 0 <= slopes["scheme", of_step] < 0.05, "of two methods, with one and with four stages"


def test_what_is_no_power_law_shows_in_the_slopes_between_points() -> None:
    seconds = {8: 1.0, 16: 1.0, 32: 4.0}
    common = {"axis": "width", "depth": 26, "batch": 128, "scheme": "euler"}
    cases = [Case("time of a step", common | {"width": width}, "s", [value]) for width, value in seconds.items()]
    row = growth.exponents(result("growth", cases)).iloc[0]
    assert row[["exponent", "low", "high"]].tolist() == pytest.approx([1.0, 0.0, 2.0])


def test_integrators_do_equal_work() -> None:
    for solvers in (integrate.fixed(2), integrate.adaptive(2)):
        evaluations = [solve() for solve in solvers.values()]
        assert max(evaluations) <= 1.1 * min(evaluations)


def test_surfaces_agree() -> None:
    cases = {case.name: case for case in surfaces.cases(BRIEF, 4, 10, 20)}
    assert cases["odestack"].median > 0
    assert cases["odestack"].baseline == "plain"


def test_images_are_measured_from_file_to_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "SIZE", (4, 10))
    names = [case.name for case in images.cases(BRIEF)]
    assert names[:3] == ["a step", "a batch, the engine's", "a batch, one image at a time"]
    assert "mini-cifar10 ready" in names


def test_repetitions_on_one_thread_are_the_same_to_the_last_bit() -> None:
    config = replace(determinism.base(3), dataset="mini-cifar10", n_train=96, batch=32, width=8, depth=10)
    record = train.run(config)
    measured = result("determinism", determinism.cases(BRIEF, config, [record]))
    assert "1 runs of the lab" in determinism.beside_records(measured)
    assert "0.00 points at most" in determinism.beside_records(measured), "the processor is the same"
    table = determinism.spreads(measured)
    assert (table.loc[determinism.AGAIN] == 0).all()
    assert table.loc[determinism.SEED, "training loss, step 1"] > 0.001
    assert table.loc[determinism.THREADS, "training loss, step 1"] < 1e-4
    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        assert table.loc[determinism.INSTRUCTIONS, "training loss, step 1"] < 1e-4


def test_a_group_has_one_file_which_is_read_back(tmp_path: Path) -> None:
    cases = [Case("a", {"d": 2}, "s", [1.0, 2.0, 3.0], "b"), Case("b", {"d": 2}, "s", [2.0, 2.0, 2.0])]
    written = result("trees", cases)
    assert suite.read("trees", tmp_path) is None
    suite.write(result("trees", cases[1:]), tmp_path)
    file = suite.write(written, tmp_path)
    assert suite.read("trees", tmp_path) == written
    data = json.loads(file.read_text())
    assert (data["cases"][0]["median"], data["cases"][0]["ratio"]) == (2.0, 1.0)
    assert written.table()["ratio_high"].iloc[0] == 1.25
    file.write_text("{}")
    with pytest.raises(ValueError, match="measure it again"):
        suite.read("trees", tmp_path)


def test_the_books_copy_is_complete_and_leaves_the_original_alone(tmp_path: Path) -> None:
    book.copy_repository(tmp_path)
    for name in ("Makefile", "src/odestack/cli.py", book.CHAPTER):
        assert (tmp_path / name).read_bytes() == (book.ROOT / name).read_bytes()
        assert (tmp_path / name).stat().st_mtime == pytest.approx((book.ROOT / name).stat().st_mtime, abs=1)


def test_plain_images_are_torchvisions() -> None:
    """Each is one of the 81 crops, flipped or not, of the image, normalised after the padding."""
    split = cifar.load("mini-cifar10")[0]
    photographs = Photographs(split)
    assert len(photographs) == 50_000
    image, label = photographs[2003]
    assert label == split.labels[3]
    padded = TF.pad(split.images[3], [4, 4, 4, 4])
    crops = [TF.crop(padded, top, left, 32, 32) for top in range(9) for left in range(9)]
    candidates = [cifar.normalise(each[None])[0] for crop in crops for each in (crop, TF.hflip(crop))]
    assert sum(torch.allclose(image, candidate, atol=1e-5) for candidate in candidates) == 1


def test_a_depth_that_cannot_be_built_is_refused() -> None:
    with pytest.raises(ValueError, match="nearest euler depths are 26 and 28"):
        training.cases(BRIEF, [8], [27])


def test_orders_are_found_alike() -> None:
    from odestack.lab.bench.trees import orders

    assert {order() for order in orders(catalogue.get("heun3")).values()} == {3}


def test_goals_are_met_or_not_met_or_not_run() -> None:
    ready = result("images", [Case("cifar10 ready", {}, "s", [4.0])])
    memory = [
        Case("memory of a step", {"axis": "scheme", "scheme": scheme}, "bytes", [peak])
        for scheme, peak in (("euler", 100.0), ("rk4", 104.0))
    ]
    surface = result("surfaces", [Case("odestack", {}, "points/s", [2.0])])
    found_so_far = {"images": ready, "growth": result("growth", memory), "surfaces": surface, "train": None}
    table = judged(found_so_far).set_index("goal")
    assert table.loc["441 points of a loss surface, 1,000 images, depth 50", "measured"].split() == ["220", "s"]
    asked, found, verdict = table.loc["CIFAR-10 ready, seconds", ["asked", "measured", "verdict"]]
    assert (asked.split(), found.split(), verdict) == (["≤", "3.0", "s"], ["4.0", "s"], "not met")
    assert table.loc["More memory of RK4 than of Euler at equal depth", "verdict"] == "met"
    assert table.loc["Speed at width 16, one process", ["measured", "verdict"]].tolist() == ["–", "not run"]


@pytest.mark.parametrize(("precision", "verdict"), [("bf16", "met"), ("fp32", "not run")])
def test_goals_of_speed_are_those_of_a_processor_with_bf16(precision: str, verdict: str) -> None:
    settings = {"width": 16, "depth": 50, "precision": precision, "macs": 1_000_000}
    given = {"engine": [1000.0], "plain, 1 workers": [500.0], "batches": [20_000.0]}
    cases = [Case(name, settings, "images/s", samples, "plain, 1 workers") for name, samples in given.items()]
    cases += [Case(f"matrix product {name}", settings, "FLOP/s", [12e9]) for name in ("fp32", "bf16")]
    table = judged({"train": result("train", cases)}).set_index("goal")
    assert table.loc["Speed at width 16, one process", "verdict"] == verdict


def test_batch_norm_and_relu_in_one_have_the_gradients_of_two() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 6, 5, 5).contiguous(memory_format=torch.channels_last)
    norm = torch.nn.BatchNorm2d(6)
    for values in norm.parameters():
        torch.nn.init.normal_(values)
    plain = torch.nn.Sequential(norm, torch.nn.ReLU(), torch.nn.Conv2d(6, 3, 3))
    fused = copy.deepcopy(plain)
    fuse(fused)
    assert not any(isinstance(module, torch.nn.ReLU) for module in fused)
    found = []
    for network in (plain, fused):
        inputs = x.clone(memory_format=torch.preserve_format).requires_grad_()
        (network(inputs) ** 2).sum().backward()
        statistics = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
        found.append([inputs.grad, *(p.grad for p in network.parameters()), *statistics])
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-4)
