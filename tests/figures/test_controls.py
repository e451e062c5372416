"""Menus and sliders of a figure become native controls."""

import json
import re

import plotly.graph_objects as go
import pytest

from odestack import figures
from odestack.figures.controls import About, Control, View, explorer

LINE = About("fig-line", "It <rises>.", "A line")


def chart() -> go.Figure:
    def step(label: str, colour: str) -> dict:
        return {"label": label, "method": "restyle", "args": [{"line.color": colour}]}

    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1]))
    menu = {"name": "Colour", "buttons": [step("red", "#f00"), step("blue", "#00f")], "active": 1}
    slider = {"currentvalue": {"prefix": "steps = "}, "steps": [step(str(n), "#000") for n in (1, 2, 4)]}
    return figure.update_layout(updatemenus=[menu], sliders=[slider])


def data(html: str) -> dict:
    return json.loads(re.findall(r'<script type="application/json">(.*?)</script>', html)[0])


def test_menus_and_sliders_leave_plotly_and_keep_their_calls() -> None:
    figure = chart()
    html = str(figures.interactive(figure, LINE).data)
    assert not figure.to_dict()["layout"].get("updatemenus")
    assert [control["name"] for control in data(html)["controls"]] == ["Colour", "steps"]
    assert data(html)["controls"][0]["calls"][1] == ["restyle", [{"line.color": "#00f"}]]
    assert re.search(r"<label>Colour <select[^>]*><option>red</option><option selected>blue</option></select>", html)
    assert re.search(r'<label>steps <input type="range"[^>]*max="2" value="0" aria-valuetext="1"> <output>1<', html)
    assert 'id="fig-line" aria-label="A line"' in html
    assert '<p class="caption">It &lt;rises&gt;.</p>' in html
    assert "<noscript><p>A line</p></noscript>" in html
    assert re.findall(r'<script src="([^"]+)"', html) == ["../_static/plotly.min.js", "../_static/interactive.js"]


def test_a_view_shows_its_first_choice_and_carries_the_others() -> None:
    view = View(("Size",), {("small",): "<b>1</b>", ("large",): "<b>2</b>"})
    html = explorer(LINE, [Control("Size", ["small", "large"], active=1)], [view])
    assert '<div class="view" aria-live="polite"><b>2</b></div>' in html
    assert "plotly" not in html
    assert data(html)["views"] == [{"follows": ["Size"], "shows": {"small": "<b>1</b>", "large": "<b>2</b>"}}]


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (View(("Colour",), {("red",): ""}), "no control is called 'Colour'; the controls are Size"),
        (View(("Size",), {("large",): ""}), "shows nothing for small"),
    ],
)
def test_a_view_that_cannot_follow_is_refused(view: View, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explorer(LINE, [Control("Size", ["small", "large"])], [view])
