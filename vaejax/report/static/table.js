// Tables of numbers: sorted by a heading, copied, downloaded as CSV; in that of all members those looked at are marked.
const valueOf = cell => { const text = cell.dataset.value; return text === "" ? null : Number.isNaN(Number(text)) ? text : Number(text); };
const before = (x, y) => (typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === "number" ? -1 : 1);

const sortBy = (table, head, column) => {
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1, body = table.tBodies[0];
  [...head.parentNode.cells].forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const rows = [...body.rows].map(row => [valueOf(row.cells[column]), row]);
  rows.sort(([x], [y]) => (x === null || y === null ? (x === null) - (y === null) : sign * before(x, y)));
  body.append(...rows.map(pair => pair[1]));
};

// Names with their units, then the rows as they are sorted, every number to seven digits.
const linesOf = table => {
  const heads = [...table.tHead.rows[0].cells].map(cell => {
    const name = cell.querySelector("button").childNodes[0].textContent.trim(), unit = cell.querySelector("small")?.textContent;
    return unit ? `${name} (${unit})` : name;
  });
  return [heads, ...[...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.dataset.value))];
};

// A text that a spreadsheet would take for a formula is written as text.
const csvCell = text => {
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
};

const saveCsv = table => {
  const text = linesOf(table).map(row => row.map(csvCell).join(",")).join("\n") + "\n";
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: `${page.file}-${table.id}.csv` });
  link.click();
  URL.revokeObjectURL(link.href);
};

const copyTable = async (table, said) => {
  const text = linesOf(table).map(row => row.join("\t")).join("\n");
  try { await navigator.clipboard.writeText(text); said.textContent = "Copied."; } catch {
    const area = make("textarea", { class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    said.textContent = document.execCommand("copy") ? "Copied." : "This browser does not let a page copy.";
    area.remove();
  }
};

const toolsOf = table => {
  const said = make("span", { role: "status" });
  return make("div", { class: "picks" },
    make("button", { type: "button", "data-copy": table.id, onclick: () => copyTable(table, said) }, "Copy as text"),
    make("button", { type: "button", "data-csv": table.id, onclick: () => saveCsv(table) }, "Download CSV"), said);
};

const markRows = () => document.querySelectorAll("#members tbody tr").forEach(row => {
  const id = Number(row.dataset.id), slot = id === looked.a ? "a" : id === looked.b ? "b" : null;
  if (slot) row.dataset.slot = slot; else delete row.dataset.slot;
});

const startTable = table => {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = make("button", { type: "button", onclick: () => sortBy(table, head, column) });
    button.append(...head.childNodes);
    head.append(button);
  });
  table.closest(".scroll").before(toolsOf(table));
};

const startTables = () => {
  document.querySelectorAll("table.numbers").forEach(startTable);
  watchers.push(markRows);
};
