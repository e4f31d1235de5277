// Tables: a click on a heading sorts; absent values come last in both directions.
const value = (row, column) => row.cells[column].dataset.value;
const compare = (column, sign) => (one, other) => {
  const [a, b] = [value(one, column), value(other, column)];
  if (a === "" || b === "") return (a === "") - (b === "");
  const difference = Number(a) - Number(b);
  return sign * (Number.isNaN(difference) ? a.localeCompare(b, "en", { numeric: true }) : difference);
};
const sort = (heading) => {
  const body = heading.closest("table").tBodies[0];
  const now = heading.getAttribute("aria-sort");
  const next = now === "none" ? heading.dataset.first : now === "ascending" ? "descending" : "ascending";
  for (const other of all("th[aria-sort]", heading.parentNode)) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", next);
  body.append(...[...body.rows].sort(compare(heading.cellIndex, next === "ascending" ? 1 : -1)));
};
for (const heading of all(".sortable th[aria-sort]")) {
  heading.firstElementChild.addEventListener("click", () => sort(heading));
}

// The leaderboard: filter rows by name, hide columns, copy the visible table.
const board = by("board");
if (board) {
  const rows = [...board.tBodies[0].rows];
  const headings = [...board.tHead.rows[0].cells];
  const said = by("board-status");
  const [filter, published] = [by("board-filter"), by("board-published")];
  const choose = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const name = row.cells[0].textContent.toLowerCase();
      row.hidden = !words.every((word) => name.includes(word)) || (row.className === "published" && !published.checked);
    }
    const left = rows.filter((row) => !row.hidden).length;
    said.textContent = left === rows.length ? "" : `${left} of ${rows.length} models`;
  };
  filter.addEventListener("input", choose);
  published?.addEventListener("change", choose);
  const showColumn = (box) => {
    for (const row of board.rows) row.cells[Number(box.value)].hidden = !box.checked;
  };
  for (const box of all("#columns input")) {
    showColumn(box);
    box.addEventListener("change", () => showColumn(box));
  }

  const textOf = (cell) => {
    const [figure, span] = [cell.querySelector(".figure, button, bdi"), cell.querySelector(".span")];
    const text = (figure ?? cell).textContent.trim();
    return span && !/^[–]?$/.test(span.textContent) ? `${text} (${span.textContent})` : text;
  };
  const seen = () => {
    const columns = headings.map((_, place) => place).filter((place) => !headings[place].hidden);
    return [board.tHead.rows[0], ...[...board.tBodies[0].rows].filter((row) => !row.hidden)]
      .map((row) => columns.map((place) => textOf(row.cells[place])));
  };
  const LATEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}", "–": "--", "−": "$-$" };
  const latex = (text) => text.replace(/[\\~^<>–−{}$&#_%]/g, (sign) => LATEX[sign] ?? `\\${sign}`);
  const FORMS = {
    markdown: ([head, ...body]) => {
      const line = (cells) => `| ${cells.map((cell) => cell.replace(/[\\|]/g, "\\$&").replace(/</g, "&lt;")).join(" | ")} |`;
      return [line(head), `| --- |${" ---: |".repeat(head.length - 1)}`, ...body.map(line)].join("\n");
    },
    // An apostrophe is put before text that a spreadsheet would run as a formula.
    csv: (table) => table.map((cells) => cells
      .map((cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell))
      .map((cell) => (/[",\n]/.test(cell) ? `"${cell.replace(/"/g, '""')}"` : cell)).join(",")).join("\n"),
    latex: ([head, ...body]) => {
      const line = (cells) => `${cells.map(latex).join(" & ")} \\\\`;
      return [`\\begin{tabular}{l${"r".repeat(head.length - 1)}}`, "\\toprule", line(head), "\\midrule", ...body.map(line), "\\bottomrule", "\\end{tabular}"].join("\n");
    },
  };
  for (const button of all("[data-copy]")) {
    button.addEventListener("click", async () => {
      await copy(`${FORMS[button.dataset.copy](seen())}\n`);
      said.textContent = `Copied as ${button.textContent}`;
    });
  }
}

// A menu closes on Escape and on a click elsewhere.
for (const menu of all(".menu")) {
  document.addEventListener("click", ({ target }) => { if (!menu.contains(target)) menu.open = false; });
  menu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    menu.open = false;
    menu.firstElementChild.focus();
  });
}
