// Vega's charts. Rows come from the page, and the members looked at are signals; a click or an arrow key chooses.
const charts = {};

const rowsOf = name => (name === "curves" ? page.curves : page.rows);

const openChart = async (container, name, rows) => {
  const options = { mode: "vega", renderer: "svg", actions: false, tooltip: () => {}, logLevel: 1 };
  const { view } = await vegaEmbed(container, page.charts[name], options);
  container.querySelector("svg").setAttribute("aria-hidden", "true"); // the container says what it is; marks have no names
  view.data({ curves: "curves", codes: "codes", plain_codes: "codes" }[name] || "members", rows).run();
  new ResizeObserver(() => container.isConnected && view.signal("width", Math.max(160, container.clientWidth)).runAsync()).observe(container);
  container.dataset.drawn = name;
  return view;
};

const nearest = (item) => (item && item.datum && Number.isInteger(item.datum.id) ? item.datum.id
  : item && item.mark && item.mark.items && item.mark.items[0]?.datum?.id);

const startChart = async container => {
  const name = container.dataset.chart, view = await openChart(container, name, rowsOf(name));
  charts[name] = view;
  markChart(view);
  view.addEventListener("click", (event, item) => {
    const id = nearest(item);
    if (Number.isInteger(id)) choose(id, event.shiftKey ? "b" : "a");
  });
  view.addEventListener("pointermove", (event, item) => {
    const id = nearest(item);
    showTip(Number.isInteger(id) ? tipOf(page.members[id]) : "", event.clientX, event.clientY);
  });
  view.addEventListener("pointerout", () => showTip(""));
  container.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const order = orderOf(name), at = order.indexOf(looked.a);
    choose(order[(at + step + order.length) % order.length], event.shiftKey ? "b" : "a");
  });
};

// Along the chart: by rate, by latent size and then likelihood, by the last bound.
const orderOf = name => {
  const key = held()?.key;
  const keys = { trade: row => [row.rate ?? 0, row.distortion ?? 0], sizes: row => [row.latents ?? 0, row[key] ?? 0] };
  const by = keys[name] || (row => [row[key] ?? 0, 0]);
  return [...page.rows].sort((x, y) => by(x)[0] - by(y)[0] || by(x)[1] - by(y)[1]).map(row => row.id);
};

const tipOf = member => {
  const keys = ["log_likelihood", "elbo", "distortion", "rate", "active_units"];
  const lines = keys.filter(key => member.values[key] !== null && member.values[key] !== undefined)
    .map(key => { const one = measureOf(key); return `${one.title} ${shown(member.values[key], one.decimals)} ${one.unit}`; });
  return [`${member.number}: ${member.label}`, ...lines].join("\n");
};

const markChart = view => view.signal("a", looked.a ?? -1).signal("b", looked.b ?? -1).runAsync();
const markCharts = () => Object.values(charts).forEach(markChart);

const startCharts = () => {
  document.querySelectorAll("[data-chart]").forEach(startChart);
  watchers.push(markCharts);
  const zooms = [...document.querySelectorAll("[data-zoom]")];
  zooms.forEach(button => button.addEventListener("click", () => {
    zooms.forEach(other => other.setAttribute("aria-pressed", String(other === button)));
    const [low, high] = page.zooms[button.dataset.zoom];
    charts.sizes?.signal("low", low).signal("high", high).runAsync();
  }));
};
