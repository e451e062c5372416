"""How fast it is, measured side by side: groups of measurements, each kept as one file of ``data/bench``."""

from odestack.lab.bench.measuring import median_rates

__all__ = ["median_rates"]
