// What stands beside the chart: legend, table, catalogue, and the dialogs of a day and of texts to copy.

import { ask } from "./data.js";
import { dayText, numberText, seconds } from "./draw.js";
import { byId, copy, fillSelect, make } from "./elements.js";

const DAY = 86_400;
const FIRST_ROWS = 60;
const MOST_RESULTS = 40;
const SWATCH = "http://www.w3.org/2000/svg";

function swatch(colour) {
  const box = document.createElementNS(SWATCH, "svg");
  const filled = document.createElementNS(SWATCH, "rect");
  for (const [name, value] of Object.entries({ width: 16, height: 16, rx: 3 })) filled.setAttribute(name, value);
  filled.style.fill = `var(--${colour})`;
  box.setAttribute("viewBox", "0 0 16 16");
  box.setAttribute("aria-hidden", "true");
  box.append(filled);
  return box;
}

/** The series with a button to show or hide each, and one to take away those that were added. */
export function showLegend(series, { onToggle, onRemove }) {
  byId("legend").replaceChildren(...series.map((each, place) => {
    const toggle = make("button", {
      type: "button", textContent: each.label, attributes: { "aria-pressed": String(each.isShown) }, on: { click: () => onToggle(place) },
    });
    const removal = each.place === undefined ? [] : [make("button", {
      type: "button", textContent: "Remove", attributes: { "aria-label": `Remove ${each.label}` }, on: { click: () => onRemove(each.place) },
    })];
    return make("li", {}, swatch(each.colour), toggle, each.role === "part" ? "" : each.unit, ...removal);
  }));
}

/** Days of the range, newest first, as [day, place, values]. */
export function rowsOf(firstDay, series, [from, to]) {
  const start = seconds(firstDay);
  const count = Math.max(0, ...series.map((each) => each.values.length));
  const first = Math.max(0, Math.ceil((from - start) / DAY));
  const last = Math.min(count - 1, Math.floor((to - start) / DAY));
  const rows = [];
  for (let place = last; place >= first; place--) rows.push([dayText(start + place * DAY), place, series.map((each) => each.values[place] ?? null)]);
  return rows;
}

export function csvOf(series, rows) {
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = rows.map(([day, , values]) => [day, ...values.map((value) => value ?? "")].join(","));
  return `${["day", ...series.map((each) => quoted(each.label))].join(",")}\n${lines.reverse().join("\n")}\n`;
}

/** The numbers of the chart; each day opens its transactions. */
export function showTable(title, series, rows, marked, onDay, most = FIRST_ROWS) {
  const heading = make("tr", {}, make("th", { textContent: "Day", scope: "col" }),
    ...series.map((each) => make("th", { scope: "col", textContent: each.unit ? `${each.label} (${each.unit})` : each.label })));
  const body = rows.slice(0, most).map(([day, place, values]) => make("tr", {},
    make("th", { scope: "row" }, make("button", { type: "button", textContent: day, on: { click: () => onDay(place) } }), marked.has(place) ? " ▾" : ""),
    ...values.map((value) => make("td", { textContent: numberText(value) }))));
  const caption = `${title}: ${Math.min(most, rows.length)} of ${rows.length} days, newest first${marked.size ? "; ▾ marks an exit" : ""}`;
  const table = make("table", {}, make("caption", { textContent: caption }), make("thead", {}, heading), make("tbody", {}, ...body));
  const more = make("button", {
    type: "button", textContent: "Show all days", hidden: most >= rows.length,
    on: { click: () => showTable(title, series, rows, marked, onDay, rows.length) },
  });
  byId("rows").replaceChildren(table, more);
}

/** The metrics in which all words of a text occur, with buttons to draw each and to read its SQL. */
export function showCatalogue(catalogue, text, onAdd) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.length ? catalogue.metrics.filter((metric) => words.every((word) => metric.searched.includes(word))) : [];
  byId("found").textContent = words.length ? `${found.length} of ${catalogue.metrics.length} metrics${found.length > MOST_RESULTS ? `, the first ${MOST_RESULTS}` : ""}` : `${catalogue.metrics.length} metrics`;
  byId("results").replaceChildren(...found.slice(0, MOST_RESULTS).map((metric) => make("li", {},
    make("strong", { textContent: metric.id }),
    make("button", { type: "button", textContent: "Add", attributes: { "aria-label": `Add ${metric.id}` }, on: { click: () => onAdd(metric.id) } }),
    make("button", { type: "button", textContent: "SQL", attributes: { "aria-label": `SQL of ${metric.id}` }, on: { click: () => showDefinition(metric) } }),
    make("p", { textContent: `${metric.name}. ${metric.description}` }),
    make("p", { textContent: `Unit: ${metric.unit}. Vendor: ${metric.vendor}.` }))));
}

