// The calls that fetch what a chart shows, for other programs.

import { query } from "./data.js";

const CRYPTO_QUANT = /^CryptoQuant (btc\/\S+) (\w+)$/;
const PYTHON_NAMES = {
  "btc/miner-flows/inflow": "get_btc_miner_inflow",
  "btc/miner-flows/outflow": "get_btc_miner_outflow",
  "btc/miner-flows/netflow": "get_btc_miner_netflow",
  "btc/miner-flows/reserve": "get_btc_miner_reserve",
  "btc/flow-indicator/mpi": "get_btc_idx_mpi",
  "btc/network-indicator/puell-multiple": "get_btc_ntw_puell",
};
const text = (value) => JSON.stringify(value);

/** [{ name, code }] for one series between two days. */
export function callsFor(series, { catalogue, from, to }) {
  const metric = catalogue.byId.get(series.expression);
  const isPair = series.counterparty !== "" && metric?.keys.includes("counterparty");
  const isEverybody = !isPair && (!metric?.keys.includes("miner") || /^(all_miner)?$/.test(series.miner));
  const found = metric && isEverybody ? coinMetrics(series, from, to) : worked(series, from, to);
  const endpoint = metric && !isPair && CRYPTO_QUANT.exec(metric.vendor);
  if (endpoint && PYTHON_NAMES[endpoint[1]]) found.push(cryptoQuant(endpoint, series, metric, catalogue, from, to));
  if (metric) found.push(fromPython(series, isPair, from, to));
  return found;
}

function coinMetrics({ expression, profile }, from, to) {
  const asked = { assets: "btc", metrics: expression, profile, start_time: from, end_time: to, page_size: 10_000 };
  const address = `${location.origin}/v4/timeseries/asset-metrics?${query(asked)}`;
  const python = [
    "from coinmetrics.api_client import CoinMetricsClient",
    "",
    `client = CoinMetricsClient(host=${text(`${location.host}/${profile}`)}, schema=${text(location.protocol.slice(0, -1))}, port=None)`,
    "frame = client.get_asset_metrics(",
    `    assets="btc", metrics=${text(expression)}, start_time=${text(from)}, end_time=${text(to)}`,
    ").to_dataframe()",
    "print(frame)",
  ];
  return [
    { name: "curl", code: `curl '${address}'` },
    { name: "Python, Coin Metrics' client", code: python.join("\n") },
    { name: "Spreadsheet", code: `=IMPORTDATA("${address}&format=csv")` },
  ];
}

function worked({ expression, profile, miner, counterparty }, from, to) {
  const asked = { expression, profile, miner, counterparty, start: from, end: to };
  const address = `${location.origin}/series?${query(asked)}`;
  return [
    { name: "curl", code: `curl '${address}'` },
    { name: "Spreadsheet", code: `=IMPORTDATA("${address}&format=csv")` },
  ];
}

function cryptoQuant([, path], { profile, miner }, metric, catalogue, from, to) {
  const symbols = catalogue.miners[profile];
  const symbol = Object.keys(symbols).find((each) => symbols[each] === (miner || "all_miner"));
  const asked = [
    metric.keys.includes("miner") && path.includes("miner-flows") && `miner=${text(symbol)}`,
    'window="day"', `from_=${text(from.replaceAll("-", ""))}`, `to_=${text(to.replaceAll("-", ""))}`, "limit=100_000",
  ];
  const code = [
    "from cryptoquant import CryptoQuant",
    "from requests.adapters import HTTPAdapter",
    "",
    "class Here(HTTPAdapter):",
    "    def send(self, request, **more):",
    `        request.url = request.url.replace("https://api.cryptoquant.com", ${text(`${location.origin}/${profile}`)})`,
    "        return super().send(request, **more)",
    "",
    'client = CryptoQuant("any key")',
    'client.session.mount("https://api.cryptoquant.com", Here())',
    `print(client.${PYTHON_NAMES[path]}(${asked.filter(Boolean).join(", ")}))`,
  ];
  return { name: "Python, CryptoQuant's API", code: code.join("\n") };
}

function fromPython({ expression, profile, miner, counterparty }, isPair, from, to) {
  const more = [`start=${text(from)}`, `end=${text(to)}`, `profile=${text(profile)}`];
  if (miner && miner !== "all_miner") more.push(`miner=${text(miner)}`);
  if (isPair) more.push(`counterparty=${text(counterparty)}`);
  const code = ["import minerflow", "", `print(minerflow.read(${text(expression)}, ${more.join(", ")}).to_pandas())`];
  return { name: "Python, from the file", code: code.join("\n") };
}
