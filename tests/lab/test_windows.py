"""Runs train where there are neither file locks nor niceness, as on Windows."""

import subprocess
import sys
from pathlib import Path

from tiny_runs import tiny

from odestack.lab.records import Store

CODE = """
import os, sys
import torch
sys.platform, sys.modules["fcntl"] = "win32", None
del os.nice
from odestack.lab import sweep
from odestack.lab.records import Store
from tiny_runs import tiny
torch.set_num_threads(1)
print(sweep.sweep([sweep.Job(tiny(steps=2))], Store("smoke")))
"""


def test_a_sweep_on_windows_leaves_a_record(folder: Path, store: Store) -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, cwd=Path(__file__).parent)
    assert done.stderr == ""
    assert done.stdout == "[]\n"
    assert store.get(tiny(steps=2)) is not None
