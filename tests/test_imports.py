"""The package's layers import downwards only."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from odestack.book.publish import imported

SOURCE = Path(__file__).parents[1] / "src" / "odestack"
LAYERS = ("methods", "diagrams", "nets", "lab", "figures", "studies", "claims", "reproduce", "book", "cli")
FILES = sorted(SOURCE.rglob("*.py"))
MAX_LINES = 300
RELATIVE = re.compile(r"^\s*from\s+\.", re.MULTILINE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_layers_import_only_themselves_and_lower_ones(file: Path) -> None:
    inside = file.relative_to(SOURCE.parent).with_suffix("").parts
    modules = [name.split(".") for name in imported(file.read_text(encoding="utf-8"), ".".join(inside[:-1]))]
    assert not RELATIVE.search(file.read_text(encoding="utf-8"))
    assert not any("notebooks" in parts for parts in modules)
    if inside[1] != "__init__":
        used = {parts[1] for parts in modules if parts[0] == "odestack" and len(parts) > 1}
        assert used <= set(LAYERS[: LAYERS.index(inside[1]) + 1])


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_files_are_short(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_methods_work_without_torch() -> None:
    """In a process of its own, where importing torch fails."""
    modules = [f"odestack.methods.{file.stem}" for file in (SOURCE / "methods").glob("[a-z]*.py")]
    code = f"import sys; sys.modules['torch'] = None\nimport {', '.join(modules)}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_command_line_works_without_the_packages_of_a_book() -> None:
    """As on a host that trains: only the package's own dependencies, of which IPython is none."""
    code = "import sys; sys.modules['IPython'] = None; sys.argv[1:] = ['sweep', 'headline', '--dry-run']\n"
    code += "import odestack.claims, odestack.reproduce, odestack.studies.export\nfrom odestack.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
