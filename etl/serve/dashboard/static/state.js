// What is looked at, as the address of the page says it: the same address shows the same view.

const ADDED = "~";
const PLAIN = ["view", "profile", "miner", "from", "to", "average"];
export const MOST_SERIES = 6;

/** { view, profile, miner, from, to, average, log, add: [{ expression, profile, miner, counterparty }] } */
export function readState(defaults) {
  const given = new URLSearchParams(location.search);
  const state = { ...defaults, log: given.get("log") === "1", add: [] };
  for (const name of PLAIN) if (given.get(name)) state[name] = given.get(name);
  for (const text of given.getAll("add").slice(0, MOST_SERIES)) {
    const [expression, profile, miner, counterparty] = text.split(ADDED);
    state.add.push({ expression, profile: profile || state.profile, miner: miner ?? "", counterparty: counterparty ?? "" });
  }
  return state;
}

export function address(state, defaults, path = "/") {
  const told = new URLSearchParams();
  for (const name of PLAIN) if (state[name] && state[name] !== defaults[name]) told.set(name, state[name]);
  if (state.log) told.set("log", "1");
  for (const each of state.add) told.append("add", [each.expression, each.profile, each.miner, each.counterparty].join(ADDED));
  const text = told.toString();
  return text ? `${path}?${text}` : path;
}
