"""Every record on one page: filter the runs by study, method and depth, compare their curves, open the records."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from html import escape
from typing import Any

import plotly.graph_objects as go
from IPython.display import HTML, Markdown

from odestack import figures, studies
from odestack.figures.controls import PLOTLY, About, embedded, framed, graph
from odestack.lab.config import RunConfig
from odestack.lab.neural_ode_config import NeuralODEConfig
from odestack.lab.profiles import profile_base
from odestack.lab.records import Record
from odestack.studies.frame import smoothed
from odestack.studies.neural_ode import REMOVED

ALL = "all"
CURVES = {"accuracy": "Test accuracy (%)", "loss": "Training loss (nats)", "early": "Early training loss (nats)"}
NAMED = ("scheme", "tableau", "depth", "width", "seed")
"""Fields that have a column of their own, or belong to one."""
SYMBOLS = {"o": "circle", "s": "square", "^": "triangle-up", "v": "triangle-down", "D": "diamond", "d": "diamond-tall"}
SYMBOLS |= {"<": "triangle-left", ">": "triangle-right", "P": "cross", "X": "x", "p": "pentagon", "h": "hexagon"}
SYMBOLS |= {"H": "hexagon2", "*": "star"}
COLUMNS = ("method", "depth", "width", "seed", "settings", "status", "accuracy (%)", "minutes", "record")
ABOUT = About(
    "fig-results-explorer",
    "The curves of the chosen runs. Colour and symbol tell the method, the kind of line the depth.",
    "Interactive figure. Menus choose a study, a method, a depth and a quantity; the graph shows the curves of the "
    "chosen runs and the table below lists them.",
)
EVERY = 10
"""Of the first steps' smoothed losses one in so many is drawn."""


def results_explorer(
    found: Sequence[tuple[str, Record]], users: Mapping[tuple[str, str], Sequence[str]], records: str
) -> HTML | Markdown:
    """Menus, a plotly graph and a table, which ``book/scripts/results.js`` filters; without scripts the whole table.

    Args:
        found: profile and record of each run.
        users: the studies that have a run, by its profile and key.
        records: address of the folder with the records of each profile, as seen from the page.
    """
    if not found:
        return Markdown("*There are no records yet: not run.*")
    runs = [(profile, record, users.get((profile, record.config.key), ())) for profile, record in found]
    titles = {name: studies.get(name).TITLE for name in studies.STUDIES if any(name in uses for *_, uses in runs)}
    names = dict.fromkeys(method(record.config) for _, record in found)
    methods = {name: figures.look(name).label for name in names}
    depths = {str(depth): str(depth) for depth in sorted({record.config.depth for _, record in found})}
    menus = [
        _menu("Study", "study", {ALL: "all studies"} | titles, next(iter(titles), ALL)),
        _menu("Method", "method", {ALL: "all methods"} | methods, ALL),
        _menu("Depth", "depth", {ALL: "all depths"} | depths, ALL),
        _menu("Curve", "curve", CURVES, "accuracy"),
    ]
    layout = {"template": "plotly_white", "height": 460, "margin": {"l": 60, "r": 15, "t": 15, "b": 50}}
    figure = go.Figure(layout=layout | {"legend": {"orientation": "h", "y": -0.2, "yanchor": "top", "maxheight": 0.3}})
    rows = "".join(_row(profile, record, uses, records) for profile, record, uses in runs)
    heads = "".join(f'<th scope="col">{head}</th>' for head in COLUMNS)
    body = (
        f'{graph(figure)}<p class="shown" aria-live="polite">{len(runs)} runs</p>'
        '<div class="scroll" tabindex="0" role="region" aria-label="The chosen runs"><table class="dataframe words">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        f"{embedded([_curves(profile, record) for profile, record in found])}"
    )
    return HTML(framed(ABOUT, "".join(menus), body, (PLOTLY, "results.js"), "", "interactive results"))


def method(config: RunConfig) -> str:
    """What computes the run's stack, as a name for ``figures.look``: its multistep method, its ODE's solver, or its
    scheme."""
    if isinstance(config, NeuralODEConfig):
        return config.solver or REMOVED
    return config.multistep or config.scheme


def settings(config: RunConfig, profile: str) -> str:
    """What differs from the profile's base run, such as "lr 0.8, steps 300", apart from the columns of the table."""
    base = profile_base(profile)
    changed = [
        (field.name, getattr(config, field.name))
        for field in fields(config)
        if field.name not in NAMED and getattr(config, field.name) != getattr(base, field.name, field.default)
    ]
    return ", ".join(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in changed)


def _menu(name: str, key: str, options: Mapping[str, str], chosen: str) -> str:
    entries = "".join(
        f'<option value="{escape(value)}"{" selected" * (value == chosen)}>{escape(label)}</option>'
        for value, label in options.items()
    )
    return f'<label>{name} <select name="{key}" aria-label="{name}" autocomplete="off">{entries}</select></label>'


def _row(profile: str, record: Record, uses: Sequence[str], records: str) -> str:
    config = record.config
    accuracy = record.final.get("test_accuracy") if record.status == "done" else None
    cells = (
        *(config.depth, config.width, config.seed, settings(config, profile)),
        *(record.status, "–" if accuracy is None else f"{accuracy:.2f}", f"{record.seconds / 60:.1f}"),
    )
    link = f'<a href="{records}/{profile}/{config.key}.json">{config.key}</a>'
    about = f'data-study="{" ".join(uses)}" data-method="{escape(method(config))}" data-depth="{config.depth}"'
    label = escape(figures.look(method(config)).label)
    results = "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
    return f'<tr {about}><th scope="row">{label}</th>{results}<td>{link}</td></tr>'


def _curves(profile: str, record: Record) -> dict[str, Any]:
    """What the script draws of a run: what it was, colour, symbol, and x and y of each quantity."""
    style = figures.look(method(record.config))
    epochs = [row["epoch"] for row in record.epochs]
    tested = [row for row in record.epochs if "test_accuracy" in row]
    smooth = smoothed(record)
    about = [f"depth {record.config.depth}", f"seed {record.config.seed}", settings(record.config, profile)]
    return {
        "method": style.label,
        "depth": record.config.depth,
        "about": ", ".join(filter(None, about)),
        "color": style.color,
        "symbol": SYMBOLS.get(style.marker, "circle"),
        "accuracy": {"x": [row["epoch"] for row in tested], "y": [row["test_accuracy"] for row in tested]},
        "loss": {"x": epochs, "y": [row["train_loss"] for row in record.epochs]},
        "early": {"x": [*range(EVERY, len(smooth) + 1, EVERY)], "y": [round(y, 4) for y in smooth[EVERY - 1 :: EVERY]]},
    }
