"""How much memory the tensors of a computation hold at its fullest moment, counted on every device in the same way."""

import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor, UntypedStorage
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def peak_bytes(computation: Callable[[], object]) -> int:
    """Largest number of bytes in tensors that the computation makes and still needs, backward pass included.

    What was there before it is not counted, such as parameters and images; nor is workspace inside an operator.
    """
    with _Storages() as storages:
        computation()
    return storages.peak


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
