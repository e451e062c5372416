"""``torchrun --nproc-per-node 2 two_processes.py IMAGES OUT``: what two processes compute, for the tests to look at."""

import copy
import json
import sys
from dataclasses import replace
from pathlib import Path

import image_folders
import torch
import torch.distributed as dist
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from odestack.lab import distributed, image_folder
from odestack.lab.train import initial_network, step

images, out = Path(sys.argv[1]), Path(sys.argv[2])
with distributed.process_group("cpu") as where:
    rank = dist.get_rank()
    config = image_folders.config(dist.get_world_size())
    train, test = image_folder.load(images, config.pixels, config.seed)

    exact = replace(config, precision="fp32")
    network = initial_network(exact)
    alone = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(0)
    batch, labels = torch.randn(8, 3, 32, 32, generator=generator), torch.tensor([0, 1] * 4)
    mine = slice(4 * rank, 4 * rank + 4)
    step(exact, DistributedDataParallel(network), exact.optimiser(network), batch[mine], labels[mine])
    for part in (slice(0, 4), slice(4, 8)):
        (F.cross_entropy(alone(batch[part]), labels[part]) / 2).backward()  # gradients add up
    differences = [
        (p.grad - q.grad).abs().max() / q.grad.abs().max()  # type: ignore[operator, union-attr]
        for p, q in zip(network.parameters(), alone.parameters(), strict=True)
    ]

    record, network = distributed.run(config, train, test, where, checkpoint=out / "checkpoint.pt")
    network.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16"):
        logits = torch.cat([network(test[i][0][None]) for i in range(len(test))]).float()
    answers = torch.tensor(test.targets)
    found = {
        "largest relative difference of a gradient": max(differences).item(),
        "test loss": F.cross_entropy(logits, answers).item(),
        "test accuracy": 100 * (logits.argmax(1) == answers).float().mean().item(),
        "weights": sum(tensor.double().sum().item() for tensor in network.state_dict().values()),
    }
    (out / f"{rank}.json").write_text(json.dumps(found))
    (out / f"record{rank}.json").write_text(record.to_json())