async function showDefinition(metric) {
  const told = await ask("/definition", { metric: metric.id }).catch((failure) => ({ sql: failure.message }));
  showTexts(`SQL of ${metric.id}`, [{ name: metric.name, code: told.sql }]);
}

/** A dialog of named texts, each with a button that copies it. */
export function showTexts(title, texts) {
  byId("text-title").textContent = title;
  byId("texts").replaceChildren(...texts.flatMap(({ name, code }) => {
    const shown = make("pre", { textContent: code, tabIndex: 0, attributes: { "aria-label": name, role: "region" } });
    const said = make("span", { attributes: { role: "status" } });
    const button = make("button", {
      type: "button", textContent: "Copy", attributes: { "aria-label": `Copy: ${name}` },
      on: { click: async () => (said.textContent = await copy(code, shown)) },
    });
    return [make("h3", { textContent: name }), shown, button, said];
  }));
  if (!byId("text-dialog").open) byId("text-dialog").showModal();
}

/** A dialog of the transactions behind a day, for those of the series that are sums over some. */
export function showDay(day, series) {
  const dialog = byId("day-dialog");
  byId("day-title").textContent = `Transactions of ${day}`;
  fillSelect(byId("day-metric"), series.map((each, place) => [place, each.label]), 0);
  byId("day-metric").onchange = () => fillDay(day, series[byId("day-metric").value]);
  if (!dialog.open) dialog.showModal();
  return fillDay(day, series[0]);
}

async function fillDay(day, series) {
  byId("day-rows").replaceChildren();
  if (!series) {
    byId("day-sum").textContent = "No series of this chart is a sum over transactions; add one from the catalogue.";
    return;
  }
  byId("day-sum").textContent = "Loading…";
  const { profile, miner, counterparty } = series;
  try {
    const told = await ask("/transactions", { metric: series.expression, day, profile, miner, counterparty });
    byId("day-sum").textContent = sumOf(told);
    byId("day-rows").replaceChildren(transactionsTable(told));
  } catch (failure) {
    byId("day-sum").textContent = failure.message;
    byId("day-rows").replaceChildren(make("button", { type: "button", textContent: "Try again", on: { click: () => fillDay(day, series) } }));
  }
}

function sumOf({ metric, count, total, unit, value, value_unit: valueUnit, adds_up: addsUp, others, transactions }) {
  const rest = count > transactions.length ? ` The ${count - transactions.length} not shown are ${numberText(Number(others))} ${unit} together.` : "";
  const sum = `${count} transactions, ${total === null ? "not priced" : `${numberText(Number(total))} ${unit}`} together.`;
  const all = addsUp ? `That is ${metric} of the day, ${numberText(Number(value))}.` : `${metric} of the day is ${value === null ? "not known" : `${numberText(Number(value))} (${valueUnit})`}, which is made from them.`;
  return `${sum} ${all}${rest}`;
}

function transactionsTable({ transactions, unit, day, metric }) {
  const heads = [["Transaction", "text"], [`Amount (${unit})`, ""], ["Block", ""], ["From, to, and why", "text"]];
  const rows = transactions.map(({ txid, height, amount, groups }) => make("tr", {},
    make("td", { className: "text" }, make("code", { textContent: txid })),
    make("td", { textContent: amount === null ? "–" : numberText(Number(amount)) }),
    make("td", { textContent: height }),
    make("td", { className: "text" }, ...groups.map((group) => make("div", { textContent: `${group.from} → ${group.to}: ${group.btc} BTC` })))));
  return make("table", {},
    make("caption", { textContent: `${metric}, ${day}: largest first` }),
    make("thead", {}, make("tr", {}, ...heads.map(([textContent, className]) => make("th", { textContent, className, scope: "col" })))),
    make("tbody", {}, ...rows));
}
