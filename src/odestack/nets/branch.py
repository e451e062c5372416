"""The residual branch f: what one evaluation of the vector field is in a network."""

from torch import nn

# Convolutions of each kind, as (kernel size, input width divisor, output width divisor).
KINDS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "conv1": ((3, 1, 1),),
    "conv2": ((3, 1, 1),) * 2,
    "conv3": ((3, 1, 1),) * 3,
    "conv4": ((3, 1, 1),) * 4,
    "bottleneck": ((1, 1, 4), (3, 4, 4), (1, 4, 1)),
}


def layers(kind: str) -> int:
    """Number of convolutions in a branch of this kind.

    Raises:
        ValueError: no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"branch {kind!r} does not exist; choose one of {', '.join(KINDS)}")
    return len(KINDS[kind])


def branch(kind: str, width: int, *, stride: int = 1, batch_norm: bool = True) -> nn.Sequential:
    """Pre-activation branch, (B, width, H, W) -> (B, width, H / stride, W / stride).

    Every layer is batch norm, ReLU, convolution (He et al. 2016, *Identity mappings*), so the branch ends in a
    convolution. The stride is that of the first layer. Without batch norm the convolutions have a bias.
    """
    modules: list[nn.Module] = []
    for i, (kernel, inputs, outputs) in enumerate(KINDS[kind]):
        if batch_norm:
            modules.append(nn.BatchNorm2d(width // inputs))
        modules += [
            nn.ReLU(inplace=batch_norm),
            nn.Conv2d(
                width // inputs,
                width // outputs,
                kernel,
                stride=stride if i == 0 else 1,
                padding=kernel // 2,
                bias=not batch_norm,
            ),
        ]
    return nn.Sequential(*modules)
