"""What each field of a run is, in a line for the command line."""

from odestack.lab.config import SCHEDULES, RunConfig
from odestack.nets.adaptive import RULES
from odestack.nets.branch import KINDS
from odestack.nets.multistep import STACKS
from odestack.nets.resnet import DOWNSAMPLE


def _choices(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


HELP: dict[str, str] = {
    "scheme": "Method; odestack methods lists them.",
    "dataset": f"{_choices(RunConfig.DATASETS)}.",
    "n_train": "Train on the first so many images only.",
    "held_out": "Evaluate also on so many of the next training images.",
    "depth": "Weight layers: 2 + layers of a branch x stages x blocks.",
    "width": "Channels.",
    "h": "Step size.",
    "branch": f"{_choices(tuple(KINDS))}.",
    "relu": "ReLU after each addition.",
    "downsample": f"Where the image is halved: {_choices(DOWNSAMPLE)}.",
    "remainder": "Fill with Euler blocks where the depth does not divide.",
    "batch_norm": "In stem, branches and head.",
    "final_norm": "Batch norm and ReLU before the pooling.",
    "init_scale": "Factor on the first weights of every branch's last convolution.",
    "lr": "Learning rate.",
    "momentum": "Of stochastic gradient descent.",
    "weight_decay": "Of all parameters.",
    "batch": "Images of a step.",
    "schedule": f"Of the learning rate: {_choices(SCHEDULES)}.",
    "epochs": "Passes over the training images.",
    "steps": "Stop after so many steps instead.",
    "augment": "Random crops and flips.",
    "seed": "Of initialisation, order and augmentation.",
    "adaptive": f"Rule by which blocks set their coefficients: {_choices(RULES)}.",
    "multistep": f"Make one stack of all branches: {_choices(STACKS)}.",
    "architecture": f"{_choices(RunConfig.ARCHITECTURES)}, which has nothing else to choose.",
}
