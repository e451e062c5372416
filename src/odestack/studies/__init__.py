"""The experiments: one module a study, with its runs (``jobs``) and the tidy table it draws from their records."""

from types import ModuleType

from odestack.studies import depth_by_order

STUDIES: dict[str, ModuleType] = {"depth_by_order": depth_by_order}
