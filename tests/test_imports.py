"""The package's layers import downwards only."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "odestack"
LAYERS = ("methods", "nets", "lab", "studies", "claims")
FILES = sorted(SOURCE.rglob("*.py"))
MAX_LINES = 300


def imported(file: Path) -> Iterator[str]:
    """Every module name that the file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} uses a relative import"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_layers_import_only_themselves_and_lower_ones(file: Path) -> None:
    layer = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    modules = [name.split(".") for name in imported(file)]
    assert not any("notebooks" in parts for parts in modules)
    if layer in LAYERS:
        allowed = LAYERS[: LAYERS.index(layer) + 1]
        used = {parts[1] for parts in modules if parts[0] == "odestack" and len(parts) > 1}
        assert used <= set(allowed)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_files_are_short(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_methods_work_without_torch() -> None:
    """In a process of its own, where importing torch fails."""
    modules = [f"odestack.methods.{file.stem}" for file in (SOURCE / "methods").glob("[a-z]*.py")]
    code = f"import sys; sys.modules['torch'] = None\nimport {', '.join(modules)}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
