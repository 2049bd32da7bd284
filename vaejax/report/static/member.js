// One member, or two side by side: numbers, pictures, sliders, codes, rates, findings, and how to make it again.
const slots = document.getElementById("slots");
const picturesOf = member => page.pictures[member.run]?.members[member.place_in_run] || {};
const sharedOf = member => page.pictures[member.run] || {};
const SLIDERS = 8;

const headline = ["log_likelihood", "elbo", "latest", "distortion", "rate", "active_units"];
const figuresOf = (member, keys) => make("dl", { class: "figures" }, ...keys
  .map(measureOf).filter(one => one && member.values[one.key] !== null && member.values[one.key] !== undefined)
  .map(one => make("div", {}, make("dt", { title: one.how }, one.title),
    make("dd", {}, `${shown(member.values[one.key], one.decimals)}${one.unit ? ` ${one.unit}` : ""}`))));

// The tiles of a sprite, apart from each other.
const tilesOf = (one, text) => {
  const rows = Math.ceil(one.num / one.columns), at = (k, num) => (num > 1 ? `${(100 * k) / (num - 1)}%` : "0");
  const tiles = Array.from({ length: one.num }, (_, i) => make("i", {
    style: `aspect-ratio:${one.width}/${one.height};background-position:${at(i % one.columns, one.columns)} ${at(Math.floor(i / one.columns), rows)}`,
  }));
  return make("div", { class: "tiles", role: "img", "aria-label": text, style: `--columns:${one.columns};--rows:${rows};--sprite:url(${one.src})` }, ...tiles);
};

const strip = (one, text, before = null) => {
  if (!one) return null;
  if (one.kind === "image") return tilesOf(one, text);
  return make("div", { class: "lines", role: "img", "aria-label": text },
    ...one.values.map((tracks, i) => drawingOf(one.kind, [before && before.values[i], tracks], one.low, one.high)));
};

// One end of the scale: that of all, or of this column of a table.
const endOf = (end, i) => (Array.isArray(end) ? end[i] : end);
const shareOf = (value, low, high) => (value - low) / (high - low || 1);

// Numbers of one example, and before them those of another to compare with: bars of few, lines of many.
const drawingOf = (kind, all, low, high) => {
  const up = (value, i) => 50 * (1 - Math.max(-0.05, Math.min(1.05, shareOf(value, endOf(low, i), endOf(high, i)))));
  const drawn = all.flatMap((tracks, i) => (tracks || []).flatMap(values => (kind === "bars" ? barsOf : lineOf)(values, up, i ? "after" : "before", low, high)));
  return svg("svg", { class: "line", viewBox: "-3 -3 106 56", preserveAspectRatio: "none", "aria-hidden": "true" }, ...drawn);
};

const lineOf = (values, up, name) => [svg("polyline", {
  class: name,
  points: values.map((value, i) => [(100 * i) / Math.max(values.length - 1, 1), value]).filter(([, value]) => value !== null)
    .map(([x, value]) => `${x.toFixed(1)},${up(value, 0).toFixed(1)}`).join(" "),
})];

// From zero, where it is in the frame.
const barsOf = (values, up, name, low, high) => values.flatMap((value, i) => {
  if (value === null) return [];
  const wide = 100 / values.length, inset = name === "after" ? 0.28 : 0.12, ground = up(Math.max(endOf(low, i), Math.min(endOf(high, i), 0)), i);
  return svg("rect", {
    class: name, x: (wide * (i + inset)).toFixed(1), width: (wide * (1 - 2 * inset)).toFixed(1),
    y: Math.min(ground, up(value, i)).toFixed(1), height: Math.abs(up(value, i) - ground).toFixed(1),
  });
});

// A name, a bar of a share of the room, and a number in each line.
const barsOn = (text, lines) => make("div", { class: "bars", role: "img", "aria-label": text }, ...lines.flatMap(([name, share, number]) => [
  make("span", {}, name), make("i", { style: `width:${100 * Math.max(0, Math.min(1, share))}%` }), make("span", {}, number)]));

