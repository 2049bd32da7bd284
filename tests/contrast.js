// Every text of a page whose contrast with what is behind it is below 4.5 (WCAG 2.1, AA): how many were looked at, and which.
() => {
  const read = text => (text.match(/[\d.]+/g) || []).map(Number);
  const linear = v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => [r, g, b].map(v => linear(v / 255))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = read(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0.5) return found;
    }
    return read(getComputedStyle(document.body).backgroundColor);
  };
  const seen = element => element.getClientRects().length && getComputedStyle(element).visibility !== "hidden";
  const own = element => [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  const low = [];
  let num = 0;
  for (const element of document.querySelectorAll("body *")) {
    if (["SCRIPT", "STYLE", "OPTION"].includes(element.tagName) || !own(element) || !seen(element)) continue;
    const style = getComputedStyle(element), svg = element instanceof SVGElement;
    const [a, b] = [light(read(svg ? style.fill : style.color)), light(behind(svg ? element.ownerSVGElement.parentElement : element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    num += 1;
    if (ratio < 4.5) low.push([ratio.toFixed(2), element.textContent.slice(0, 40), element.className.baseVal ?? element.className]);
  }
  return [num, low];
}
