"""Branches in a row, wired as steps of one method."""

from collections.abc import Iterable

from torch import nn

from odestack.methods.tableau import Tableau
from odestack.nets.block import RungeKuttaBlock


def step_count(tableau: Tableau, count: int) -> int:
    """Steps of the method that so many branches make.

    Raises:
        ValueError: they do not divide into steps; the message names the nearest numbers that do.
    """
    stages = len(tableau.used_stages)
    if count < 1 or count % stages:
        lower = count - count % stages
        near = f"{lower} and {lower + stages}" if lower else f"{stages}"
        raise ValueError(f"{count} branches are not a multiple of {stages}: nearest {tableau.name} numbers are {near}")
    return count // stages


def stack(tableau: Tableau, branches: Iterable[nn.Module], *, h: float = 1.0, relu: bool = True) -> nn.Sequential:
    """One ``RungeKuttaBlock`` for each group of as many branches as the method uses stages.

    Raises:
        ValueError: the branches do not divide into steps; the message names the nearest numbers that do.
    """
    branches = list(branches)
    stages = len(branches) // step_count(tableau, len(branches))
    groups = [branches[i : i + stages] for i in range(0, len(branches), stages)]
    return nn.Sequential(*(RungeKuttaBlock(tableau, group, h=h, relu=relu) for group in groups))
