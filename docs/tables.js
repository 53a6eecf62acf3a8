// Gives each cell the name of its column, which tables.css shows on a phone.
for (const table of document.querySelectorAll(".md-typeset table:not([class])")) {
  const columns = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  for (const row of table.querySelectorAll("tbody tr")) {
    [...row.cells].forEach((cell, index) => cell.setAttribute("data-column", columns[index] ?? ""));
  }
}
