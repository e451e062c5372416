/* Mends what the theme and the table writer leave: roles that contradict each other, headers without a text, tables,
   figures and code that scroll but cannot be reached by keyboard, and the excerpts of search results, each of which loads
   a whole page: too much while one types, and refused by browsers from files. */
if (location.protocol === "file:" || !location.pathname.endsWith("/search.html")) {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".citation-list").forEach((list) => list.removeAttribute("role"));
  document.querySelectorAll(".citation-list .citation").forEach((entry) => entry.removeAttribute("role"));
  document.querySelectorAll(".sig :is(dl, dd)").forEach((part) => part.setAttribute("role", "none"));  // no terms in it
  document.querySelectorAll("table.dataframe th:empty").forEach((header) => {
    header.replaceWith(document.createElement("td"));
  });

  const reachable = new ResizeObserver(() => {
    document.querySelectorAll("article :is(table, figure, pre, .output, .pst-scrollable-table-container)").forEach((part) => {
      if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
    });
  });
  document.querySelectorAll("article").forEach((article) => reachable.observe(article));
});
