"""Figures that a reader plays with: native form controls, and everything they show computed beforehand.

Python computes what each choice shows; ``book/scripts/interactive.js`` only selects. Native controls work with the
keyboard and are read aloud, which plotly's own menus and sliders are not; without scripts the first choice stays, and
words stand in for a graph.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import product
from typing import Any, Literal

from plotly.utils import PlotlyJSONEncoder

PLOTLY = "plotly.min.js"


@dataclass(frozen=True)
class Control:
    """One choice.

    Attributes:
        name: what stands before it.
        labels: what can be chosen, all different.
        active: index of the first choice.
        kind: "menu", or "slider" for ordered labels.
        calls: for each label a method of Plotly and its arguments after the graph; empty: only views follow.
    """

    name: str
    labels: Sequence[str]
    active: int = 0
    kind: Literal["menu", "slider"] = "menu"
    calls: Sequence[tuple[str, Sequence[Any]]] = field(default=(), repr=False)

    def html(self) -> str:
        name = escape(self.name)
        if self.kind == "menu":
            options = "".join(
                f"<option{' selected' * (i == self.active)}>{escape(label)}</option>"
                for i, label in enumerate(self.labels)
            )
            return f'<label>{name} <select aria-label="{name}" autocomplete="off">{options}</select></label>'
        now = escape(self.labels[self.active])
        limits = f'min="0" max="{len(self.labels) - 1}" value="{self.active}" aria-valuetext="{now}"'
        slider = f'<input type="range" aria-label="{name}" autocomplete="off" {limits}>'
        return f"<label>{name} {slider} <output>{now}</output></label>"


@dataclass(frozen=True)
class View:
    """HTML that follows some of the controls.

    Attributes:
        follows: names of the controls.
        shows: one text for each combination of their labels, in that order.
        spoken: whether a screen reader reads each new text.
    """

    follows: Sequence[str]
    shows: Mapping[tuple[str, ...], str] = field(repr=False)
    spoken: bool = True


@dataclass(frozen=True)
class About:
    """What an interactive figure is.

    Attributes:
        name: the anchor that links lead to.
        caption: below it.
        alternative: what it shows and how it answers, for those who cannot see it.
    """

    name: str
    caption: str
    alternative: str


def explorer(about: About, controls: Sequence[Control], views: Sequence[View] = (), graph: str = "") -> str:
    """HTML of one interactive figure of a chapter: controls, then the graph, then the views.

    Args:
        controls: the choices, in reading order.
        views: texts, tables or pictures that follow the choices.
        graph: HTML of the plotly graph that the controls' calls act on.

    Raises:
        ValueError: a view follows a control that is not there, or shows nothing for some choice.
    """
    labels = {control.name: control.labels for control in controls}
    first = {control.name: control.labels[control.active] for control in controls}
    panels = []
    for view in views:
        if unknown := [name for name in view.follows if name not in labels]:
            raise ValueError(f"no control is called {unknown[0]!r}; the controls are {', '.join(labels)}")
        for choice in product(*(labels[name] for name in view.follows)):
            if choice not in view.shows:
                raise ValueError(f"a view that follows {', '.join(view.follows)} shows nothing for {', '.join(choice)}")
        shown = view.shows[tuple(first[name] for name in view.follows)]
        panels.append(f'<div class="view" aria-live="{"polite" if view.spoken else "off"}">{shown}</div>')
    data = {
        "controls": [
            {"name": control.name, "labels": list(control.labels), "calls": list(control.calls)} for control in controls
        ],
        "views": [
            {"follows": list(view.follows), "shows": {"|".join(key): text for key, text in view.shows.items()}}
            for view in views
        ],
    }
    body = f"{graph}{''.join(panels)}{embedded(data)}"
    scripts = [*([PLOTLY] if graph else []), "interactive.js"]
    return framed(about, "".join(control.html() for control in controls), body, scripts, "../")


def framed(about: About, controls: str, body: str, scripts: Sequence[str], root: str, kind: str = "interactive") -> str:
    """HTML of an interactive figure from its parts, and of the scripts that it needs, which no other page loads.

    Args:
        root: the way from the page to the root of the site.
        kind: classes of the element.
    """
    loads = "".join(f'<script src="{root}_static/{script}"></script>\n' for script in scripts)
    instead = f"<noscript><p>{escape(about.alternative)}</p></noscript>" * (PLOTLY in scripts)
    return (
        f'{loads}<div role="figure" class="{kind}" id="{about.name}" aria-label="{escape(about.alternative)}">'
        f'<div class="controls">{controls}</div>{instead}{body}<p class="caption">{escape(about.caption)}</p></div>'
    )


def graph(figure: Any) -> str:
    """HTML of a plotly figure, without its script. Nothing in its toolbar sends it to another machine."""
    config = {"displaylogo": False, "responsive": True, "showSendToCloud": False}
    return figure.to_html(include_plotlyjs=False, full_html=False, config=config)


def embedded(data: Any) -> str:
    """A script element that holds data, which nothing runs."""
    content = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return f'<script type="application/json">{content}</script>'


def of_plotly(layout: Any) -> list[Control]:
    """The menus and sliders of a plotly layout as native controls; they are taken out of the layout.

    A menu is called by its ``name``, a slider by its ``name`` or the prefix of its current value.
    """
    menus, sliders = json.loads(json.dumps([layout.updatemenus, layout.sliders], cls=PlotlyJSONEncoder))
    layout.updatemenus, layout.sliders = [], []
    return [
        *(_control(menu.get("name", "Show"), menu["buttons"], menu, "menu") for menu in menus),
        *(
            _control(
                slider.get("name", slider.get("currentvalue", {}).get("prefix", "")), slider["steps"], slider, "slider"
            )
            for slider in sliders
        ),
    ]


def _control(name: str, steps: list[dict], settings: dict, kind: Literal["menu", "slider"]) -> Control:
    calls = [(step.get("method", "restyle"), step.get("args", [])) for step in steps]
    return Control(name.strip(" =:"), [step["label"] for step in steps], settings.get("active", 0), kind, calls)
