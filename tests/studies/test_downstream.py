"""The studies of the U-Net and the transformer: what they train, at equal cost, and the rows that come of it."""

import math

import pytest
import torch

from odestack.lab import pets, train
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.nets.cost import cost
from odestack.studies import evidence, segmentation, transformer, unet

BOTH = (unet, transformer)


def named(study):
    return study.__name__.rsplit(".", 1)[-1]


@pytest.mark.parametrize("study", BOTH, ids=named)
@pytest.mark.usefixtures("few_test_images")
def test_smoke_runs_give_rows(study):
    done = [train.run(job.config) for job in study.jobs("smoke")]
    assert {(record.status, record.final["step"]) for record in done} == {("done", 4)}
    table = study.table(done)
    assert table["scheme"].tolist() == list(study.SCHEMES)
    assert table["order"].tolist() == [1, 2, 4]
    assert table["psnr" if study is unet else "accuracy"].notna().all()


@pytest.mark.parametrize("study", BOTH, ids=named)
@pytest.mark.parametrize("profile", ["smoke", "cpu"])
def test_all_arms_cost_the_same(study, profile):
    with torch.device("meta"):
        costs = {job.config.scheme: cost(job.config.network()) for job in study.jobs(profile) if job.config.seed == 0}
    assert list(costs) == list(study.SCHEMES)
    assert len({(counted.parameters, counted.macs, counted.evaluations) for counted in costs.values()}) == 1


def test_every_seed_has_every_arm_and_seed_0_comes_first():
    for study, seeds in ((unet, 2), (transformer, 3)):
        runs = [(job.config.seed, job.config.scheme) for job in study.jobs("cpu")]
        assert runs == [(seed, scheme) for seed in range(seeds) for scheme in study.SCHEMES]


def test_the_weights_that_are_kept_are_less_than_a_megabyte_a_run():
    kept = [job.config for job in unet.jobs("cpu") if job.keep == "final"]
    assert [config.seed for config in kept] == [0, 0, 0]
    size = sum(tensor.numel() * tensor.element_size() for tensor in kept[0].network().state_dict().values())
    assert size < 1e6
    assert {job.keep for job in [*transformer.jobs("cpu"), *unet.jobs("gpu")]} == {"nothing"}


def test_the_table_of_the_unet_has_decibels_instead_of_points():
    configs = [job.config for job in unet.jobs("cpu")]
    row = {"test_loss": 0.02, "test_psnr": 29.5, "test_ssim": 0.93}
    table = unet.table(
        [Record(configs[0], "done", [row], [], {}, 1.0), Record(configs[1], "diverged", [row], [], {}, 1.0)]
    )
    assert "accuracy" not in table
    assert table["psnr"].tolist() == [29.5, pytest.approx(math.nan, nan_ok=True)]
    assert table["ssim"].tolist() == [0.93, pytest.approx(math.nan, nan_ok=True)]


def test_segmentation_is_for_a_gpu_only_and_said_not_to_be_run():
    jobs = segmentation.jobs("gpu")
    assert {(job.config.task, job.config.dataset) for job in jobs} == {("segment", pets.NAME)}
    assert [isinstance(job, Job) for job in jobs] == [True] * 6
    assert segmentation.jobs("cpu") == segmentation.jobs("smoke") == []
    table = segmentation.table([Record(jobs[0].config, "done", [{"test_iou": 71.0}], [], {}, 1.0)])
    assert table["iou"].tolist() == [71.0]
    assert "6 runs have no record yet" in str(evidence.gather("segmentation").statement().data)
