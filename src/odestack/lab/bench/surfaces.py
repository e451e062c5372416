"""Points of a loss surface a second, against the loop that one would write."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset
from torchvision import transforms

from odestack.lab import cifar, landscape
from odestack.lab.bench.loops import Photographs, bench_config, plain_network
from odestack.lab.bench.measuring import Case, Pace, duration, in_turn
from odestack.lab.config import RunConfig
from odestack.lab.landscape import Direction
from odestack.lab.train import initial_network
from odestack.nets.network import Network

IMAGES = 1000
X = np.array([-0.5, 0.0, 0.5])

Surface = Callable[[], np.ndarray]
"""Computes the losses at X."""


def cases(pace: Pace, width: int = 16, depth: int = 50, images: int = IMAGES) -> list[Case]:
    """Points a second on a line through an untrained RK4 network, in fp32, frozen statistics.

    Raises:
        ArithmeticError: the two find different losses.
    """
    config = bench_config(width, depth, "rk4", precision="fp32")
    ways = {"odestack": ours(config, images), "plain": plain(config, images)}
    first, second = (way() for way in ways.values())
    if not np.allclose(first, second, rtol=1e-3):
        raise ArithmeticError(f"the losses differ: {first} and {second}")
    settings = {"width": width, "depth": depth, "images": images}
    samples = in_turn({name: partial(duration, way) for name, way in ways.items()}, pace.repeats)
    return [
        Case(name, settings, "points/s", [len(X) / value for value in values], None if name == "plain" else "plain")
        for name, values in samples.items()
    ]


def ours(config: RunConfig, images: int) -> Surface:
    """``landscape.line``."""
    split = cifar.load(config.dataset)[0]
    few = cifar.Split(split.images[:images], split.labels[:images])
    network = initial_network(config)
    return lambda: landscape.line(network, _direction(network), X, few)


def plain(config: RunConfig, images: int) -> Surface:
    """New weights through a state dict, and at every point a pass of a DataLoader with torchvision's transforms."""
    network = plain_network(config).eval()
    start = {name: p.detach().clone() for name, p in network.named_parameters()}
    photographs = Photographs(cifar.load(config.dataset)[0])
    photographs.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(cifar.MEAN, cifar.STD)])
    loader = DataLoader(Subset(photographs, range(images)), config.batch)
    direction = dict(zip(start, _direction(network), strict=True))

    @torch.no_grad()
    def losses() -> np.ndarray:
        found = []
        for x in X.tolist():
            network.load_state_dict({name: p + x * direction[name] for name, p in start.items()}, strict=False)
            total = sum(F.cross_entropy(network(seen), labels, reduction="sum").item() for seen, labels in loader)
            found.append(total / images)
        return np.array(found)

    return losses


def _direction(network: Network) -> Direction:
    return landscape.filter_normalised(landscape.random_directions(network, 0)[0], network)
