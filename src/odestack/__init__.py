"""Residual networks wired as Runge-Kutta methods."""

__version__ = "0.1.0"