// A row of a table, in words and numbers: each column on a scale of its own.
const rowOf = (entries, values, low, high) => barsOn(entries.map((name, i) => `${name} ${shown(values[i], null)}`).join(", "),
  entries.map((name, i) => [name, shareOf(values[i], low[i], high[i]), shown(values[i], null)]));
const columnsSaid = ({ entries }) => (entries?.length ? ` Bars from left to right: ${entries.join(", ")}; each on a scale of its own column.` : "");

// An example as the decoder writes it, along the tracks that `drawn` of the library has.
const tracksOf = ([first = 1, second], x) => {
  if (second === undefined) return [[...x]];
  const long = Math.max(first, second), num = Math.min(first, second);
  return Array.from({ length: Math.min(num, 8) }, (_, k) => Array.from({ length: long }, (_unused, t) => x[first >= second ? t * second + k : k * second + t]));
};

const part = (title, note, ...content) => (content.filter(Boolean).length
  ? make("div", {}, make("h4", {}, title), ...content, note ? make("p", { class: "caption" }, note) : null) : null);

// A picture that moves: decoded here from the weights in the file, or one of the frames that the library rendered.
const decoders = new Map();
const decoderOf = (member, live) => {
  if (!decoders.has(member.id)) decoders.set(member.id, liveDecoder(live.program, fromHalf(live.weights)));
  return decoders.get(member.id);
};

