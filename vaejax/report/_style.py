"""How the page looks, and the few lines that sort its table."""

from __future__ import annotations

from functools import cache

from vaejax.report.figures._look import DAY, NIGHT, shades


@cache
def palette(num: int) -> str:
    """CSS of the sequential colours `--c0`, ...: viridis, its dark part by day and its light part by night."""
    return (
        f":root{{{_shades(num, *DAY)}}}@media screen and (prefers-color-scheme:dark){{:root{{{_shades(num, *NIGHT)}}}}}"
    )


def _shades(num: int, low: float, high: float) -> str:
    return "".join(f"--c{i}:{shade};" for i, shade in enumerate(shades(num, low, high)))


CSS = """
:root{color-scheme:light dark;--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--mono:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
--ground:#fcfcfa;--panel:#f4f4f0;--ink:#1b1f24;--muted:#5a626c;--faint:#e0e1dc;--accent:#0b6b5f;--tint:#e3f1ee;
  --alert:#8a4b00;--alert-tint:#fdf1dd}
@media screen and (prefers-color-scheme:dark){:root{--ground:#14171a;--panel:#1c2024;--ink:#e9ebec;--muted:#a3abb3;
  --faint:#30363b;
--accent:#6fd6c4;--tint:#15332f;--alert:#f2bd6b;--alert-tint:#33270f}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.6 var(--sans)}
main{max-width:1096px;margin:0 auto;padding:0 24px 96px}
a{color:var(--accent)}
h1{font-size:clamp(2rem,5.4vw,3.5rem);line-height:1.1;letter-spacing:-.025em;font-weight:650;margin:.3em 0 .45em;
  max-width:18em;text-wrap:balance;overflow-wrap:anywhere}
.pick{color:var(--accent);font-weight:inherit}
h2{font-size:1.4rem;letter-spacing:-.012em;line-height:1.25;margin:0 0 .4em;font-weight:650}
section{margin-top:72px}
section>p,.lead{max-width:44em}
p{margin:.4em 0 1em;overflow-wrap:anywhere}
.hero{padding-top:56px}
.eyebrow{color:var(--muted);font-size:.875rem;margin:0 0 20px}
.badge{display:inline-block;margin:0;padding:3px 12px;border-radius:99px;font-size:.8125rem;font-weight:600;
  background:var(--tint);color:var(--accent)}
.badge::before{content:"✓ "}
.open .badge{background:var(--alert-tint);color:var(--alert)}
.open .badge::before{content:"… "}
.lead{font-size:1.1875rem;line-height:1.55;color:var(--ink)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(205px,1fr));gap:24px 32px;margin:32px 0 20px;
  padding:24px 0;border:solid var(--faint);border-width:1px 0}
dd{margin:0}
.facts dt{font-size:.8125rem;color:var(--muted)}
.facts .value{font-size:1.25rem;font-weight:600;font-variant-numeric:tabular-nums;letter-spacing:-.01em}
.facts .note{font-size:.8125rem;line-height:1.45;font-weight:400;color:var(--muted);letter-spacing:0;margin-top:2px}
.rest,.caption,.key{color:var(--muted);font-size:.9375rem}
nav{display:flex;flex-wrap:wrap;gap:4px 20px;margin-top:28px;font-size:.9375rem}
.warning{background:var(--alert-tint);border-left:4px solid var(--alert);border-radius:4px;padding:16px 22px;
  margin-top:32px;max-width:820px}
.warning h2{font-size:1.0625rem;color:var(--alert);margin:0 0 .3em}
.warning ul{margin:0;padding-left:1.15em}
.warning p{margin:0}
.warning p+ul{margin:.3em 0}
section .warning{margin:12px 0 20px}
.good b{color:var(--accent)}
figure{margin:16px 0 0}
figcaption{color:var(--muted);font-size:.9375rem;line-height:1.55;max-width:44em;margin-top:8px}
figcaption p{margin:0 0 .8em}
.picture{display:block;width:100%;max-width:820px;height:auto;overflow:visible;font-family:var(--sans)}
.picture *{stroke-linejoin:round}
.narrow{display:none}
.dot{stroke:var(--ground);stroke-width:1.2;fill-opacity:.9;cursor:pointer}
.dot:hover,a:focus .dot{stroke:var(--ink);stroke-width:2;fill-opacity:1}
.ring{fill:none;stroke:var(--ink);stroke-width:2;pointer-events:none}
.thread{fill:none;stroke-width:1.4;opacity:.45;pointer-events:none}
.curve{fill:none;stroke-width:1.2;opacity:.6}
.curve.chosen{stroke-width:2.6;opacity:1}
.curve:hover{stroke-width:3;opacity:1}
.label{font-size:11px;fill:var(--muted);stroke:var(--ground);stroke-width:3px;paint-order:stroke;
  pointer-events:none}
.label.chosen{font-size:13px;font-weight:700;fill:var(--ink)}
.key{display:flex;flex-wrap:wrap;align-items:center;gap:4px 16px;margin:14px 0 4px}
.key span{display:inline-flex;align-items:center;gap:6px}
.key b{font-weight:600;color:var(--ink)}
.key i{display:inline-block;border-radius:50%;width:12px;height:12px;background:var(--muted)}
.key .stroke{width:22px;height:4px;border-radius:2px;background:var(--ink)}
.key .hollow{background:none;border:2px solid var(--ink);width:16px;height:16px}
.scroll{overflow:auto;max-height:min(78vh,760px);border:1px solid var(--faint);border-radius:8px;margin-top:16px}
table{border-collapse:separate;border-spacing:0;width:100%;font-size:.79rem;line-height:1.35;
  font-variant-numeric:tabular-nums}
th,td{padding:6px 9px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--faint)}
tbody tr:last-child>*{border-bottom:0}
thead th{position:sticky;top:0;z-index:2;background:var(--panel);font-weight:600;vertical-align:bottom}
thead small{display:block;font-size:.75rem;font-weight:400;color:var(--muted)}
th[scope=row],thead th:first-child{text-align:left;font-weight:400;color:var(--muted)}
.left{text-align:left}
thead button{all:unset;cursor:pointer}
thead button:focus-visible{outline:2px solid var(--accent);outline-offset:3px}
[aria-sort=ascending] button::after{content:" ↑"}
[aria-sort=descending] button::after{content:" ↓"}
tbody tr:hover>*{background:var(--panel)}
tr.chosen>*{background:var(--tint);font-weight:600;color:var(--ink)}
tr.diverged>*{color:var(--muted)}
tr:target>*{box-shadow:inset 0 2px var(--accent),inset 0 -2px var(--accent)}
tbody tr{scroll-margin-top:72px}
.mark{display:inline-block;margin-left:6px;padding:0 8px;border-radius:99px;font-size:.75rem;font-weight:600;
  background:var(--accent);color:var(--ground)}
.diverged .mark{background:var(--alert-tint);color:var(--alert)}
.tiles{display:grid;gap:4px;margin-top:16px;max-width:840px}
.tiles.small{grid-template-columns:repeat(16,1fr)}
.tiles.large{grid-template-columns:repeat(8,1fr)}
.tiles.lines{grid-template-columns:repeat(4,1fr);gap:12px}
.pair{display:grid;gap:2px}
img{display:block;width:100%;height:auto;border-radius:2px;image-rendering:pixelated}
.large img{image-rendering:auto}
.traversal{display:grid;grid-template-columns:minmax(9em,auto) 1fr;gap:6px 20px;align-items:center;max-width:900px;
  margin-top:16px}
.traversal p{margin:0;font-size:.875rem}
.strip{display:grid;grid-auto-flow:column;grid-auto-columns:minmax(0,1fr);gap:2px}
.line{display:block;width:100%;height:64px;background:var(--panel);border-radius:4px}
.line *{fill:none;stroke:var(--accent);stroke-width:1.6;vector-effect:non-scaling-stroke}
.line .before{stroke:var(--muted);stroke-dasharray:3 2}
.line .dots{stroke-width:5;stroke-linecap:round;stroke-dasharray:none}
.glossary{display:grid;grid-template-columns:repeat(auto-fit,minmax(290px,1fr));gap:22px 40px}
dt{font-weight:600}
.facts dt{font-weight:400}
.glossary code{display:block;font:400 .8125rem/1.6 var(--mono);color:var(--muted)}
.glossary dd{font-size:.9375rem}
.made{display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:16px 32px}
.made dt{font-size:.8125rem;font-weight:400;color:var(--muted)}
.made dd{overflow-wrap:anywhere}
@media (min-width:980px){figure{display:grid;grid-template-columns:minmax(0,1fr) 248px;gap:36px}
  figcaption{margin-top:12px}}
@media (max-width:620px){.tiles.small{grid-template-columns:repeat(8,1fr)}.tiles{gap:2px}
  .tiles.lines{grid-template-columns:1fr 1fr;gap:8px}.tiles.large:has(.pair){grid-template-columns:repeat(4,1fr)}
  .facts .value{font-size:1.0625rem}main{padding:0 16px 64px}.hero{padding-top:32px}section{margin-top:56px}
  .wide{display:none}.narrow{display:block}
.facts{grid-template-columns:1fr 1fr;gap:20px}.lead{font-size:1.0625rem}.traversal{grid-template-columns:1fr;
  gap:2px}.traversal p{margin-top:8px}
th,td{padding:6px 8px}}
@media print{body{font-size:11pt}main{max-width:none;padding:0}nav{display:none}.scroll{max-height:none;
  overflow:visible;border:0}
table{font-size:6.8pt}th,td{padding:2px 4px}thead th{position:static}
  figure,.tiles,.traversal,.facts{break-inside:avoid}section{margin-top:28px}
h2,.key{break-after:avoid}:root{--ground:#fff}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}.wide{display:block}
  .narrow{display:none}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
"""

SCRIPT = """
(() => {
  const table = document.getElementById("members"), body = table && table.tBodies[0];
  if (!body) return;
  const read = (row, k) => {
    const text = row.cells[k].textContent.replace(/[\\u2212]/g, "-").replace(/,/g, ""), value = parseFloat(text);
    return text === "\\u2013" ? null : Number.isNaN(value) ? text : value;
  };
  const order = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
  [...table.tHead.rows[0].cells].forEach((head, k) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      [...head.parentNode.cells].forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      const rows = [...body.rows].map(row => [read(row, k), row]);
      rows.sort(([a], [b]) => a === null || b === null ? (a === null) - (b === null) : sign * order(a, b));
      body.append(...rows.map(pair => pair[1]));
    });
  });
})();
"""
