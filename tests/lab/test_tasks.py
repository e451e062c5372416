"""What is learned: the noise that is added, the scores of its removal and of masks, and that a run records them."""

import math

import pytest
import torch
from tiny_runs import metrics
from torch import Tensor, nn
from torch.nn import functional as F

from odestack.lab import cifar, train
from odestack.lab.config import RunConfig
from odestack.lab.tasks import SIGMA, TASKS, denoised
from odestack.lab.unet_config import UNetConfig

SMALL = UNetConfig(dataset="mini-cifar10", n_train=128, depth=18, width=4, batch=32, epochs=2)
DENOISE, SEGMENT = TASKS["denoise"], TASKS["segment"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluation on a hundred images."""
    training, test = cifar.load("mini-cifar10")
    some = cifar.Split(test.images[:100], test.labels[:100])
    monkeypatch.setattr(train, "data", lambda name, device: (training, some))


def images(count: int) -> Tensor:
    return cifar.normalise(cifar.load("mini-cifar10")[1].images[:count])


def posed(clean: Tensor, seed: int = 0) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    return DENOISE.pose(clean, torch.zeros(len(clean)), torch.Generator().manual_seed(seed))


def test_the_noise_has_25_grey_levels_in_every_channel() -> None:
    clean = images(200)
    noisy, (shown, wanted) = posed(clean)
    assert shown is noisy
    assert wanted is clean
    noise = 255 * (cifar.pixels(noisy) - cifar.pixels(clean))
    assert noise.std((0, 2, 3)).tolist() == pytest.approx([25.0] * 3, rel=0.01)
    assert noise.mean((0, 2, 3)).tolist() == pytest.approx([0.0] * 3, abs=0.3)
    assert cifar.pixels(noisy).min() < -0.1, "not clipped"


def test_pixels_undoes_normalise() -> None:
    of_bytes = cifar.load("mini-cifar10")[0].images[:4]
    torch.testing.assert_close(255 * cifar.pixels(cifar.normalise(of_bytes)), of_bytes.float(), atol=1e-3, rtol=0)


def test_psnr_is_that_of_its_formula_image_by_image() -> None:
    clean = images(6)
    _, wanted = posed(clean)
    residual = 0.3 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    found, true = denoised(residual, wanted)
    by_hand = [-10 * math.log10((a - b).square().mean().item()) for a, b in zip(found, true, strict=True)]
    assert DENOISE.scores["psnr"](residual, wanted).item() == pytest.approx(sum(by_hand), rel=1e-5)
    assert (found.min(), found.max()) == (0, 1)


def test_finding_the_noise_is_perfect_and_finding_nothing_leaves_it() -> None:
    clean = images(50)
    noisy, wanted = posed(clean)
    exact, nothing = noisy - clean, torch.zeros_like(clean)
    assert DENOISE.loss(exact, wanted).item() < 1e-12
    assert DENOISE.scores["ssim"](exact, wanted).item() / 50 == pytest.approx(1.0, abs=1e-4)
    untouched = -20 * math.log10(SIGMA)
    assert untouched < DENOISE.scores["psnr"](nothing, wanted).item() / 50 < untouched + 1.0, (
        "clipping removes a little"
    )
    assert 0.3 < DENOISE.scores["ssim"](nothing, wanted).item() / 50 < 0.9


@pytest.mark.parametrize("name", TASKS)
def test_a_sum_over_images_is_the_mean_times_their_number(name: str) -> None:
    task, generator = TASKS[name], torch.Generator().manual_seed(0)
    outputs = torch.randn(5, 3, 16, 16) if name != "classify" else torch.randn(5, 3)
    targets = torch.randint(0, 3, (5, 16, 16) if name == "segment" else (5,))
    _, wanted = task.pose(torch.randn(5, 3, 16, 16), targets, generator)
    assert task.loss(outputs, wanted, reduction="sum").item() == pytest.approx(5 * task.loss(outputs, wanted).item())


def test_overlap_is_the_mean_over_the_classes_of_an_image() -> None:
    masks = torch.tensor([[[0, 0], [1, 1]], [[2, 2], [2, 2]]])
    found = torch.tensor([[[0, 1], [1, 1]], [[2, 2], [2, 0]]])
    logits = F.one_hot(found, 3).permute(0, 3, 1, 2).float()
    by_hand = [(1 / 2 + 2 / 3) / 2, (3 / 4 + 0) / 2]
    assert SEGMENT.scores["iou"](logits, masks).item() == pytest.approx(100 * sum(by_hand))


def test_every_evaluation_sees_the_same_noise() -> None:
    test = cifar.load("mini-cifar10")[1]
    few = cifar.Split(test.images[:64], test.labels[:64])
    network = nn.Identity()  # finds its whole input, and so leaves black images
    first, again = (train.evaluate(network, few, SMALL, batch=32) for _ in range(2))
    assert first == again
    assert len(first) == 3
    assert first[0] == pytest.approx(images(64).square().mean().item(), rel=1e-5)


@pytest.mark.usefixtures("few")
def test_a_run_records_the_scores_of_its_task_and_repeats_to_the_last_bit() -> None:
    record = train.run(SMALL)
    row = {"epoch", "step", "lr", "train_loss", "train_psnr", "test_loss", "test_psnr", "test_ssim"}
    assert set(record.final) == row | {"seconds", "eval_seconds"}
    assert train.Record.from_json(record.to_json()) == record
    assert metrics(record) == metrics(train.run(SMALL))


@pytest.mark.usefixtures("few")
def test_a_short_run_removes_noise() -> None:
    """By at least three decibels of what it starts with."""
    config = UNetConfig(dataset="mini-cifar10", depth=18, width=8, batch=16, steps=60)
    assert train.run(config).final["test_psnr"] > -20 * math.log10(SIGMA) + 3


@pytest.mark.usefixtures("few")
def test_the_rows_of_classification_are_as_before() -> None:
    config = RunConfig(dataset="mini-cifar10", n_train=64, depth=10, width=4, batch=32, epochs=1)
    columns = [name for name in train.run(config).final if "seconds" not in name]
    assert columns == ["epoch", "step", "lr", "train_loss", "train_accuracy", "test_loss", "test_accuracy"]
