"""Choose a method and a depth, and see its stack: drawing, coefficients, blocks and cost."""

import base64
import io
from collections.abc import Sequence
from html import escape

import matplotlib.pyplot as plt
import sympy
from IPython.display import HTML

from odestack import figures
from odestack.diagrams import draw_block
from odestack.figures.controls import About, Control, View, explorer
from odestack.methods import catalogue
from odestack.methods.tableau import Tableau
from odestack.nets.cost import cost
from odestack.nets.resnet import ResNet, block_count

ABOUT = About(
    "fig-stack-explorer",
    "The stack of a method at a depth: its blocks, what it costs, and the wiring and the coefficients of one block.",
    "Interactive figure. Menus choose a method and a depth. Shown are the stack as a row of branches grouped "
    "into blocks, its cost as a table, the wiring of one block as a drawing, and its coefficients as a table.",
)


def stack_explorer(schemes: Sequence[str], depths: Sequence[int], widths: Sequence[int]) -> HTML:
    """The interactive figure: menus for the method and the depth; parameters and multiplications at each width.

    A depth that a method does not divide is filled with Euler blocks, and says so.
    """
    labels = {scheme: figures.look(scheme).label for scheme in schemes}
    methods = {labels[scheme]: catalogue.get(scheme) for scheme in schemes}
    choose = [
        Control("Method", list(labels.values()), active=schemes.index("rk4")),
        Control("Depth", [str(depth) for depth in depths], active=depths.index(50)),
    ]
    stacks = {
        (label, str(depth)): facts(method, depth, widths) for label, method in methods.items() for depth in depths
    }
    blocks = {(label,): f"{drawing(method)}{butcher(method)}" for label, method in methods.items()}
    return HTML(explorer(ABOUT, choose, [View(("Method", "Depth"), stacks), View(("Method",), blocks, spoken=False)]))


def facts(method: Tableau, depth: int, widths: Sequence[int]) -> str:
    """The stack in HTML: a square a branch, a group a block, and a table of what it consists of and costs."""
    blocks, euler_blocks = block_count(method, depth, remainder=True)
    stages = len(method.used_stages)
    filled = " ".join(["■" * stages] * blocks + ["□"] * euler_blocks)
    sum_of_layers = f"2 + {2 * stages} × {blocks}" + f" + 2 × {euler_blocks}" * bool(euler_blocks) + f" = {depth}"
    fill = "fills" if euler_blocks == 1 else "fill"
    rest = f"; the depth does not divide, so {euler_blocks} of Euler's {fill} it" * bool(euler_blocks)
    rows = {
        "Layers": sum_of_layers,
        "Blocks": f"{blocks}, of {stages} {'branch' if stages == 1 else 'branches'} each{rest}",
        "ReLUs after an addition": str(blocks + euler_blocks),
        "Integration time T at h = 1": str(blocks + euler_blocks),
    }
    for width in widths:
        counted = cost(ResNet(method, depth, width, remainder=True))
        rows["Additions of a scaled feature map"] = str(counted.axpys)
        rows[f"Parameters, {width} channels"] = f"{counted.parameters:,}"
        rows[f"Multiply–accumulates an image, {width} channels"] = f"{counted.macs:,}"
    table = "".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, value in rows.items())
    return (
        f'<p class="stack" aria-hidden="true">{filled}</p><table class="dataframe facts"><tbody>{table}</tbody></table>'
    )


def drawing(method: Tableau) -> str:
    """The block as an SVG image, with its wiring in words as alternative text."""
    size = 0.75 * len(method.used_stages) + 2
    figure, ax = plt.subplots(figsize=(size, size))
    draw_block(method, ax)
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    plt.close(figure)
    data = base64.b64encode(content.getvalue()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(wiring(method))}">'


def wiring(method: Tableau) -> str:
    """What each branch of the block takes in, and what the step adds, in words."""
    rows = method.reduced()
    inner = [f"f{i} takes {_sum(row[: i - 1])}" for i, row in enumerate(rows.A, start=1)]
    return f"Block of {method.name}: {'; '.join(inner)}; the step adds {_sum(rows.b).removeprefix('the state + ')}."


def butcher(method: Tableau) -> str:
    """The coefficients as an HTML table: a row for each branch's argument, and one for the step."""
    rows = method.reduced()
    stages = rows.stages
    head = "".join(f'<th scope="col">k<sub>{j}</sub></th>' for j in range(1, stages + 1))
    body = [(f"f<sub>{i}</sub>", row[: i - 1]) for i, row in enumerate(rows.A, start=1)]
    lines = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{_entry(a)}</td>" for a in row)}'
        f"{'<td></td>' * (stages - len(row))}</tr>"
        for name, row in [*body, ("step", rows.b)]
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Coefficients"><table class="dataframe">'
        f'<thead><tr><th scope="col">into</th>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _entry(a: sympy.Expr) -> str:
    """Exact if that is short, else three digits; nothing for zero."""
    if a == 0:
        return ""
    return (str(a) if len(str(a)) <= 8 else f"{float(a):.3g}").replace("-", "−")


def _sum(row: Sequence[sympy.Expr]) -> str:
    return " + ".join(["the state", *(f"{_entry(a)} k{j}" for j, a in enumerate(row, start=1) if a != 0)])
