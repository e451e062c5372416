"""Training steps without end: the engine's, and those of the loop that a tutorial would write."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from odestack.lab import cifar, train
from odestack.lab.bench.measuring import Steps, rate
from odestack.lab.config import RunConfig
from odestack.lab.environment import best_precision
from odestack.lab.tasks import Wanted
from odestack.nets.network import Network

ROOF_SIZE = 2048
ROOF_FLOPS = 2 * ROOF_SIZE**3
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def bench_config(width: int, depth: int, scheme: str = "euler", **changes: object) -> RunConfig:
    """A run on mini-cifar10 in this processor's best precision."""
    settings = {"dataset": "mini-cifar10", "width": width, "depth": depth, "scheme": scheme}
    return RunConfig(**{**settings, "precision": best_precision(), **changes})  # type: ignore[arg-type]


def compiler() -> bool:
    """Whether there is a C++ compiler, which torch.compile needs."""
    return shutil.which("c++") is not None


def batches(config: RunConfig, device: str = "cpu") -> Iterator[tuple[Tensor, Wanted]]:
    """The engine's batches, epoch after epoch."""
    split, _ = train.data(config.dataset, torch.device(device))
    for epoch in count():
        yield from train.epoch_batches(config, split, epoch)


def engine(
    config: RunConfig,
    network: Network | None = None,
    optimiser: torch.optim.Optimizer | None = None,
    forward: Callable[[Tensor], Tensor] | None = None,
    device: str = "cpu",
) -> Steps:
    """The engine's steps, with its own network and optimiser where none are given. On CUDA each is waited for."""
    network = (train.initial_network(config) if network is None else network).to(device)
    optimiser = config.optimiser(network) if optimiser is None else optimiser
    forward = network if forward is None else forward
    for images, labels in batches(config, device):
        loss, score = train.step(config, forward, optimiser, images, labels)
        if device == "cuda":
            torch.cuda.synchronize()
        yield loss, score


class Photographs(Dataset[tuple[Tensor, int]]):
    """PIL images with torchvision's transforms, one by one; repeated to the length of CIFAR-10's epoch."""

    def __init__(self, split: cifar.Split) -> None:
        to_pil = transforms.ToPILImage()
        self.images = [to_pil(image) for image in split.images]
        self.labels = split.labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(cifar.MEAN, cifar.STD),
            ]
        )

    def __len__(self) -> int:
        return cifar.DATASETS["cifar10"].n_train

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        index %= len(self.images)
        return self.transform(self.images[index]), self.labels[index]


def plain_network(config: RunConfig) -> Network:
    """The engine's network in torch's usual memory format, NCHW."""
    return train.initial_network(config).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def plain_sgd(config: RunConfig, network: Network) -> torch.optim.SGD:
    """Not fused."""
    return torch.optim.SGD(
        network.parameters(), lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
    )


def plain_batches(config: RunConfig, workers: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Those of a DataLoader with so many worker processes, epoch after epoch."""
    loader = DataLoader(
        Photographs(cifar.load(config.dataset)[0]),
        config.batch,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    while True:
        yield from loader


def plain(config: RunConfig, workers: int = 0) -> Steps:
    """NCHW, fp32, eager, with a DataLoader."""
    network = plain_network(config)
    optimiser = plain_sgd(config, network)
    for images, labels in plain_batches(config, workers):
        optimiser.zero_grad()
        loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimiser.step()
        yield loss.detach()


def images_per_second(batch: int, steps: Steps, seconds: float) -> float:
    """Of a loop whose step is a batch of this size, measured for so many seconds."""
    return batch * rate(steps, seconds)


def matrix_products(dtype: torch.dtype, device: str = "cpu") -> Steps:
    """Products of two square matrices, of ``ROOF_FLOPS`` operations each: what the processor can do at best."""
    random = torch.Generator().manual_seed(0)
    a, b = (torch.randn(ROOF_SIZE, ROOF_SIZE, generator=random).to(device, dtype) for _ in range(2))
    while True:
        yield a @ b
