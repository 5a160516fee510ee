// The dashboard: what the address says is drawn, and what is done changes the address.

import { callsFor } from "./calls.js";
import { ask, setKey } from "./data.js";
import { colourName, dayText, draw, numberText, picture, seconds } from "./draw.js";
import { byId, copy, download, fillSelect, make } from "./elements.js";
import { csvOf, rowsOf, showCatalogue, showDay, showLegend, showTable, showTexts } from "./panels.js";
import { MOST_SERIES, address, readState } from "./state.js";
import { NAMES, VIEWS, seriesOf } from "./views.js";

const IS_EMBEDDED = location.pathname === "/embed";
const EVERYBODY = "all_miner";
let catalogue, defaults, state, chart, series, place, hidden = new Set();

async function start() {
  try {
    catalogue = await ask("/catalogue");
  } catch (failure) {
    showProblem(failure, start);
    return;
  }
  hideProblem();
  catalogue.byId = new Map(catalogue.metrics.map((metric) => [metric.id, metric]));
  for (const metric of catalogue.metrics) metric.searched = [metric.id, metric.name, metric.description, metric.unit, metric.vendor].join(" ").toLowerCase();
  const profile = catalogue.profiles.includes("entity") ? "entity" : catalogue.profiles[0];
  defaults = { view: "outflow", profile, miner: EVERYBODY, from: "", to: "", average: "" };
  byId("standing").textContent = catalogue.last_day === null ? "No day is final yet." : `Block ${catalogue.height.toLocaleString("en")}; final days ${catalogue.first_day} to ${catalogue.last_day}`;
  byId("formula-help").textContent = `Metrics, numbers, + - * / and ( ), ${catalogue.functions.map((name) => `${name}()`).join(", ")}; ${catalogue.price} is the price. Up to ${MOST_SERIES} are added; Profile and Miner above say whose.`;
  listen();
  await show();
}

