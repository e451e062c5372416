"""How long the book takes: from nothing, when nothing changed, and when one chapter did."""

import json
import os
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from odestack.lab.bench.measuring import Case, Pace, Unavailable, duration

ROOT = Path(__file__).resolve().parents[4]
CHAPTER = "notebooks/05_depth_and_order.ipynb"


def cases(pace: Pace) -> list[Case]:
    """Seconds of ``make book`` in a copy of the repository, with the environment that is installed already, and the sum
    of the notebooks' own times, which is what they would take one after another. Each is measured once.

    Raises:
        Unavailable: there is no make, no git, or no environment that the Makefile installed.
        ValueError: the book could not be built.
    """
    for tool in ("make", "git"):
        if shutil.which(tool) is None:
            raise Unavailable(f"the book's build needs {tool}")
    if not (ROOT / ".git").exists() or not (ROOT / ".venv" / "installed").exists():
        raise Unavailable("the book's build needs a clone of the repository and the environment of `make env`")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "book"
        copy_repository(copy)
        build = partial(_make_book, copy)
        cold, warm = duration(build), duration(build)
        (copy / CHAPTER).touch()
        edited = duration(build)
        alone = sum(_seconds(path) for path in copy.glob("book/**/*.ipynb"))
    named = {"from nothing": cold, "nothing changed": warm, "one chapter changed": edited}
    found = [Case(name, {}, "s", [seconds]) for name, seconds in named.items()]
    return [*found, Case("its notebooks, one after another", {}, "s", [alone], "from nothing")]


def copy_repository(folder: Path) -> None:
    """The tracked files with their times, and links to the environment and to CIFAR-10."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for name in (".venv", "data/cifar10"):
        if (ROOT / name).exists():
            (folder / name).symlink_to((ROOT / name).resolve())


def _make_book(folder: Path) -> None:
    """With the copy's package, and without a look at whether the environment is up to date."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ODESTACK"))
    }
    command = ["make", "--old-file=.venv/installed", "book"]
    environment = inherited | {"PYTHONPATH": str(folder / "src")}
    made = subprocess.run(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if made.returncode:
        raise ValueError("the book could not be built: " + " / ".join(made.stdout.splitlines()[-3:]))


def _seconds(executed: Path) -> float:
    return json.loads(executed.read_text())["metadata"].get("papermill", {}).get("duration") or 0.0
