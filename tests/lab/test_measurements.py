"""Measurements of kept networks: their files, where they wait, and what comes out of a sweep."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from killed import die, killed
from safetensors.torch import load_file, save_file
from tiny_runs import tiny

from odestack.lab import cifar, sweep, train
from odestack.lab.landscape import LandscapeError, Plane, mean_loss
from odestack.lab.landscape import batches as image_batches
from odestack.lab.measure import measure
from odestack.lab.measurements import CurvatureConfig, Measured, Measurement, SurfaceConfig
from odestack.lab.records import Store
from odestack.lab.sweep import Job, MeasureJob

RUN = tiny(epochs=3, steps=None)
SURFACE = SurfaceConfig(RUN, images=40, points=3)
TRAJECTORY = replace(SURFACE, plane="trajectory", direction=None, radius=None, batch_norm="re-estimated")
CURVATURE = CurvatureConfig(tiny(epochs=3, width=2), images=10, eigenvalues=1, samples=2)


def kept(store: Store, keep: sweep.Keep = "final") -> None:
    """Weights as a run of this config could leave them, without the training."""
    network = train.initial_network(RUN)
    network(cifar.normalise(cifar.load("mini-cifar10")[0].images[:100]))
    for path in store.weights_for(TRAJECTORY if keep == "epochs" else SURFACE):
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
        with torch.no_grad():
            for p in network.parameters():
                p += 0.01 * torch.randn_like(p)


def same(first: Measured | None, second: Measured | None) -> bool:
    """But for times and environment."""
    assert first is not None
    assert second is not None
    equal = first.arrays.keys() == second.arrays.keys() and first.weights == second.weights
    return equal and all(np.array_equal(first.arrays[name], second.arrays[name]) for name in first.arrays)


def test_a_sweep_trains_the_run_and_then_measures_it(store: Store, folder: Path) -> None:
    """Even if the measurements are asked for first; and a second sweep finds all of it."""
    jobs = [MeasureJob(SURFACE), MeasureJob(TRAJECTORY), Job(RUN, "epochs")]
    assert sweep.sweep(jobs, store) == []
    surface, path = store.get(SURFACE), store.get(TRAJECTORY)
    assert surface is not None
    assert path is not None
    assert store.get(RUN) is not None
    assert surface.arrays["losses"].shape == (3, 3)
    network = train.initial_network(RUN)
    network.load_state_dict(load_file(store.weights(RUN)))
    images, _ = train.data(RUN.dataset, torch.device("cpu"))
    middle = mean_loss(network, image_batches(cifar.Split(images.images[:40], images.labels[:40])))
    assert surface.arrays["losses"][1, 1] == pytest.approx(middle, rel=1e-6)
    coordinates = path.arrays["coordinates"]
    assert coordinates.shape == (3, 2)
    for axis, values in zip("xy", coordinates.T, strict=True):
        assert path.arrays[axis][0] < values.min() < values.max() < path.arrays[axis][-1]
    written = store.path(SURFACE).stat().st_mtime_ns
    assert sweep.sweep(jobs, store) == []
    assert store.path(SURFACE).stat().st_mtime_ns == written
    assert [file for file in folder.rglob("*") if file.suffix in (".lock", ".pt", ".tmp")] == []


def test_a_measurement_without_weights_waits_and_does_not_fail(store: Store) -> None:
    jobs = [MeasureJob(SURFACE)]
    assert store.waits(SURFACE)
    assert sweep.sweep(jobs, store) == jobs
    kept(store)
    assert store.waits(TRAJECTORY), "the weights of its epochs are not there"
    assert sweep.sweep([MeasureJob(SURFACE), MeasureJob(TRAJECTORY)], store) == [MeasureJob(TRAJECTORY)]


@pytest.mark.parametrize("damage", ["truncated", "of another network"])
def test_weights_that_are_not_the_networks_are_named(store: Store, damage: str) -> None:
    kept(store)
    (path,) = store.weights_for(SURFACE)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:100])
    else:
        save_file(replace(RUN, width=2 * RUN.width).network().state_dict(), path)
    with pytest.raises(LandscapeError, match=rf"{path.name}.*: delete it and train {RUN.key} again"):
        measure(SURFACE, store)


def test_a_worker_finds_what_one_process_finds(store: Store, folder: Path) -> None:
    kept(store)
    other = Store("smoke", folder / "other")
    (folder / "other").mkdir()
    (folder / "other" / "weights").symlink_to(folder / "weights")
    assert sweep.sweep([MeasureJob(SURFACE)], store) == []
    assert sweep.sweep([MeasureJob(SURFACE)], other, workers=1) == []
    assert same(store.get(SURFACE), other.get(SURFACE))


def one_row(store: Store) -> None:
    """Measure, and die when the first row is kept."""
    save = Plane.save

    def last(self: Plane, file: Path) -> None:
        save(self, file)
        die()

    Plane.save = last
    sweep.run_job(MeasureJob(SURFACE), store)


def test_a_killed_surface_goes_on_to_the_same_numbers(store: Store, folder: Path) -> None:
    kept(store)
    killed(one_row, store)
    assert store.checkpoint(SURFACE).exists()
    assert store.get(SURFACE) is None
    assert sweep.sweep([MeasureJob(SURFACE)], store) == []
    resumed = store.get(SURFACE)
    store.path(SURFACE).unlink()
    assert sweep.sweep([MeasureJob(SURFACE)], store) == []
    assert same(resumed, store.get(SURFACE))


def test_a_part_of_another_surface_is_not_gone_on_with(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    kept(store)
    file = store.checkpoint(SURFACE)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no plane")
    assert sweep.sweep([MeasureJob(SURFACE)], store) == []
    assert f"checkpoint {file.name} is not of this surface" in capsys.readouterr().err
    assert store.get(SURFACE) is not None


def test_curvature_comes_with_all_its_numbers(store: Store) -> None:
    network = train.initial_network(CURVATURE.run)
    store.weights(CURVATURE.run).parent.mkdir(parents=True)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, store.weights(CURVATURE.run))
    assert sweep.sweep([MeasureJob(CURVATURE)], store) == []
    found = store.get(CURVATURE)
    assert found is not None
    shapes = {name: array.shape for name, array in found.arrays.items()}
    assert shapes == {
        "largest": (1,),
        "smallest": (1,),
        "trace": (2,),
        "normalised_largest": (1,),
        "normalised_trace": (2,),
    }
    assert found.arrays["largest"] > found.arrays["smallest"]


def example(config: Measurement = SURFACE) -> Measured:
    return Measured(config, {"losses": np.arange(9.0).reshape(3, 3)}, "abc", {"threads": 1}, 1.5)


@pytest.mark.parametrize("config", [SURFACE, TRAJECTORY, CURVATURE])
def test_a_file_gives_back_what_was_written(config: Measurement, store: Store) -> None:
    store.put(example(config))
    found = store.get(config)
    assert same(found, example(config))
    assert found is not None
    assert (found.config, found.environment, found.seconds) == (config, {"threads": 1}, 1.5)
    assert store.missing([config]) == []


def test_a_file_that_is_no_measurement_is_named(store: Store) -> None:
    path = store.put(example())
    other = replace(SURFACE, direction=1)
    path.rename(store.path(other))
    with pytest.raises(LandscapeError, match="does not match its key"):
        store.get(other)
    store.path(other).write_bytes(b"{}")
    with pytest.raises(LandscapeError, match="is not a measurement"):
        store.get(other)


def test_keys_are_readable_and_differ_in_every_field() -> None:
    assert SURFACE.key.startswith("euler-d10-w8-s0-random0-frozen-3-")
    assert TRAJECTORY.key.startswith("euler-d10-w8-s0-trajectory-re-estimated-3-")
    changes = ({"direction": 1}, {"points": 5}, {"radius": 0.25}, {"batch_norm": "re-estimated"}, {"images": 41})
    others = [replace(SURFACE, **change) for change in changes]
    others += [replace(SURFACE, run=replace(RUN, seed=1)), TRAJECTORY]
    assert len({each.key for each in (SURFACE, *others)}) == len(others) + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": 4}, "odd number"),
        ({"points": 1}, "from 3"),
        ({"radius": 0.0}, "positive"),
        ({"radius": None}, "positive"),
        ({"direction": None}, "direction is None"),
        ({"batch_norm": "thawed"}, "frozen, re-estimated"),
        ({"plane": "flat"}, "random, trajectory"),
        ({"plane": "trajectory"}, "give None for direction and radius"),
        ({"images": 0}, "images is 0"),
        ({"images": 129}, "from 1 to 128"),
    ],
)
def test_what_cannot_be_measured_is_said(change: dict, message: str) -> None:
    with pytest.raises(LandscapeError, match=message):
        replace(SURFACE, **change)