function listen() {
  document.body.classList.toggle("embed", IS_EMBEDDED);
  for (const name of ["profile", "miner", "from", "to", "average"]) byId(name).addEventListener("change", () => change({ [name]: byId(name).value }));
  byId("log").addEventListener("change", () => change({ log: byId("log").checked }));
  byId("whole").addEventListener("click", () => change({ from: "", to: "" }));
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("formula-form").addEventListener("submit", (event) => {
    event.preventDefault();
    add(byId("formula").value.trim());
  });
  byId("search").addEventListener("input", () => showCatalogue(catalogue, byId("search").value, add));
  byId("link").addEventListener("click", async () => say(await copy(location.href)));
  byId("csv").addEventListener("click", () => download(fileName("csv"), new Blob([csvOf(series, rowsOf(catalogue.first_day, series, range()))], { type: "text/csv" })));
  byId("png").addEventListener("click", async () => download(fileName("png"), await picture(chart, byId("title").textContent, series.filter((each) => each.isShown))));
  byId("embed").addEventListener("click", () => showTexts("Embed", [{ name: "For a page of yours", code: `<iframe src="${location.origin}${address(state, defaults, "/embed")}" width="100%" height="520" title="${VIEWS[state.view].title}"></iframe>` }]));
  byId("calls").addEventListener("click", showCalls);
  byId("table").addEventListener("toggle", fillTable);
  byId("chart").addEventListener("keydown", onKey);
  addEventListener("popstate", show);
  addEventListener("resize", () => chart?.resize());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

/** Change what is looked at, and so the address. */
function change(what) {
  Object.assign(state, what);
  history.pushState(null, "", address(state, defaults, location.pathname));
  return show();
}

async function show() {
  state = readState(defaults);
  if (!VIEWS[state.view]) state.view = defaults.view;
  fillControls();
  const view = VIEWS[state.view];
  byId("title").textContent = view.title;
  document.title = `${view.title} – minerflow`;
  byId("note").textContent = view.note;
  byId("drawing").setAttribute("aria-busy", "true");
  const shown = state;
  try {
    const wrong = [];
    const wanted = seriesOf(state, catalogue.profiles).map((each) => fetchSeries(each).catch((failure) => leaveOut(each, failure, wrong)));
    const [parts, lines] = await Promise.all([stack(view), Promise.all(wanted)]);
    if (shown !== state) return;
    hideProblem();
    byId("formula-problem").textContent = wrong.join(" ");
    series = [...parts, ...lines.filter(Boolean)].map((each, at) => ({ ...each, colour: each.role === "price" ? "price" : colourName(at) }));
    series.stackCount = parts.length;
    redraw();
  } catch (failure) {
    if (shown === state) showProblem(failure, show);
  }
  byId("drawing").setAttribute("aria-busy", "false");
}

/** What was added and means nothing is left out of the chart, which says so. */
function leaveOut(each, failure, wrong) {
  if (each.place === undefined || failure.status !== 400) throw failure;
  wrong.push(`${each.expression} is left out: ${failure.message}`);
  return null;
}

async function stack(view) {
  if (!view.stack) return [];
  const told = await ask("/stack", { of: view.stack, profile: state.profile, average: state.average });
  return told.names.map((label, at) => ({ label, unit: told.unit, values: told.values[at], role: "part", expression: "" }));
}

async function fetchSeries(each) {
  const { expression, profile, miner, counterparty } = each;
  const told = await ask("/series", { expression, profile, miner, counterparty });
  return { ...each, unit: told.unit || unitOf(each), values: told.values };
}

/** What is worked out from one metric alone by averages is in its unit. */
function unitOf({ role, expression }) {
  if (role === "line") return "";
  const name = expression.match(/[A-Z]\w+/)?.[0];
  return catalogue.byId.get(name)?.unit ?? "USD";
}

function fillControls() {
  fillSelect(byId("profile"), catalogue.profiles.map((name) => [name, name]), state.profile);
  const miners = Object.values(catalogue.miners[state.profile] ?? {});
  fillSelect(byId("miner"), miners.map((name) => [name, name === EVERYBODY ? "all" : name]), state.miner);
  const others = [...Object.values(catalogue.exchanges[state.profile] ?? {}), ...miners].filter((name) => !/^all_/.test(name));
  fillSelect(byId("counterparty"), [["", "all"], ...new Set(others)].map((name) => (Array.isArray(name) ? name : [name, name])), byId("counterparty").value || "");
  for (const name of ["from", "to", "average"]) byId(name).value = state[name];
  byId("log").checked = state.log;
  byId("views").replaceChildren(...Object.keys(VIEWS).map((name) => {
    const link = make("a", { href: address({ ...state, view: name, add: [] }, defaults), textContent: NAMES[name], on: { click: go } });
    if (name === state.view) link.setAttribute("aria-current", "page");
    return make("li", {}, link);
  }));
  showCatalogue(catalogue, byId("search").value, add);
}

function go(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const view = new URL(event.target.href).searchParams.get("view") ?? defaults.view;
  const name = NAMES[view];
  hidden = new Set();
  change({ view, add: [] });
  for (const link of byId("views").querySelectorAll("a")) if (link.textContent === name) link.focus();
}

/** From and to of what is looked at, in seconds. */
function range() {
  const first = state.from || catalogue.first_day;
  const last = state.to || catalogue.last_day;
  return [seconds(first), seconds(last)];
}

function redraw() {
  chart?.remove();
  byId("chart").replaceChildren();
  for (const each of series) each.isShown = !hidden.has(each.label);
  showLegend(series, { onToggle: toggle, onRemove: (at) => change({ add: state.add.filter((_, other) => other !== at) }) });
  byId("chart").setAttribute("aria-label", `Chart: ${byId("title").textContent}. ${series.map((each) => each.label).join(", ")}.`);
  place = null;
  byId("cursor").textContent = "";
  if (catalogue.last_day === null || series.length === 0) {
    byId("chart").textContent = "Nothing is chosen yet: add a metric or a formula below.";
    chart = undefined;
  } else {
    chart = draw(byId("chart"), {
      firstDay: catalogue.first_day, series, stackCount: series.stackCount, isLog: state.log, range: range(), marks: exits(),
      onDay: openDay, onMove: tell, onZoom: zoomed,
    });
  }
  fillTable();
}

function toggle(at) {
  const { label } = series[at];
  if (!hidden.delete(label)) hidden.add(label);
  redraw();
  byId("legend").querySelectorAll("button[aria-pressed]")[at]?.focus();
}

/** Days on which a line goes above its upper band, and was not above it the day before. */
function exits() {
  const upper = series.find((each) => each.role === "upper");
  const line = series.find((each) => each.role === "line");
  if (!upper || !line?.isShown) return [];
  const isAbove = (at) => line.values[at] != null && upper.values[at] != null && line.values[at] > upper.values[at];
  return line.values.flatMap((value, at) => (isAbove(at) && !isAbove(at - 1) ? [{ place: at, value, unit: line.unit }] : []));
}

function zoomed([from, to]) {
  const days = [dayText(Math.ceil(from / 86_400) * 86_400), dayText(to)];
  if (days[0] >= days[1]) return;
  const isAll = days[0] <= catalogue.first_day && days[1] >= catalogue.last_day;
  const wanted = isAll ? { from: "", to: "" } : { from: days[0], to: days[1] };
  if (wanted.from === state.from && wanted.to === state.to) return;
  Object.assign(state, wanted);
  history.replaceState(null, "", address(state, defaults, location.pathname));
  byId("from").value = state.from;
  byId("to").value = state.to;
  fillTable();
}

/** Say the values of the day under the cursor. */
function tell(at) {
  if (at === null || at === undefined || !chart) return;
  place = at;
  byId("cursor").textContent = [dayText(chart.days[at]), ...series.filter((each) => each.isShown).map((each) => `${each.label} ${numberText(each.values[at])}`)].join(" · ");
}

function onKey(event) {
  if (!chart) return;
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 };
  const [from, to] = range().map((moment) => Math.round((moment - chart.days[0]) / 86_400));
  const ends = { Home: from, End: to };
  if (event.key === "Enter" && place !== null) {
    event.preventDefault();
    openDay(place);
  } else if (event.key in steps || event.key in ends) {
    event.preventDefault();
    const next = event.key in ends ? ends[event.key] : (place ?? to) + steps[event.key];
    chart.moveTo(Math.min(Math.max(next, from, 0), to, chart.days.length - 1));
  }
}

