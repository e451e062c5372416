"""ImageNet's command with two processes: what they compute together, and that a killed one leaves no trace."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import image_folders
import psutil
import pytest
import torch
import torch.distributed as dist
from tiny_runs import metrics

from odestack.lab import image_folder, imagenet
from odestack.lab.cifar import DataError
from odestack.lab.config import RunConfig
from odestack.lab.records import Record, Store

HERE = Path(__file__).parent
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    image_folders.write(folder)
    return folder


@pytest.fixture(scope="module")
def found(images: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, Any], Record]]:
    """What each of two processes found, and its record."""
    out = tmp_path_factory.mktemp("out")
    subprocess.run([*TORCHRUN, str(HERE / "two_processes.py"), str(images), str(out)], check=True)
    return [
        (json.loads((out / f"{rank}.json").read_text()), Record.from_json((out / f"record{rank}.json").read_bytes()))
        for rank in range(2)
    ]


def test_gradients_are_the_mean_of_the_half_batches(found: list[tuple[dict[str, Any], Record]]) -> None:
    for values, _ in found:
        assert values["largest relative difference of a gradient"] < 1e-5


def test_both_processes_end_with_one_network_and_record(found: list[tuple[dict[str, Any], Record]]) -> None:
    (first, record), (second, other) = found
    assert metrics(record) == metrics(other)
    assert first == second
    assert [row["step"] for row in record.epochs] == [3, 6, 9, 12]
    assert len(record.early_loss) == 12


def test_every_test_image_counts_once(found: list[tuple[dict[str, Any], Record]]) -> None:
    values, record = found[0]
    assert values["test loss"] == pytest.approx(record.final["test_loss"], rel=1e-2)
    assert values["test accuracy"] == pytest.approx(record.final["test_accuracy"])


def test_a_run_goes_on_after_the_death_of_a_process(
    found: list[tuple[dict[str, Any], Record]], images: Path, folder: Path
) -> None:
    """torchrun ends the other one; the same command goes on, and the record is that of an uninterrupted run."""
    store, config = Store("imagenet", folder), image_folders.config(2)
    command = [*TORCHRUN, "--monitor-interval", "0.1", "-m", "odestack.lab.imagenet", "--data", str(images)]
    command += [*image_folders.OPTIONS, "--loaders", "0"]
    torchrun = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not store.checkpoint(config).exists() and torchrun.poll() is None:
        time.sleep(0.02)
    torchrun.children()[1].kill()
    assert torchrun.wait(60) != 0
    assert store.get(config) is None
    again = subprocess.run(command, capture_output=True, text=True)
    out = again.stdout
    assert again.returncode == 0, again.stderr
    assert "stage 3: 1 transition, 2 midpoint blocks, 1 Euler blocks" in out
    assert "30 training and 9 test images in 2 classes" in out
    record = store.get(config)
    assert record is not None
    assert metrics(record) == metrics(found[0][1])
    assert store.weights(config).exists()
    assert not store.checkpoint(config).exists()


def test_one_process_needs_no_torchrun(images: Path, store: Store, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(imagenet, "Store", lambda profile: Store(profile, store.root))
    monkeypatch.setattr(
        sys, "argv", ["imagenet", "--data", str(images), *image_folders.OPTIONS, "--steps", "1", "--loaders", "0"]
    )
    with pytest.raises(SystemExit) as ended:
        imagenet.main()
    assert ended.value.code == 0
    record = Store("imagenet", store.root).get(replace(image_folders.config(1), steps=1))
    assert record is not None
    assert record.final["step"] == 1
    assert "done: " in capsys.readouterr().out
    assert not dist.is_initialized()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "holds no images: it needs one folder a class, as torchvision.datasets.ImageNet"),
        (["--scheme", "huta6", "--depth", "50"], "depth 50 repeats a block 5 times at most"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    options: list[str], sentence: str, images: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    data = images if options else images / "nowhere"
    monkeypatch.setattr(sys, "argv", ["imagenet", "--data", str(data), "--batch", "8", *options])
    with pytest.raises(SystemExit) as ended:
        imagenet.main()
    err = capsys.readouterr().err
    assert ended.value.code == 2
    assert err.startswith("error: ")
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_classes_must_agree(images: Path, tmp_path: Path) -> None:
    (tmp_path / "train").symlink_to(images / "train")
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "other").symlink_to(images / "val" / "class0")
    with pytest.raises(DataError, match="train has 2 classes and val 1 others"):
        image_folder.load(tmp_path, 32, 0)


def test_a_view_depends_on_seed_epoch_and_image_only(images: Path) -> None:
    train, _ = image_folder.load(images, 32, 5)
    first = train[3][0]
    torch.rand(7)
    assert torch.equal(train[3][0], first)
    train.epoch = 1
    assert not torch.equal(train[3][0], first)
    other, _ = image_folder.load(images, 32, 6)
    assert not torch.equal(other[3][0], first)


def test_the_rate_warms_up() -> None:
    config = replace(image_folders.config(2), epochs=20, warmup=5)
    rates = [config.learning_rate(step) for step in range(config.total_steps)]
    assert rates[0] == pytest.approx(config.lr / 15, rel=1e-2)
    assert rates[:15] == sorted(rates[:15])
    assert rates[15:] == [RunConfig.learning_rate(config, step) for step in range(15, 60)]
