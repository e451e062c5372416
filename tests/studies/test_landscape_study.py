"""The study of loss surfaces: what it asks for, the numbers of its table, and that committed files fit the weights."""

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from odestack.lab.measurements import CurvatureConfig, Measured, SurfaceConfig
from odestack.lab.records import Store
from odestack.lab.sweep import Job, MeasureJob, sweep
from odestack.studies import depth_by_order, landscape, schedule
from odestack.studies.evidence import gather

RUN = landscape.trained("cpu")[0].config
WALL = {"seconds": 60.0, "environment": {}, "weights": ""}


def plane(points: int, xx: float, yy: float, **changes: object) -> Measured:
    """The measurement of a surface with these curvatures, 1 at its middle."""
    config = replace(SurfaceConfig(RUN, points=points), **changes)  # type: ignore[arg-type]
    x = np.linspace(-0.5, 0.5, points)
    return Measured(config, {"x": x, "y": x, "losses": 1 + (xx * x**2 + yy * x[:, None] ** 2) / 2}, **WALL)


def test_the_networks_are_those_whose_weights_depth_by_order_keeps():
    runs = [job for job in landscape.jobs("cpu") if isinstance(job, Job)]
    shared = {job.config.key: job.keep for job in depth_by_order.jobs("cpu")}
    assert {(job.config.scheme, job.config.depth) for job in runs} == {
        (s, d) for s in landscape.SCHEMES for d in (26, 98)
    }
    assert all(shared[job.config.key] == job.keep != "nothing" for job in runs)


def test_every_network_is_measured_in_the_same_way_and_two_have_a_trajectory():
    looks = [job.config for job in landscape.jobs("cpu") if isinstance(job, MeasureJob)]
    planes = [config for config in looks if isinstance(config, SurfaceConfig)]
    kinds = Counter((p.direction, p.points, p.batch_norm) for p in planes if p.plane == "random")
    frozen = {(0, 21, "frozen"): 8, (1, 11, "frozen"): 8, (2, 11, "frozen"): 8}
    assert kinds == frozen | {(seed, 11, "re-estimated"): 8 for seed in (0, 1, 2)}
    assert sum(isinstance(config, CurvatureConfig) for config in looks) == 8
    paths = [p.run for p in planes if p.plane == "trajectory"]
    assert [(run.scheme, run.depth) for run in paths] == [("euler", 98), ("rk4", 98)]
    assert landscape.jobs("gpu") == []


def test_a_plane_is_compared_on_the_coarse_grid():
    table = landscape.table([plane(21, 3.0, -1.0), plane(11, 3.0, -1.0, direction=1)])
    assert table["direction"].tolist() == [0, 1]
    np.testing.assert_allclose(table["curvature"], 3.0)
    np.testing.assert_allclose(table["non_convex"], 1.0)
    assert table["rise"].iloc[0] == pytest.approx(table["rise"].iloc[1], rel=1e-9)
    assert table["rise"].iloc[0] == pytest.approx((3 - 1) / 2 * np.mean(np.linspace(-0.5, 0.5, 11) ** 2))


def test_the_table_has_the_hessian_in_rows_of_its_own():
    names = {"largest": [5.0, 4.0], "smallest": [-1.0], "trace": [7.0, 0.5]}
    names |= {"normalised_largest": [3.0, 1.0], "normalised_trace": [6.0, 0.25]}
    arrays = {name: np.array(values) for name, values in names.items()}
    path = SurfaceConfig(RUN, plane="trajectory", direction=None, radius=None)
    measured = [Measured(CurvatureConfig(RUN), arrays, **WALL), Measured(path, {}, **WALL)]
    table = landscape.table(measured)
    assert len(table) == 1
    assert table[landscape.HESSIAN].iloc[0].tolist() == [5.0, -1.0, 7.0, 0.5, 3.0, 6.0, 0.25]
    assert set(landscape.table([]).columns) == set(table.columns)
    assert [each.config for each in landscape.surfaces(measured, "trajectory")] == [path]


@pytest.mark.usefixtures("empty_data")
def test_missing_measurements_are_named_with_what_they_wait_for():
    found = gather("landscape", "cpu")
    total = len(landscape.jobs("cpu"))
    assert f"0 of {total} runs and measurements" in str(found.statement().data)
    waits = f"waits for the weights of run {RUN.key}"
    assert waits in str(found.statement().data)
    assert waits in schedule.overview(["landscape"], "cpu", keys=True)
    weights = Store("cpu").weights(RUN)
    weights.parent.mkdir(parents=True)
    weights.touch()
    assert waits not in schedule.overview(["landscape"], "cpu", keys=True)


@pytest.mark.usefixtures("empty_data")
def test_hours_of_surfaces_go_by_finished_surfaces():
    Store("cpu").put(plane(21, 1.0, 1.0))
    fine, coarse = SurfaceConfig(RUN, direction=9), SurfaceConfig(RUN, points=11)
    assert schedule.hours([fine], "cpu") == pytest.approx(1 / 60)
    assert schedule.hours([coarse], "cpu") == pytest.approx(11**2 / 21**2 / 60)


@pytest.mark.usefixtures("empty_data")
def test_the_smoke_study_needs_no_other():
    jobs = landscape.jobs("smoke")
    jobs = [job for job in jobs if not (isinstance(job, MeasureJob) and isinstance(job.config, CurvatureConfig))]
    assert sweep(jobs, Store("smoke")) == []
    found = gather("landscape", "smoke")
    assert len(landscape.table(found.records)) == len(landscape.surfaces(found.records)) == 2
    assert len(landscape.surfaces(found.records, "trajectory")) == 2
    assert len(found.runs) == 2


def test_committed_surfaces_are_asked_for_and_of_the_committed_weights():
    store = Store("cpu")
    known = {store.path(job.config): job.config for job in landscape.jobs("cpu") if isinstance(job, MeasureJob)}
    files = set((store.root / "surfaces" / "cpu").glob("*.safetensors"))
    assert files <= set(known)
    for file in files:
        found = store.get(known[file])
        assert found is not None
        weights = b"".join(path.read_bytes() for path in store.weights_for(found.config))
        assert found.weights == hashlib.sha256(weights).hexdigest(), f"{file.name} is of other weights: delete it"