function openDay(at) {
  if (IS_EMBEDDED) return;
  const drillable = series.filter((each) => catalogue.byId.get(each.expression)?.has_transactions);
  showDay(dayText(seconds(catalogue.first_day) + at * 86_400), drillable);
}

function fillTable() {
  if (!byId("table").open || !series) return;
  const marked = new Set(exits().map((mark) => mark.place));
  showTable(byId("title").textContent, series, rowsOf(catalogue.first_day, series, range()), marked, openDay);
}

/** Draw one more metric or formula, or say why not. */
async function add(expression) {
  const problem = byId("formula-problem");
  problem.textContent = "";
  const added = { expression, profile: state.profile, miner: state.miner === EVERYBODY ? "" : state.miner, counterparty: byId("counterparty").value };
  if (state.add.length >= MOST_SERIES) {
    problem.textContent = `${MOST_SERIES} are added already; remove one first.`;
    return;
  }
  if (!expression) {
    problem.textContent = "Write a metric or a formula first.";
    return;
  }
  try {
    await ask("/series", added);
  } catch (failure) {
    problem.textContent = failure.message;
    return;
  }
  await change({ add: [...state.add, added] });
  say(`${expression} is added.`);
}

function showCalls() {
  const [from, to] = range().map(dayText);
  const texts = series.filter((each) => each.expression).flatMap((each) => callsFor(each, { catalogue, from, to }).map(({ name, code }) => ({ name: `${each.label}: ${name}`, code })));
  const parts = series.stackCount ? [{ name: "The stacked parts: curl", code: `curl '${location.origin}/stack?of=${VIEWS[state.view].stack}&profile=${state.profile}'` }] : [];
  showTexts("Calls that fetch this chart", [...parts, ...texts]);
}

function fileName(kind) {
  return `minerflow-${state.view}-${range().map(dayText).join("-")}.${kind}`;
}

function say(text) {
  byId("done").textContent = text;
}

function showProblem(failure, again) {
  byId("problem").hidden = false;
  byId("problem-text").textContent = failure.message;
  byId("key-form").hidden = failure.status !== 401;
  const retry = () => {
    if (byId("key").value) setKey(byId("key").value);
    again();
  };
  byId("again").onclick = retry;
  byId("key-form").onsubmit = (event) => {
    event.preventDefault();
    retry();
  };
  if (!failure.status && failure.stack && !failure.message) throw failure;
}

function hideProblem() {
  byId("problem").hidden = true;
}

start();
