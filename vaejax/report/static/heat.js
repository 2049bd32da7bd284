// The grid as a table of buttons: two axes, any measure; other axes are held or picked, seeds are averaged.
const SHADES = page.shades;
const mix = part => {
  const at = Math.max(0, Math.min(1, part)) * (SHADES.length - 1), low = Math.min(Math.floor(at), SHADES.length - 2);
  const read = (text, k) => parseInt(text.slice(1 + 2 * k, 3 + 2 * k), 16);
  return [0, 1, 2].map(k => Math.round(read(SHADES[low], k) + (at - low) * (read(SHADES[low + 1], k) - read(SHADES[low], k))));
};
const onColour = rgb => {
  const [r, g, b] = rgb.map(v => v / 255).map(v => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff";
};

const heat = { table: document.getElementById("heat"), picks: {}, across: null, down: null, measure: null };
const varying = page.axes.map((axis, at) => ({ ...axis, at })).filter(axis => axis.values.length > 1 && axis.key !== "seed");

const pick = (label, options, value, changed) => {
  const select = make("select", { onchange: event => changed(event.target.value) },
    ...options.map(([key, text]) => make("option", { value: key, selected: String(key) === String(value) }, text)));
  return make("label", {}, label, select);
};

const heatAxes = () => {
  const by = key => varying.find(axis => axis.key === key);
  heat.across = heat.across ?? (by("beta") || varying.find(axis => axis.key !== "latent_size"))?.at ?? null;
  heat.down = heat.down ?? (by("latent_size") || varying.find(axis => axis.at !== heat.across))?.at ?? null;
};

const heatPicks = () => {
  const measures = page.measures.filter(one => page.members.some(member => member.values[one.key] !== null));
  heat.measure = heat.measure || (measures.some(one => one.key === held()?.key) ? held().key : measures[0]?.key);
  const axes = varying.map(axis => [axis.at, axis.title]), parts = [];
  parts.push(pick("Measure", measures.map(one => [one.key, one.title]), heat.measure, key => { heat.measure = key; drawHeat(); }));
  if (varying.length > 2) {
    parts.push(pick("across", axes, heat.across, at => { heat.across = Number(at); heatPicks(); drawHeat(); }));
    parts.push(pick("down", axes, heat.down, at => { heat.down = Number(at); heatPicks(); drawHeat(); }));
    varying.filter(axis => axis.at !== heat.across && axis.at !== heat.down).forEach(axis => {
      heat.picks[axis.at] = heat.picks[axis.at] ?? page.members[looked.a ?? 0].place[axis.at] ?? 0;
      parts.push(pick(axis.title, axis.values.map((text, k) => [k, text]), heat.picks[axis.at],
        k => { heat.picks[axis.at] = Number(k); drawHeat(); }));
    });
  }
  put(document.getElementById("heat-picks"), ...parts);
};

const cellOf = (row, column) => page.members.filter(member =>
  varying.every(axis => {
    const at = member.place[axis.at];
    return axis.at === heat.across ? at === column : axis.at === heat.down ? at === row : at === heat.picks[axis.at];
  }));

const summary = (members, key) => {
  const values = members.map(member => member.values[key]).filter(value => value !== null && value !== undefined);
  if (!values.length) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, spread: Math.sqrt(squares / Math.max(values.length - 1, 1)), num: values.length };
};

