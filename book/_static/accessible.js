/* Mends what the theme and the table writer leave: roles that contradict each other, and headers without a text. */
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".citation-list").forEach((list) => list.removeAttribute("role"));
  document.querySelectorAll(".citation-list .citation").forEach((entry) => entry.removeAttribute("role"));
  document.querySelectorAll("table.dataframe th:empty").forEach((header) => {
    header.replaceWith(document.createElement("td"));
  });
});
