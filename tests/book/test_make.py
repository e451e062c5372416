"""The Makefile: what it lists, what it rebuilds, and what it says when the environment cannot be made."""

import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from odestack.book import ROOT


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Make in the repository's root, free of the variables of a make that runs these tests."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**inherited, **environment}, capture_output=True, text=True, timeout=300
    )


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What a failed make wrote, without its own last line."""
    assert done.returncode == 2
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if not line.startswith("make: ***")]


def test_make_alone_lists_every_target() -> None:
    done = make()
    assert done.returncode == 0
    listed = [line.split()[1] for line in done.stdout.splitlines()]
    wanted = ["book", "pdf", "experiments", "reproduce", "data", "test", "lint", "bench", "serve", "clean"]
    assert [target for target in wanted if target not in listed] == []
    assert all(line.startswith("  make ") and len(line) < 120 for line in done.stdout.splitlines())


def test_every_pinned_version_runs_on_the_oldest_python_that_is_promised() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    wanted = {canonicalize_name(each.name): each.metadata["Requires-Python"] for each in distributions()}
    assert len(pinned & wanted.keys()) > 100
    assert {name for name in pinned & wanted.keys() if not SpecifierSet(wanted[name] or "").contains("3.11.0")} == set()


def test_an_old_python_is_refused_in_one_sentence(tmp_path: Path) -> None:
    old = script(tmp_path / "python", "exit 1")
    (sentence,) = said(make(f"{tmp_path}/venv/installed", f"VENV={tmp_path}/venv", f"PYTHON={old}"))
    assert "needs Python 3.11 or newer" in sentence
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ImportError('removed, as Debian does')")
    bare = script(tmp_path / "python", f'PYTHONPATH={tmp_path} exec {sys.executable} "$@"')
    (sentence,) = said(make(f"{tmp_path}/venv/installed", f"VENV={tmp_path}/venv", f"PYTHON={bare}"))
    assert "cannot make virtual environments" in sentence
    assert "python3-venv" in sentence
    assert not (tmp_path / "venv").exists()


def test_no_network_is_told_in_one_sentence(tmp_path: Path) -> None:
    unreachable = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
    }
    venv = tmp_path / "venv"
    done = make(f"{venv}/installed", f"VENV={venv}", f"PYTHON={sys.executable}", **unreachable)
    announcement, sentence = said(done)
    assert announcement.startswith("Installing the environment")
    assert "needs the network" in sentence
    assert not (venv / "installed").exists()


def test_experiments_want_a_profile() -> None:
    (sentence,) = said(make("experiments"))
    assert "PROFILE=smoke, cpu or gpu" in sentence


def test_reproduce_wants_a_study() -> None:
    (sentence,) = said(make("reproduce"))
    assert "STUDY=" in sentence


def test_nothing_is_rebuilt_without_a_change() -> None:
    plan = make("-n", "book")
    assert plan.returncode == 0, plan.stderr
    assert "odestack.book.publish" not in plan.stdout
    assert "jupyter-book" not in plan.stdout


def rebuilt_after(changed: str) -> list[str]:
    """The chapters that make would run if a file had just changed, by their number or the start of their name."""
    plan = make("-n", "-W", changed, "book")
    assert plan.returncode == 0, plan.stderr
    runs = [line.split() for line in plan.stdout.splitlines() if "book/chapters/" in line]
    return [Path(words[words.index("odestack.book.publish") + 1]).stem[:2] for words in runs]


def test_a_changed_chapter_alone_is_run_again() -> None:
    assert rebuilt_after("notebooks/02_error_theory.ipynb") == ["02"]
    assert "jupyter-book" in make("-n", "-W", "notebooks/02_error_theory.ipynb", "book").stdout


def test_a_changed_lock_runs_every_chapter() -> None:
    everything = sorted(path.stem[:2] for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert sorted(rebuilt_after("requirements.lock")) == everything


def test_a_changed_module_runs_the_chapters_that_import_it() -> None:
    assert {"02", "03"} <= set(rebuilt_after("src/odestack/methods/stability.py"))
    assert "05" in rebuilt_after("src/odestack/studies/depth_by_order.py")
    assert "02" not in rebuilt_after("src/odestack/studies/depth_by_order.py")
    assert rebuilt_after("src/odestack/cli.py") == []


def test_a_new_record_runs_the_chapter_that_reads_it() -> None:
    records = sorted((ROOT / "data" / "runs").glob("*/*.json"))
    assert records, "no committed record"
    changed = rebuilt_after(str(records[0].relative_to(ROOT)))
    assert "05" in changed
    assert "02" not in changed


def test_a_page_of_text_runs_no_chapter() -> None:
    assert rebuilt_after("book/glossary.md") == []
    assert "jupyter-book" in make("-n", "-W", "book/glossary.md", "book").stdout


def test_another_profile_runs_every_chapter() -> None:
    plan = make("-n", "book", "PROFILE=smoke").stdout
    assert plan.count("--profile smoke") == len(list((ROOT / "notebooks").rglob("*.ipynb")))


def test_a_book_without_solutions_publishes_every_chapter_anew() -> None:
    plan = make("-n", "book", "SOLUTIONS=no").stdout
    assert plan.count("--solutions no") == len(list((ROOT / "notebooks").rglob("*.ipynb")))
