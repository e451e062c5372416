"""The config of a RepVGG network whose branches are wired as a method."""

from dataclasses import dataclass
from typing import ClassVar

from odestack.lab.config import WIRING, RunConfig
from odestack.methods.tableau import Tableau
from odestack.nets.repvgg import RepVGG
from odestack.nets.resnet import block_count

CHOSEN = ("scheme", "tableau", "depth", "width", "h")
"""Fields of ``WIRING`` that ``nets.repvgg.RepVGG`` has. It fixes the others."""


@dataclass(frozen=True)
class RepVGGConfig(RunConfig):
    """A run of ``nets.repvgg.RepVGG``. The depth counts the weight layers of the folded network."""

    ARCHITECTURES: ClassVar[tuple[str, ...]] = ("repvgg",)

    architecture: str = "repvgg"

    def _check_wiring(self, method: Tableau) -> None:
        self._require_defaults(set(WIRING) - {*CHOSEN})
        block_count(method, self.depth, "conv1")

    def network(self) -> RepVGG:
        return RepVGG(self.method(), self.depth, self.width, h=self.h)

    @property
    def work(self) -> float:
        """A branch has a 3x3 and a 1x1 kernel: ten ninths of the unit."""
        return self.total_steps * self.batch * (self.depth - 2) * self.width**2 * 10 / 9
