"use strict";
// Draws the charts, and keeps the menu open where there is room.  Every page works without this file.

const WIDE = matchMedia("(min-width: 900px)");
const DARK = matchMedia("(prefers-color-scheme: dark)");

function openMenus() {
  for (const fold of document.querySelectorAll("[data-open-wide]")) fold.open = WIDE.matches;
}

function writer(kind) {
  if (kind === "share") return (v) => (v == null ? "–" : (100 * v).toFixed(1) + " %");
  const digits = kind === "money" ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : { maximumFractionDigits: 3 };
  return (v) => (v == null ? "–" : v.toLocaleString("en", digits));
}

function brief(kind) {
  if (kind === "share") return (v) => Math.round(1000 * v) / 10 + " %";
  return (v) => v.toLocaleString("en", { notation: "compact", maximumFractionDigits: 2 });
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  return {
    lines: [1, 2, 3, 4, 5].map((i) => style.getPropertyValue("--line-" + i).trim()),
    text: style.getPropertyValue("--text").trim(),
    grid: style.getPropertyValue("--rule").trim(),
  };
}

function draw(place) {
  const chart = JSON.parse(place.dataset.chart);
  const { lines, text, grid } = colours();
  const write = writer(chart.kind);
  const isTime = typeof chart.x[0] === "number";
  const data = [isTime ? chart.x.map((ms) => ms / 1000) : chart.x.map((_, i) => i)];
  const series = [{ label: chart.x_title, value: (_, v) => label(chart, isTime, v) }];
  const bands = [];
  chart.lines.forEach((line, i) => {
    const colour = lines[i % lines.length];
    const bars = chart.shape === "bar" ? { paths: uPlot.paths.bars({ size: [0.7, 60] }), fill: colour } : {};
    data.push(line.values);
    series.push({ label: line.title, stroke: colour, width: 2, value: (_, v) => write(v), points: { show: chart.x.length < 40 }, ...bars });
    if (line.low.length) {
      for (const end of [line.high, line.low]) {
        data.push(end);
        series.push({ label: line.title + (end === line.low ? ", from" : ", to"), stroke: colour, width: 0.5, dash: [3, 3], points: { show: false }, value: (_, v) => write(v) });
      }
      bands.push({ series: [data.length - 2, data.length - 1], fill: colour + "22" });
    }
  });
  const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: "12px system-ui, sans-serif" };
  const names = isTime ? {} : { splits: () => chart.x.map((_, i) => i), values: (_, at) => at.map((i) => short(chart.x[i])), rotate: chart.x.length > 6 ? -40 : 0, size: chart.x.length > 6 ? 90 : 40 };
  const options = {
    width: place.clientWidth, height: 260, bands, series,
    scales: { x: { time: isTime, range: isTime ? undefined : () => [-0.6, chart.x.length - 0.4] }, y: { range: (_, low, high) => bounds(low, high) } },
    axes: [{ ...axis, ...names }, { ...axis, size: 70, values: (_, at) => at.map(brief(chart.kind)) }],
  };
  place.replaceChildren();
  place.plot = new uPlot(options, data, place);
}

function label(chart, isTime, v) {
  if (v == null) return "–";
  return isTime ? new Date(v * 1000).toISOString().slice(0, 10) : chart.x[Math.round(v)] || "";
}

function short(name) {
  return name && name.length > 14 ? name.slice(0, 13) + "…" : name || "";
}

function bounds(low, high) {
  if (low == null) return [0, 1];
  const top = high + 0.05 * Math.abs(high || 1);
  return [low < 0 ? low * 1.05 : 0, top];
}

function drawAll(root) {
  if (typeof uPlot === "undefined") return;
  for (const place of root.querySelectorAll("[data-chart]")) draw(place);
}

function redraw() {
  drawAll(document);
}

document.addEventListener("DOMContentLoaded", () => {
  openMenus();
  redraw();
});
document.addEventListener("htmx:afterSwap", (event) => drawAll(event.target.parentElement || document));
WIDE.addEventListener("change", () => { openMenus(); redraw(); });
DARK.addEventListener("change", redraw);
let waiting;
addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(redraw, 150); });