const paint = (canvas, look, x) => {
  const [height, width, channels = 1] = look.shape;
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  const grey = at => (channels === 2 ? (x[2 * at] + x[2 * at + 1]) / 2 : x[at]);
  for (let at = 0; at < height * width; at += 1) {
    for (let k = 0; k < 3; k += 1) {
      const value = channels > 2 ? x[at * channels + k] : grey(at);
      image.data[4 * at + k] = Math.round(255 * Math.max(0, Math.min(1, (value - look.low) / (look.high - look.low))));
    }
    image.data[4 * at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
};

const frame = (canvas, one, at) => {
  const image = new Image();
  image.onload = () => {
    canvas.width = one.width;
    canvas.height = one.height;
    canvas.getContext("2d").drawImage(image, (at % one.columns) * one.width, Math.floor(at / one.columns) * one.height, one.width, one.height, 0, 0, one.width, one.height);
  };
  image.src = one.src;
};

const slidersOf = member => {
  const drawn = picturesOf(member), rows = (drawn.traversals || []).slice(0, SLIDERS), { look, entries } = sharedOf(member);
  if (!rows.length || !drawn.start) return null;
  const live = drawn.live && look, { kind, low, high } = rows[0].strip, isImage = kind === "image";
  const picture = isImage ? make("canvas", { role: "img", "aria-label": "The decoded picture" }) : make("div", { role: "img", "aria-label": "The decoded example" });
  const z = [...drawn.start];
  const show = tracks => put(picture, entries.length ? rowOf(entries, tracks[0], low, high) : drawingOf(kind, [null, tracks], low, high));
  const draw = (row, at) => {
    if (live) {
      const x = decoderOf(member, drawn.live)(z);
      if (isImage) paint(picture, look, x); else show(tracksOf(look.shape, x));
    } else if (isImage) frame(picture, row.strip, at);
    else show(row.strip.values[at]);
  };
  const closest = row => row.values.reduce((best, value, i) => (Math.abs(value - z[row.latent]) < Math.abs(row.values[best] - z[row.latent]) ? i : best), 0);
  const inputs = rows.map(row => {
    const low = row.values[0], high = row.values[row.values.length - 1];
    const output = make("output", {}, shown(live ? z[row.latent] : row.values[closest(row)], 2));
    const input = make("input", live
      ? { type: "range", min: low, max: high, step: (high - low) / 200, value: Math.max(low, Math.min(high, z[row.latent])) }
      : { type: "range", min: 0, max: row.values.length - 1, step: 1, value: closest(row) });
    input.setAttribute("aria-label", `latent ${row.latent + 1}`);
    input.addEventListener("input", () => {
      const value = live ? Number(input.value) : row.values[Number(input.value)];
      if (live) z[row.latent] = value; else inputs.forEach(other => other.input !== input && other.rest());
      output.textContent = shown(value, 2);
      draw(row, Number(input.value));
    });
    const rest = () => {
      input.value = live ? Math.max(low, Math.min(high, drawn.start[row.latent])) : closest(row);
      output.textContent = shown(live ? drawn.start[row.latent] : row.values[closest(row)], 2);
    };
    const rate = row.rate === null ? "" : `, ${shown(row.rate, 2)} nats`;
    return { input, rest, line: make("label", { class: "slider" }, make("span", {}, `latent ${row.latent + 1}${rate}`), input, output) };
  });
  const reset = make("button", { type: "button", onclick: () => { z.splice(0, z.length, ...drawn.start); inputs.forEach(one => one.rest()); draw(rows[0], closest(rows[0])); } }, "Back to the example");
  draw(rows[0], closest(rows[0]));
  const note = live
    ? `Decoded in this page from the weights in the file: within ${drawn.live.tolerance.toExponential(1)} of the library's output, in units of x. Latents are in the order of their rate and move between the ends of the prior; the others stay at the code of the first test example.`
    : "Frames that the library rendered, one latent at a time, all others at the code of the first test example; latents are in the order of their rate.";
  return part("Latent traversal", note, make("div", { class: "live" }, make("div", {}, picture, make("div", { class: "tools" }, reset)), make("div", {}, ...inputs.map(one => one.line))));
};

const ratesOf = member => {
  const { rates } = picturesOf(member);
  if (!rates || !rates.length) return null;
  const order = rates.map((rate, i) => [rate, i]).sort((x, y) => y[0] - x[0]), most = Math.max(order[0][0], 1e-9), shownRates = order.slice(0, 32);
  const bars = barsOn(`Rate of each latent: ${shownRates.map(([rate, i]) => `latent ${i + 1} ${shown(rate, 2)}`).join(", ")} nats`,
    shownRates.map(([rate, i]) => [String(i + 1), rate / most, shown(rate, 2)]));
  const rest = order.length > shownRates.length ? ` The ${order.length - shownRates.length} of the least rate are not drawn.` : "";
  return part("Rate of each latent, nats", `The mean over test examples, largest first; one near 0 tells nothing of x.${rest}`, bars);
};

const codesOf = member => {
  const { codes } = picturesOf(member), { labels } = sharedOf(member);
  if (!codes) return null;
  const container = make("div", { class: "chart codes", role: "img", "aria-label": `Codes of ${codes.points.length} test examples: ${codes.title}` });
  const rows = codes.points.map(([x, y], i) => ({ x, y, label: labels && String(labels[i]) }));
  requestAnimationFrame(() => container.isConnected && openChart(container, labels ? "codes" : "plain_codes", rows));
  return part("Where codes lie", `${codes.title[0].toUpperCase()}${codes.title.slice(1)}; ${codes.points.length} test examples${labels ? ", coloured by label, which training did not see" : ""}.`, container);
};

const findingsOf = member => (member.findings.length
  ? part("What the doctor says", null, ...member.findings.map(one => make("p", {}, make("b", {}, one.title), ` ${one.evidence}`))) : null);

const commandsOf = member => part("Make it again", null, ...[member.command, member.python].filter(Boolean).map(text => make("pre", {}, make("code", {}, text))));

const partsOf = member => {
  const drawn = picturesOf(member), shared = sharedOf(member), { examples, left_out: leftOut } = shared;
  const both = drawn.reconstructions && [examples?.kind === "image" ? strip(examples, "Examples of the test split") : null,
    strip(drawn.reconstructions, "Their reconstructions, in the same order", examples)];
  return [
    slidersOf(member),
    both && part("Reconstructions", examples?.kind === "image" ? "Above, examples of the test split; beneath, the decoded mean of each one's code." : `Test examples (dashed or outlined), and the decoded mean of each one's code.${columnsSaid(shared)}`, ...both.filter(Boolean)),
    part("Samples", `Decoded from draws of the prior.${columnsSaid(shared)}`, strip(drawn.samples, "Samples drawn from the prior")),
    part("Interpolation", "Between the codes of two test examples.", strip(drawn.interpolation, "From one example to another")),
    ratesOf(member), codesOf(member), findingsOf(member), commandsOf(member),
    leftOut ? make("p", { class: "caption" }, leftOut) : null,
  ];
};

const memberPick = (slot, member) => make("select", { "aria-label": slot === "a" ? "Member" : "Member beside it", "data-pick": slot, onchange: event => { choose(event.target.value === "" ? null : Number(event.target.value), slot); document.querySelector(`[data-pick=${slot}]`)?.focus(); } },
  slot === "b" ? make("option", { value: "" }, "Nobody beside it") : null,
  ...page.members.map(one => make("option", { value: one.id, selected: member && one.id === member.id }, `${one.number}: ${one.label}${page.chosen.includes(one.id) ? " (chosen)" : ""}${one.ok ? "" : ` (${one.status})`}`)));

const drawSlot = (slot, member) => make("article", { class: "slot", "data-slot": slot, "aria-label": `Member ${member.number}` },
  make("div", { class: "tools" }, memberPick(slot, member), slot === "a" && looked.b === null ? memberPick("b", null) : null),
  make("h3", {}, member.label, page.chosen.includes(member.id) ? make("span", { class: "mark" }, "chosen") : null),
  figuresOf(member, page.measures.map(one => one.key).filter(key => key !== "log_likelihood_se")),
  member.ok ? null : make("p", {}, member.status === "diverged" ? "It diverged: its numbers are not finite, and nothing was measured of it." : `It has no numbers: ${member.status}.`),
  make("div", { class: "parts" }, ...partsOf(member)));

const drawMembers = () => {
  const members = [looked.a, looked.b].filter(id => id !== null).map(id => page.members[id]);
  const focused = document.activeElement?.closest?.("[data-slot] input") ? null : document.activeElement?.dataset?.pick;
  slots.className = members.length > 1 ? "slots two" : "slots";
  put(slots, ...members.map((member, i) => drawSlot("ab"[i], member)));
  if (focused) document.querySelector(`[data-pick=${focused}]`)?.focus();
};

// Lines take more room than tiles.
const few = one => (one && one.kind !== "image" ? { ...one, values: one.values.slice(0, 8) } : one);

const drawCard = () => {
  const member = page.members[looked.a], card = document.getElementById("card"), drawn = picturesOf(member), { examples } = sharedOf(member);
  put(card, 
    make("h3", {}, `Member ${member.number}`, page.chosen.includes(member.id) ? " " : "", page.chosen.includes(member.id) ? make("span", { class: "mark" }, "chosen") : null),
    make("p", {}, member.label), figuresOf(member, headline),
    strip(few(drawn.samples), "Samples drawn from the prior"),
    drawn.samples ? make("p", { class: "caption" }, "Samples from the prior.") : null,
    drawn.reconstructions && examples?.kind === "image" ? make("div", {}, strip(examples, "Examples"), strip(drawn.reconstructions, "Reconstructions"), make("p", { class: "caption" }, "Test examples and their reconstructions.")) : null,
    make("p", {}, make("a", { href: "#member" }, "All of it")));
};

const startMembers = () => { watchers.push(drawCard, drawMembers); };
