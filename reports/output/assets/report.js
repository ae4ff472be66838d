// The contents are open where there is room beside the text. A film shows its frames one after the other.
if (matchMedia("(min-width: 80rem)").matches) document.querySelector("#contents details").open = true;
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(part => { part.open = true; }));
document.querySelectorAll(".film").forEach(film => {
  const { steps, sites, series, words } = JSON.parse(film.querySelector("script").textContent);
  const width = 640, height = 150, gap = 14, column = (width - gap * (sites.length - 1)) / sites.length;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", words);
  const controls = document.createElement("div");
  controls.className = "controls";
  controls.innerHTML = '<button type="button">Play</button><input type="range" min="0" value="0">'
    + '<output></output>';
  const [button, slider, told] = controls.children;
  slider.max = steps.length - 1;
  slider.setAttribute("aria-label", "training step");
  film.append(svg, controls);
  const show = at => {
    slider.value = at;
    told.textContent = `step ${steps[at]}`;
    const parts = sites.map((site, i) => {
      const x = i * (column + gap), map = value => x + column * (value - site.low) / (site.high - site.low);
      const shapes = series.map(one => {
        const bins = one.frames[at][i];
        if (!bins) return "";
        const size = (bins.high - bins.low) / bins.density.length, top = Math.max(...bins.density);
        const points = bins.density.flatMap((value, k) => [k, k + 1].map(edge =>
          `${map(bins.low + edge * size).toFixed(1)},${(height - 22 - (height - 44) * value / top).toFixed(1)}`));
        return `<polyline points="${points.join(" ")}" fill="${one.colour}" fill-opacity=".22" stroke="${one.colour}"`
          + ` stroke-dasharray="${one.dash}" stroke-width="1.1"/>`;
      });
      return `<clipPath id="film${i}"><rect x="${x}" y="0" width="${column}" height="${height}"/></clipPath>`
        + `<g clip-path="url(#film${i})">${shapes.join("")}</g>`
        + `<path d="M${x},${height - 22}h${column}" stroke="#999"/>`
        + `<text x="${x + column / 2}" y="${height - 6}" text-anchor="middle" font-size="11">${site.name}</text>`;
    });
    svg.innerHTML = parts.join("");
  };
  let timer = 0;
  const stop = () => { clearInterval(timer); timer = 0; button.textContent = "Play"; };
  button.onclick = () => {
    if (timer) { stop(); return; }
    button.textContent = "Pause";
    timer = setInterval(() => show((+slider.value + 1) % steps.length), 500);
  };
  slider.oninput = () => { stop(); show(+slider.value); };
  show(0);
});
