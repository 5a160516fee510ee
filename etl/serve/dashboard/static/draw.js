// Drawing a chart on a canvas with uPlot, in the colours of the page.

const DAY = 86_400;
const HEIGHT = 380;
const LABEL_FONT = "12px system-ui, sans-serif";
const PALETTE = 9;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
export const colourName = (place) => `c${(place % PALETTE) + 1}`;
export const dayText = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);
export const seconds = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });

export function numberText(value) {
  if (value === null || value === undefined) return "–";
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e15)) return value.toExponential(4);
  return value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) >= 1000 ? 2 : 8 });
}

/** Lines that lie on each other: each part's line is the sum up to it, painted from the highest down. */
function stacked(series) {
  let below = series[0] ? series[0].values.map(() => 0) : [];
  const sums = series.map((each) => {
    below = each.values.map((value, place) => (value === null && below[place] === null ? null : (value ?? 0) + (below[place] ?? 0)));
    return { ...each, drawn: below };
  });
  return sums.reverse();
}

// From so many seconds between ticks on: how a day is written, and what is added where the year changes.
const DAY_FORMS = [
  [365 * DAY, "{YYYY}", null],
  [28 * DAY, "{MMM}", "\n{YYYY}"],
  [DAY, "{D} {MMM}", "\n{YYYY}"],
  [3600, "{HH}:{mm}", "\n{D} {MMM} {YYYY}"],
].map(([apart, form, year]) => [apart, form, year, null, apart < DAY ? "\n{D} {MMM}" : null, null, null, null, 1]);
const PRICE = "price";
const isPrice = (each) => each.role === PRICE;
const scaleOf = (each) => (isPrice(each) ? PRICE : each.unit);

function axes(scales) {
  const ink = colour("ink");
  const grid = colour("grid");
  const common = { stroke: ink, font: LABEL_FONT, labelFont: LABEL_FONT, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  const sides = scales.slice(0, 2).map(([scale, unit], place) => ({
    ...common,
    scale,
    side: place === 0 ? 3 : 1,
    grid: { ...common.grid, show: place === 0 },
    label: scale === PRICE ? `price (${unit})` : unit || "value of the formula",
    labelSize: 20,
    size: 56,
    values: (_, splits) => splits.map((value) => (value === null ? "" : compact.format(value))),
  }));
  return [{ ...common, values: DAY_FORMS }, ...sides];
}

/** Draw series of { label, unit, values, role, colour, isShown } from a first day on; returns a handle. */
export function draw(box, { firstDay, series, stackCount, isLog, range, marks, onDay, onMove, onZoom }) {
  const start = seconds(firstDay);
  const count = Math.max(0, ...series.map((each) => each.values.length));
  const days = Array.from({ length: count }, (_, place) => start + place * DAY);
  const parts = stacked(series.slice(0, stackCount).filter((each) => each.isShown));
  const lines = series.slice(stackCount).map((each) => ({ ...each, drawn: each.values }));
  // Prices lie behind what is compared with them, on an axis of their own.
  const all = [...parts, ...lines.filter(isPrice), ...lines.filter((each) => !isPrice(each))];
  const scales = [...new Map([...all.filter((each) => !isPrice(each)), ...all].map((each) => [scaleOf(each), each.unit]))];
  const onlyAbove = (values) => (isLog ? values.map((value) => (value > 0 ? value : null)) : values);
  const plot = new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1000), "Etc/UTC"),
      legend: { show: false },
      cursor: { drag: { x: true, y: false }, points: { show: all.length < 20 } },
      scales: {
        x: { time: true, ...(range && { min: range[0], max: range[1] }) },
        ...Object.fromEntries(scales.map(([scale]) => [scale, { distr: isLog || scale === PRICE ? 3 : 1 }])),
      },
      axes: axes(scales),
      series: [{}, ...all.map((each, place) => ({
        label: each.label,
        scale: scaleOf(each),
        show: each.isShown,
        stroke: colour(each.colour),
        fill: place < parts.length ? colour(each.colour) : undefined,
        width: each.role === "average" ? 2 : 1.25,
        dash: each.role === "upper" || each.role === "lower" ? [4, 3] : undefined,
        points: { show: false },
      }))],
      hooks: {
        setCursor: [(u) => onMove(u.cursor.idx)],
        setScale: [(u, key) => key === "x" && u.status && onZoom([u.scales.x.min, u.scales.x.max])],
        draw: [(u) => drawMarks(u, marks, colour("alarm"))],
      },
    },
    [days, ...all.map((each) => onlyAbove(each.drawn))],
    box,
  );
  listenForDays(plot, onDay);
  return {
    plot,
    days,
    zoom: (from, to) => plot.setScale("x", { min: from, max: to }),
    resize: () => plot.setSize({ width: box.clientWidth, height: HEIGHT }),
    moveTo: (place) => {
      const left = plot.valToPos(days[place], "x");
      plot.setCursor({ left, top: plot.bbox.height / devicePixelRatio / 2 });
      onMove(place);
    },
    remove: () => plot.destroy(),
  };
}

function listenForDays(plot, onDay) {
  let pressedAt = null;
  plot.over.addEventListener("mousedown", (event) => (pressedAt = event.clientX));
  plot.over.addEventListener("click", (event) => {
    const isDrag = pressedAt !== null && Math.abs(event.clientX - pressedAt) > 4;
    if (!isDrag && plot.cursor.idx !== null) onDay(plot.cursor.idx);
  });
}

/** A triangle above each marked day. */
function drawMarks(plot, marks, fill) {
  const { ctx } = plot;
  ctx.save();
  ctx.fillStyle = fill;
  for (const { place, value, unit } of marks) {
    const x = plot.valToPos(plot.data[0][place], "x", true);
    const y = plot.valToPos(value, unit, true);
    const { left, top, width, height } = plot.bbox;
    if (x < left || x > left + width || y < top || y > top + height) continue;
    const size = 5 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, y - size / 2);
    ctx.lineTo(x - size, y - 2 * size);
    ctx.lineTo(x + size, y - 2 * size);
    ctx.fill();
  }
  ctx.restore();
}

/** The chart with its title and legend as a picture: a promise of a Blob. */
export function picture(handle, title, entries) {
  const source = handle.plot.ctx.canvas;
  const unit = devicePixelRatio;
  const line = 18 * unit;
  const canvas = document.createElement("canvas");
  canvas.width = source.width;
  canvas.height = source.height + line * (entries.length + 2);
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = colour("paper");
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.fillStyle = colour("ink");
  ctx.font = `600 ${14 * unit}px system-ui, sans-serif`;
  ctx.fillText(title, 10 * unit, line);
  ctx.drawImage(source, 0, line * 1.5);
  ctx.font = `${12 * unit}px system-ui, sans-serif`;
  entries.forEach(({ label, colour: name }, place) => {
    const y = source.height + line * (place + 2.2);
    ctx.fillStyle = colour(name);
    ctx.fillRect(10 * unit, y - 9 * unit, 14 * unit, 9 * unit);
    ctx.fillStyle = colour("ink");
    ctx.fillText(label, 30 * unit, y);
  });
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
