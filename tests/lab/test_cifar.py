"""The images: what they are, how they are augmented, and what damage to them leads to."""

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional as TF

from odestack.lab import cifar
from odestack.lab.cifar import DataError


def test_mini_has_its_checksum_and_is_stratified() -> None:
    arrays = cifar.read_sheets(cifar.MINI_FOLDER)
    assert cifar.checksum(arrays) == cifar.DATASETS["mini-cifar10"].sha256
    train, test = cifar.load("mini-cifar10")
    assert train.images.shape == (2000, 3, 32, 32)
    assert test.images.shape == (1000, 3, 32, 32)
    assert train.images.dtype == torch.uint8
    assert train.labels.bincount().tolist() == [200] * 10
    assert test.labels.bincount().tolist() == [100] * 10


def test_mini_shares_no_image_between_train_and_test() -> None:
    train, test = cifar.load("mini-cifar10")
    everything = torch.cat([train.images, test.images]).flatten(1)
    assert len(everything.unique(dim=0)) == 3000


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    """A copy of mini-cifar10 that may be damaged."""
    return Path(shutil.copytree(cifar.MINI_FOLDER, tmp_path / "mini"))


@pytest.mark.parametrize("name", ["train.png", "test.png", "labels.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "flipped", "foreign"])
def test_damaged_mini_says_how_to_restore_it(sheets: Path, name: str, damage: str) -> None:
    file = sheets / name
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 1
    if damage == "missing":
        file.unlink()
    else:
        damaged = {"empty": b"", "truncated": content[:middle], "flipped": content, "foreign": b"[1, 2]"}
        file.write_bytes(damaged[damage])
    with pytest.raises(DataError, match=r"is damaged .*: restore it with `git checkout data/mini-cifar10`"):
        cifar.read_sheets(sheets)


@pytest.mark.parametrize("offset", range(0, 400, 7))
def test_any_damaged_byte_of_a_png_header_is_a_data_error(sheets: Path, offset: int) -> None:
    """The decoder fails in many ways."""
    file = sheets / "train.png"
    content = bytearray(file.read_bytes()[:20_000])
    content[offset] ^= 0x55
    file.write_bytes(content)
    with pytest.raises(DataError):
        cifar.read_sheets(sheets)


@pytest.mark.parametrize("labels", ['{"train": [300], "test": [1]}', '{"train": "a", "test": [1]}', "{}", "3"])
def test_foreign_labels_are_a_data_error(sheets: Path, labels: str) -> None:
    (sheets / "labels.json").write_text(labels)
    with pytest.raises(DataError):
        cifar.read_sheets(sheets)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing: run `odestack data` \\(or `make data`\\) to fetch it"),
        (b"", "is damaged \\(wrong size\\): run `odestack data` to fetch it again"),
        (b"\0" * 100, "is damaged \\(wrong size\\)"),
        (b"\0" * 6 * 3073, "is damaged \\(wrong checksum\\): run `odestack data` to fetch it again"),
    ],
)
def test_missing_or_damaged_cifar_says_what_to_do(
    content: bytes | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cifar10.bin"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(cifar, "CIFAR_FILE", file)
    monkeypatch.setitem(cifar.DATASETS, "cifar10", cifar.Dataset(4, 2, "0" * 64))
    with pytest.raises(DataError, match=message):
        cifar.load("cifar10")


def mini_images(count: int) -> Tensor:
    return cifar.load("mini-cifar10")[0].images[:count]


def test_normalisation_is_torchvisions() -> None:
    images = mini_images(64)
    expected = torch.stack([TF.normalize(image / 255, list(cifar.MEAN), list(cifar.STD)) for image in images])
    torch.testing.assert_close(cifar.normalise(images), expected, rtol=0, atol=2e-6, check_stride=False)


def test_normalised_images_have_zero_mean_and_unit_variance() -> None:
    """The constants are of all of CIFAR-10; on the 2,000 images of mini-cifar10 they hold to sampling error."""
    images = cifar.normalise(cifar.load("mini-cifar10")[0].images)
    torch.testing.assert_close(images.mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=0.05)
    torch.testing.assert_close(images.std((0, 2, 3)), torch.ones(3), rtol=0, atol=0.05)


def test_normalised_and_augmented_batches_are_channels_last() -> None:
    normalised = cifar.normalise(mini_images(8))
    augmented = cifar.augment(normalised, torch.Generator())
    for batch in (normalised, augmented):
        assert batch.is_contiguous(memory_format=torch.channels_last)


def crops(image: Tensor) -> Tensor:
    """All 9 x 9 crops of the image padded by 4, each also flipped, by torchvision: (162, C, H, W)."""
    padded = TF.pad(image, [4, 4, 4, 4])
    height, width = image.shape[1:]
    windows = [TF.crop(padded, top, left, height, width) for top in range(9) for left in range(9)]
    return torch.stack(windows + [TF.hflip(window) for window in windows])


def test_augmented_images_are_crops_and_flips_as_torchvision_makes_them() -> None:
    images = cifar.normalise(mini_images(24))
    generator = torch.Generator().manual_seed(0)
    for image, augmented in zip(images, cifar.augment(images, generator), strict=True):
        same = (crops(image) == augmented).flatten(1).all(1)
        assert same.sum() == 1


def test_every_crop_and_flip_is_drawn_about_equally_often() -> None:
    """5,000 draws of one image: chi-squared over the 162 outcomes (161 degrees of freedom, 99.99 % below 236)."""
    image = cifar.normalise(mini_images(1))
    augmented = cifar.augment(image.expand(5000, -1, -1, -1), torch.Generator().manual_seed(0))
    outcomes, counts = augmented.reshape(5000, -1)[:, :: 3 * 7].unique(dim=0, return_counts=True)
    assert len(outcomes) == 162
    expected = 5000 / 162
    assert ((counts - expected) ** 2 / expected).sum() < 236


def test_augmentation_follows_its_generator_and_spares_its_input() -> None:
    images = cifar.normalise(mini_images(16))
    original = images.clone()
    first, again, other = (cifar.augment(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(images, original)


@pytest.mark.parametrize("augmented", [True, False])
def test_batches_are_whole_and_in_order(augmented: bool) -> None:
    train, _ = cifar.load("mini-cifar10")
    order = torch.arange(99, -1, -1)
    generator = torch.Generator().manual_seed(0) if augmented else None
    batches = list(cifar.batches(train, 32, order=order, augmentation=generator))
    assert [len(labels) for _, labels in batches] == [32, 32, 32]
    assert torch.equal(torch.cat([labels for _, labels in batches]), train.labels[order[:96]])
    if not augmented:
        assert torch.equal(batches[1][0], cifar.normalise(train.images[order[32:64]]))
