"""How much memory a computation holds at its fullest moment: its tensors, or the whole process."""

import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor, UntypedStorage
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

REPORT = r"""
import re, sys
from pathlib import Path
status = Path("/proc/self/status")
if status.exists():
    print(int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024)
elif sys.platform == "win32":
    import psutil
    print(psutil.Process().memory_info().peak_wset)
else:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"""


def peak_bytes(computation: Callable[[], object]) -> int:
    """Largest number of bytes in tensors that the computation makes and still needs, backward pass included.

    What was there before it is not counted, such as parameters and images; nor is workspace inside an operator.
    """
    with _Storages() as storages:
        computation()
    return storages.peak


def peak_resident(source: str) -> int:
    """Largest number of bytes that a fresh process of Python holds in memory while it runs `source`.

    Raises:
        RuntimeError: it failed; the message is the last line of its errors.
    """
    done = subprocess.run([sys.executable, "-c", source + REPORT], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return int(done.stdout.splitlines()[-1])


class _Storages(TorchDispatchMode):
    """Sees every operator's inputs and outputs; a storage counts from when it is made until it is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.known: weakref.WeakKeyDictionary[UntypedStorage, int] = weakref.WeakKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        for storage in _storages((args, kwargs)):
            self.known.setdefault(storage, 0)
        result = func(*args, **(kwargs or {}))
        for storage in _storages(result):
            if storage not in self.known:
                self.known[storage] = storage.nbytes()
                self.now += storage.nbytes()
                weakref.finalize(storage, self._free, storage.nbytes())
        self.peak = max(self.peak, self.now)
        return result

    def _free(self, size: int) -> None:
        self.now -= size


def _storages(tree: Any) -> list[UntypedStorage]:
    return [leaf.untyped_storage() for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]
