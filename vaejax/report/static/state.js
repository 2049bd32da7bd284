// What is looked at, and who wants to know. `a` is the member chosen, `b` the one beside it, null for nobody.
const page = JSON.parse(document.getElementById("data").textContent);
const looked = { a: null, b: null };
const watchers = [];
const root = document.documentElement;

const make = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
};
const put = (element, ...children) => element.replaceChildren(...children.filter(child => child !== null && child !== undefined));
const svg = (tag, attributes, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

const shown = (value, decimals, sign = false) => {
  if (value === null || value === undefined) return "\u2013";
  const text = decimals === null ? String(Number(value.toPrecision(4)))
    : value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  const zero = Number(text.replace(/,/g, "")) === 0;
  return (sign && value > 0 && !zero ? "+" : "") + (zero ? text.replace("-", "") : text).replace("-", "\u2212");
};
const measureOf = key => page.measures.find(one => one.key === key);
const held = () => ["log_likelihood", "elbo", "latest"].map(measureOf).find(Boolean);
const bestOf = members => members.reduce((best, one) => {
  const key = held()?.key, value = member => (member.ok ? member.values[key] ?? -Number.MAX_VALUE : -Infinity);
  return value(one) > value(best) ? one : best;
});
const told = member => {
  const one = held(), value = one && member.values[one.key];
  const number = value === null || value === undefined ? "" : `, ${one.title} ${shown(value, one.decimals)} ${one.unit}`;
  return `member ${member.number}: ${member.label}${number}${member.ok ? "" : `, ${member.status}`}`;
};

const say = text => { document.getElementById("said").textContent = text; };

const choose = (id, slot = "a") => {
  if (slot === "b" && id === looked.a) id = null;
  if (slot === "a" && id === looked.b) looked.b = looked.a;
  looked[slot] = id;
  watchers.forEach(watch => watch());
  const names = Object.entries(looked).filter(([, one]) => one !== null).map(([key, one]) => `${key}=${one + 1}`);
  try { history.replaceState(null, "", `#${names.join("&")}`); } catch { /* an address that cannot be changed */ }
  if (id !== null) say(told(page.members[id]));
};

const begin = () => {
  const asked = new URLSearchParams(location.hash.slice(1));
  const place = key => {
    const at = Number(asked.get(key)) - 1;
    return Number.isInteger(at) && at >= 0 && at < page.members.length ? at : null;
  };
  const first = page.chosen.length ? page.chosen[0] : bestOf(page.members).id;
  looked.a = place("a") ?? first;
  looked.b = place("b") === looked.a ? null : place("b");
  if (page.chosen.length > 1 && looked.b === null && !asked.get("a")) looked.b = page.chosen[1];
  watchers.forEach(watch => watch());
};

document.addEventListener("click", event => {
  const button = event.target.closest("[data-choose]");
  if (button) choose(Number(button.dataset.choose), event.shiftKey ? "b" : "a");
});

// Colours: as the system has them, light, dark.
const theme = document.getElementById("theme");
const themes = { "": "as the system has them", light: "light", dark: "dark" };
theme.addEventListener("click", () => {
  const names = Object.keys(themes), next = names[(names.indexOf(root.dataset.theme || "") + 1) % names.length];
  if (next) root.dataset.theme = next; else delete root.dataset.theme;
  theme.setAttribute("aria-label", `Colours: ${themes[next]}`);
  say(`Colours: ${themes[next]}`);
});

const tip = document.getElementById("tip");
const showTip = (text, x, y) => {
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${Math.max(4, y + 18 + height > innerHeight ? y - height - 10 : y + 18)}px`;
};