// The member of a cell that is looked at when the cell is chosen: the one whose bound is best.
const drawHeat = () => {
  const measure = measureOf(heat.measure), axis = at => (at === null ? { values: [""], title: "" } : page.axes[at]);
  const rows = axis(heat.down).values, columns = axis(heat.across).values;
  const cells = rows.map((_, i) => columns.map((_, j) => cellOf(heat.down === null ? undefined : i, heat.across === null ? undefined : j)));
  const sums = cells.map(row => row.map(members => measure && summary(members, measure.key)));
  const means = sums.flat().filter(Boolean).map(one => one.mean).sort((x, y) => x - y);
  const cut = (part) => means[Math.round(part * (means.length - 1))];
  const [low, high] = measure?.better > 0 ? [cut(0.1), cut(1)] : measure?.better < 0 ? [cut(0), cut(0.9)] : [cut(0), cut(1)];
  const part = value => { const p = high > low ? (value - low) / (high - low) : 0.5; return measure.better < 0 ? 1 - p : p; };
  const head = make("thead", {},
    heat.across === null ? null : make("tr", {}, make("td", {}), make("th", { colspan: columns.length, class: "axis", scope: "colgroup" }, axis(heat.across).title)),
    make("tr", {}, make(heat.down === null ? "td" : "th", { class: "corner" }, heat.down === null ? "" : axis(heat.down).title), ...columns.map(text => make("th", { scope: "col" }, text))));
  const body = make("tbody", {}, ...rows.map((text, i) => make("tr", {},
    make("th", { scope: "row" }, text), ...columns.map((across, j) => {
      const members = cells[i][j], sum = sums[i][j];
      const where = [heat.down === null ? "" : `${axis(heat.down).title} ${text}`, heat.across === null ? "" : `${axis(heat.across).title} ${across}`].filter(Boolean).join(", ");
      if (!members.length) return make("td", {}, make("button", { type: "button", disabled: true, "aria-label": `${where}: no member` }, "\u2013"));
      const best = bestOf(members), spread = sum && sum.num > 1 ? `±\u2009${shown(sum.spread, measure.decimals)}` : "";
      const lack = members.find(one => !one.ok)?.status ?? "not measured";
      const star = members.some(one => page.chosen.includes(one.id));
      const rgb = sum ? mix(part(sum.mean)) : null;
      const button = make("button", {
        type: "button", "data-row": i, "data-column": j, "data-ids": members.map(one => one.id).join(" "),
        class: star ? "star" : null,
        style: rgb ? `background:rgb(${rgb});color:${onColour(rgb)}` : null,
        "aria-label": sum ? `${where}: ${measure.title} ${shown(sum.mean, measure.decimals)} ${measure.unit}${spread ? `, mean of ${sum.num}, ${spread}` : ""}${star ? ", chosen" : ""}` : `${where}: ${lack}`,
        onclick: event => choose(best.id, event.shiftKey ? "b" : "a"),
        onkeydown: event => heatKey(event, i, j),
      }, sum ? shown(sum.mean, measure.decimals) : members.every(one => one.ok) ? "\u2013" : lack, spread ? make("small", {}, spread) : null);
      return make("td", {}, button);
    }))));
  put(heat.table, head, body);
  drawScale(measure, low, high, sums.flat().some(one => one && one.num > 1));
  markHeat();
};

const drawScale = (measure, low, high, spread) => {
  const scale = document.getElementById("heat-scale"), note = document.getElementById("heat-note");
  if (!measure || low === undefined) { put(scale); note.textContent = "Nothing has been measured yet."; return; }
  const ends = measure.better < 0 ? [high, low] : [low, high];
  put(scale, shown(ends[0], measure.decimals), make("i", { style: `background:linear-gradient(90deg,${SHADES.join(",")})` }), `${shown(ends[1], measure.decimals)} ${measure.unit}`);
  note.textContent = `${measure.title[0].toUpperCase()}${measure.title.slice(1)}: ${measure.how}.`
    + (spread ? " A cell is the mean over seeds, ± their standard deviation." : "")
    + (page.chosen.length ? " ★ is what the answer chose." : "") + " Choosing a cell looks at its best seed; with Shift it is laid beside.";
};

const heatKey = (event, row, column) => {
  const [down, across] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] || [0, 0];
  if (!down && !across) return;
  event.preventDefault();
  heat.table.querySelector(`button[data-row="${row + down}"][data-column="${column + across}"]`)?.focus();
};

const markHeat = () => {
  const buttons = [...heat.table.querySelectorAll("button[data-ids]")];
  buttons.forEach(button => {
    const ids = button.dataset.ids.split(" ").map(Number);
    const slot = ids.includes(looked.a) ? "a" : ids.includes(looked.b) ? "b" : null;
    if (slot) button.dataset.slot = slot; else delete button.dataset.slot;
    button.setAttribute("aria-pressed", String(slot === "a"));
    button.tabIndex = slot === "a" ? 0 : -1;
  });
  if (!buttons.some(button => button.tabIndex === 0) && buttons[0]) buttons[0].tabIndex = 0;
};

// Where the member is not in what the table holds fixed, it follows.
const followHeat = () => {
  const member = page.members[looked.a];
  const moved = Object.keys(heat.picks).filter(at => member && member.place[at] !== null && member.place[at] !== heat.picks[at]);
  moved.forEach(at => { heat.picks[at] = member.place[at]; });
  if (moved.length) { heatPicks(); drawHeat(); } else markHeat();
};

const startHeat = () => {
  heatAxes();
  heatPicks();
  drawHeat();
  watchers.push(followHeat);
};
