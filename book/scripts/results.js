/* The results explorer (odestack.book.results_explorer): menus choose which runs the graph and the table show; links
   choose a study, as ?study=headline. */
document.addEventListener("DOMContentLoaded", () => {
  const explorer = document.querySelector(".results");
  if (!explorer) return;
  const runs = JSON.parse(explorer.querySelector(":scope > script[type='application/json']").textContent);
  const rows = [...explorer.querySelectorAll("tbody tr")];
  const graph = explorer.querySelector(".plotly-graph-div");
  const menus = Object.fromEntries([...explorer.querySelectorAll("select")].map((menu) => [menu.name, menu]));
  const dashes = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
  const words = ["solid", "dashed", "dotted", "dash and dot", "long dashes", "long dashes and dots"];

  const asked = new URLSearchParams(location.search).get("study");
  if (asked) menus.study.value = [...menus.study.options].some((option) => option.value === asked) ? asked : "all";

  function show() {
    const fits = (row) =>
      ["study", "method", "depth"].every((key) => {
        const has = key === "study" ? row.dataset.study.split(" ") : [row.dataset[key]];
        return menus[key].value === "all" || has.includes(menus[key].value);
      });
    rows.forEach((row) => { row.hidden = !fits(row); });
    const chosen = runs.filter((_, i) => !rows[i].hidden);
    const depths = [...new Set(chosen.map((run) => run.depth))].sort((a, b) => a - b);
    const told = depths.length <= dashes.length;
    const listed = new Set();
    const traces = chosen.map((run) => {
      const first = !listed.has(run.method);
      listed.add(run.method);
      return {
        ...run[menus.curve.value], name: run.method, legendgroup: run.method, showlegend: first, mode: "lines+markers",
        hovertemplate: `%{y:.2f}<br>${run.method}<br>${run.about}<extra></extra>`,
        line: { color: run.color, width: 1.5, dash: told ? dashes[depths.indexOf(run.depth)] : "solid" },
        marker: { color: run.color, symbol: run.symbol, size: menus.curve.value === "early" ? 3 : 7 },
      };
    });
    const early = menus.curve.value === "early";
    Plotly.react(graph, traces, {
      ...graph.layout,
      xaxis: { title: { text: early ? "step" : "epoch" }, rangemode: "tozero" },
      yaxis: { title: { text: menus.curve.selectedOptions[0].text } },
    });
    const lines = told
      ? depths.map((depth, i) => `depth ${depth} ${words[i]}`)
      : [`${depths.length} depths, more than kinds of line: choose one to tell it from the others`];
    const none = "no run is all of this: set study, method or depth to all";
    explorer.querySelector(".shown").textContent = [
      `${chosen.length} of ${runs.length} runs`,
      ...(chosen.length === 0 ? [none] : depths.length > 1 ? lines : []),
    ].join("; ");
  }

  Object.values(menus).forEach((menu) => menu.addEventListener("input", show));
  show();
  if (asked && menus.study.value !== asked) explorer.querySelector(".shown").prepend(`Study ${asked} has no record yet. `);
});
