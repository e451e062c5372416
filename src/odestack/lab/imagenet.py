"""A ResNet on ImageNet, rewired by a method, on all GPUs of one or more machines; one command each time it is started.

    torchrun --nproc-per-node 8 -m odestack.lab.imagenet --data DIR --scheme rk4

When a process dies, the others end; the same command goes on from the last finished epoch. Without torchrun one process
trains.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import torch
import torch.distributed as dist
import typer
from safetensors.torch import save

from odestack.lab import distributed, image_folder
from odestack.lab.cifar import DataError
from odestack.lab.environment import best_precision
from odestack.lab.files import write_atomically
from odestack.lab.imagenet_config import ImageNetConfig
from odestack.lab.records import Store
from odestack.nets.imagenet import Wiring, wiring

PROFILE = "imagenet"
"""Folder of the store for these records and weights."""


def train(
    data: Annotated[Path, typer.Option(help="Folder with train/CLASS and val/CLASS.")],
    scheme: Annotated[str, typer.Option(help="Method of the catalogue.")] = "rk4",
    depth: Annotated[int, typer.Option(help="50, 101 or 152.")] = 152,
    width: Annotated[int, typer.Option(help="Channels of the first stage's 3x3 convolutions.")] = 64,
    pixels: Annotated[int, typer.Option(help="Side of the images.")] = 224,
    batch: Annotated[int, typer.Option(help="Images of all processes together.")] = 256,
    lr: Annotated[float | None, typer.Option(help="Learning rate; 0.1 for every 256 images of a batch.")] = None,
    epochs: Annotated[int, typer.Option()] = 90,
    steps: Annotated[int | None, typer.Option(help="Stop after so many steps, for a first look.")] = None,
    seed: Annotated[int, typer.Option()] = 0,
    loaders: Annotated[int, typer.Option(min=0, help="Processes that load images, for each that trains.")] = 8,
) -> None:
    """Train a ResNet whose repeated blocks are wired as a method, and keep its record and final weights."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with distributed.process_group(device) as where:
        first = dist.get_rank() == 0
        images, test = image_folder.load(data, pixels, seed)
        config = ImageNetConfig(
            scheme=scheme,
            depth=depth,
            width=width,
            pixels=pixels,
            batch=batch,
            lr=0.1 * batch / 256 if lr is None else lr,
            epochs=epochs,
            steps=steps,
            seed=seed,
            images=len(images),
            classes=len(test.classes),
            processes=dist.get_world_size(),
            precision=best_precision(device),
        )
        store = Store(PROFILE)
        if first:
            print(description(config, len(test), where), flush=True)
        if distributed.of_first(store.get(config)) is None:
            record, network = distributed.run(
                config,
                images,
                test,
                where,
                checkpoint=store.checkpoint(config),
                loaders=loaders,
                progress=sys.stderr.isatty(),
            )
            if first:
                if record.status == "done":
                    weights = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
                    write_atomically(store.weights(config), save(weights))
                store.put(record)
                store.checkpoint(config).unlink(missing_ok=True)
        if first:
            record = store.get(config)
            assert record is not None
            print(f"{record.status}: {record.final.get('test_accuracy', float('nan')):.2f} % test accuracy")
            print(f"record: {store.path(config)}")


def description(config: ImageNetConfig, test_images: int, where: torch.device) -> str:
    """What will be trained, with the blocks of every stage."""
    lines = [
        f"{config.images:,} training and {test_images:,} test images in {config.classes:,} classes",
        f"ResNet-{config.depth} by {config.scheme}, {config.processes} processes of "
        f"{config.batch // config.processes} images, {where.type}, {config.precision}",
        *(stage(number, found, config.scheme) for number, found in enumerate(wiring(config.method(), config.depth), 1)),
    ]
    return "\n".join(lines)


def stage(number: int, found: Wiring, scheme: str) -> str:
    rest = f"{found.blocks} {scheme} blocks, {found.remainder} Euler blocks"
    return f"  stage {number}: {found.transition} transition, {rest}"


def main() -> None:
    try:
        typer.run(train)
    except (ValueError, DataError) as error:
        if int(os.environ.get("RANK", 0)) == 0:
            print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
