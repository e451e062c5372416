"""The Oxford-IIIT pets: from torchvision's folder to masks beside their images, and a run on a tiny fixture."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from torchvision.datasets import OxfordIIITPet

from odestack.lab import pets, train
from odestack.lab.cifar import DataError
from odestack.lab.unet_config import PetsConfig

SPLITS = {"trainval": 4, "test": 2}
SIZES = ((200, 150), (90, 160))
"""Of the photographs, in turn: width and height in pixels."""


def draw(folder: Path, name: str, size: tuple[int, int]) -> None:
    """A white animal in the left upper quarter of a black photograph, with a border along its lower side."""
    width, height = size
    photograph, mask = Image.new("RGB", size), Image.new("L", size, 2)
    animal = (0, 0, width // 2 - 1, height // 2 - 1)
    ImageDraw.Draw(photograph).rectangle(animal, fill="white")
    ImageDraw.Draw(mask).rectangle(animal, fill=1)
    ImageDraw.Draw(mask).rectangle((0, height // 2, width // 2 - 1, height // 2 + 9), fill=3)
    photograph.save(folder / "images" / f"{name}.jpg", quality=95)
    mask.save(folder / "annotations" / "trimaps" / f"{name}.png")


@pytest.fixture
def fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder that torchvision takes for the whole data set."""
    folder = tmp_path / "oxford-iiit-pet"
    (folder / "images").mkdir(parents=True)
    (folder / "annotations" / "trimaps").mkdir(parents=True)
    for split, count in SPLITS.items():
        names = [f"{split}_cat_{i}" for i in range(count)]
        for i, name in enumerate(names):
            draw(folder, name, SIZES[i % 2])
        (folder / "annotations" / f"{split}.txt").write_text("".join(f"{name} 1 1 1\n" for name in names))
    monkeypatch.setattr(pets, "DATA", tmp_path)
    train.data.cache_clear()
    yield folder
    train.data.cache_clear()


def test_masks_lie_on_their_images(fixture: Path) -> None:
    splits = pets.load()
    assert [len(split) for split in splits] == [4, 2]
    for split in splits:
        assert split.images.shape[1:] == (3, pets.SIDE, pets.SIDE)
        assert (split.images.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
        assert split.labels.unique().tolist() == [0, 1, 2]
        bright = split.images.float().mean(1) > 127
        assert ((split.labels == pets.CLASSES.index("animal")) == bright).float().mean() > 0.98


def test_a_run_learns_the_masks(fixture: Path) -> None:
    config = PetsConfig(scheme="midpoint", n_train=4, depth=28, width=4, batch=2, steps=12, schedule="constant")
    record = train.run(config)
    assert record.status == "done"
    assert record.final["step"] == 12
    assert record.early_loss[-1] < 0.8 * record.early_loss[0]
    assert 0 <= record.final["test_iou"] <= 100
    assert train.Record.from_json(record.to_json()) == record


def test_what_cannot_be_fetched_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(pets, "DATA", tmp_path)
    monkeypatch.setattr(OxfordIIITPet, "_download", offline)
    with pytest.raises(DataError, match=r"oxford-iiit-pet is not in .* and could not be fetched \(no network\)"):
        pets.load()
