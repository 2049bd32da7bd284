// The table of all members: sorted by a heading, marked, copied, and downloaded as CSV.
const table = document.getElementById("members");
const valueOf = cell => { const text = cell.dataset.value; return text === "" ? null : Number.isNaN(Number(text)) ? text : Number(text); };
const before = (x, y) => (typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === "number" ? -1 : 1);

const sortBy = (head, column) => {
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1, body = table.tBodies[0];
  [...head.parentNode.cells].forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const rows = [...body.rows].map(row => [valueOf(row.cells[column]), row]);
  rows.sort(([x], [y]) => (x === null || y === null ? (x === null) - (y === null) : sign * before(x, y)));
  body.append(...rows.map(pair => pair[1]));
};

const cellsOf = () => {
  const heads = [...table.tHead.rows[0].cells].map(cell => [(cell.querySelector("button") || cell).childNodes[0].textContent.trim(), cell.querySelector("small")?.textContent].filter(Boolean));
  const rows = [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.dataset.value));
  return [heads.map(([name, unit]) => (unit ? `${name} (${unit})` : name)), ...rows];
};

// A text that a spreadsheet would take for a formula is written as text.
const csvCell = text => {
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
};

const saveCsv = () => {
  const text = cellsOf().map(row => row.map(csvCell).join(",")).join("\n") + "\n";
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: `${page.file}.csv` });
  link.click();
  URL.revokeObjectURL(link.href);
};

const copyTable = async () => {
  const text = cellsOf().map(row => row.join("\t")).join("\n"), said = document.getElementById("copied");
  try { await navigator.clipboard.writeText(text); said.textContent = "Copied."; } catch {
    const area = make("textarea", { class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    said.textContent = document.execCommand("copy") ? "Copied." : "This browser does not let a page copy.";
    area.remove();
  }
};

const markRows = () => [...table.tBodies[0].rows].forEach(row => {
  const id = Number(row.dataset.id), slot = id === looked.a ? "a" : id === looked.b ? "b" : null;
  if (slot) row.dataset.slot = slot; else delete row.dataset.slot;
});

const startTable = () => {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = make("button", { type: "button", onclick: () => sortBy(head, column) });
    button.append(...head.childNodes);
    head.append(button);
  });
  document.getElementById("csv").addEventListener("click", saveCsv);
  document.getElementById("copy").addEventListener("click", copyTable);
  watchers.push(markRows);
};
