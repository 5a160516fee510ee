// The views: which series each begins with. A series is { label, expression, profile, miner, counterparty, role }.

const BAND_DAYS = 20;
// The bands are two standard deviations of all 20 days away; sd() is that of a sample.
const BAND_WIDTH = (2 * Math.sqrt((BAND_DAYS - 1) / BAND_DAYS)).toPrecision(15);
const BAND = `ma(MPI, ${BAND_DAYS})`;
const SPREAD = `${BAND_WIDTH} * sd(MPI, ${BAND_DAYS})`;

const line = (label, expression, more = {}) => ({ label, expression, role: "line", ...more });
const price = line("Price of 1 BTC", "PriceUSD", { role: "price" });

export const VIEWS = {
  outflow: {
    title: "What miners sent, and to exchanges",
    note: "Addresses within one hop of a coinbase to all others, and to labelled exchanges.",
    series: () => [
      line("Miner outflow", "FlowMinerOut1HopAllNtv"),
      line("Flow to exchanges", "FlowMinerOut1HopAllExNtv"),
      price,
    ],
  },
  exchanges: {
    title: "What miners sent to each exchange",
    note: "The largest exchanges; the others together.",
    stack: "exchanges",
    series: () => [],
  },
  pools: {
    title: "Shares of the pools in the blocks",
    note: "The largest pools over all days; the others together.",
    stack: "pools",
    series: () => [],
  },
  mpi: {
    title: "Miners' Position Index",
    note: `Bollinger bands of ${BAND_DAYS} days and 2 standard deviations; a mark where the index leaves them upwards.`,
    series: () => [
      line("MPI", "MPI"),
      line("Upper band", `${BAND} + ${SPREAD}`, { role: "upper" }),
      line("Lower band", `${BAND} - ${SPREAD}`, { role: "lower" }),
      price,
    ],
  },
  pool: {
    title: "One pool",
    note: "What its wallet sent and received; choose the pool under Miner.",
    series: () => [line("Outflow", "MinerOutflowTotalNtv"), line("Inflow", "MinerInflowTotalNtv"), line("Reserve", "MinerReserveNtv")],
  },
  profiles: {
    title: "Profiles side by side",
    note: "entity: owners of clustered addresses as known on the day. coinmetrics: single addresses, exchanges as known today.",
    series: (profiles) => profiles.map((profile) => line(`Miner outflow, ${profile}`, "FlowMinerOut1HopAllNtv", { profile })),
  },
  own: {
    title: "Chosen metrics",
    note: "Add metrics and formulas below.",
    series: () => [],
  },
};
export const NAMES = {
  outflow: "Outflow", exchanges: "Exchanges", pools: "Pool share", mpi: "MPI", pool: "One pool", profiles: "Profiles", own: "Choose",
};

/** Every series of a view with whose it is filled in, those added last. */
export function seriesOf(state, profiles) {
  const whose = { profile: state.profile, miner: state.miner, counterparty: "" };
  const own = VIEWS[state.view].series(profiles).map((each) => ({ ...whose, ...each }));
  const averages = state.average
    ? own.filter((each) => each.role === "line").map((each) => ({
        ...each, role: "average", label: `${each.label}, ${state.average} day average`, expression: `ma(${each.expression}, ${state.average})`,
      }))
    : [];
  const added = state.add.map((each, place) => ({ ...each, role: "line", place, label: labelOf(each, state) }));
  return [...own, ...averages, ...added];
}

function labelOf({ expression, profile, miner, counterparty }, state) {
  const whose = [profile !== state.profile && profile, miner, counterparty].filter((name) => name && !/^all_/.test(name));
  return whose.length ? `${expression} (${whose.join(", ")})` : expression;
}
