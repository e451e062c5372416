/* Figures with native controls (odestack.figures.controls): Python has computed what each choice shows, this selects it. */
document.addEventListener("DOMContentLoaded", () => {
  for (const figure of document.querySelectorAll(".interactive:not(.results)")) {
    const data = figure.querySelector(":scope > script[type='application/json']");
    if (data) wire(figure, JSON.parse(data.textContent));
  }
});

function wire(figure, { controls, views }) {
  const inputs = figure.querySelectorAll(":scope > .controls :is(select, input)");
  const panels = figure.querySelectorAll(":scope > .view");
  const graph = figure.querySelector(".plotly-graph-div");
  const width = graph?.clientWidth;
  if (graph?.layout?.scene && width < graph.layout.height) {  // a phone shows all of it only if it is no higher than wide
    graph.parentElement.style.height = `${width}px`;
    Plotly.relayout(graph, { height: width });
  }
  const chosen = (i) => controls[i].labels[inputs[i].selectedIndex ?? Number(inputs[i].value)];

  inputs.forEach((input, i) =>
    input.addEventListener("input", () => {
      const label = chosen(i);
      if (input.type === "range") {
        input.setAttribute("aria-valuetext", label);
        input.nextElementSibling.textContent = label;
      }
      const call = controls[i].calls[controls[i].labels.indexOf(label)];
      if (call) Plotly[call[0]](graph, ...call[1]);
      views.forEach((view, k) => {
        if (!view.follows.includes(controls[i].name)) return;
        const labels = view.follows.map((name) => chosen(controls.findIndex((control) => control.name === name)));
        panels[k].innerHTML = view.shows[labels.join("|")];
      });
    })
  );
}
