"""Where a result was computed: what goes into a record beside its numbers."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch


def environment(device: torch.device, compiled: bool) -> dict[str, Any]:
    """Versions, device, threads, git commit and date. No host name and no path."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": version("torchvision"),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "compiled": compiled,
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def best_precision(device: str = "cpu") -> str:
    """bf16 where the device computes in it, else fp32."""
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if "avx512_bf16" in _cpu_info() or "amx_bf16" in _cpu_info() else "fp32"


@cache
def processor() -> str:
    """Name of the processor and its widest vector instructions, such as "AMD EPYC (AVX2)"."""
    names = [line.split(":", 1)[1].strip() for line in _cpu_info().splitlines() if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})"


@cache
def _cpu_info() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""


@cache
def commit() -> str:
    """Short hash of the checkout's commit, with "+" if the package differs from it; "unknown" outside git."""
    here = Path(__file__).resolve().parent.parent
    try:
        head = _git(here, "rev-parse", "--short=10", "HEAD")
        return head + ("+" if _git(here, "status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
