// Asking the server. Everything that fails is a Failure with a text for the reader.

export class Failure extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const KEY = "minerflow-key";
const held = new Map();

export function setKey(key) {
  sessionStorage.setItem(KEY, key);
}

export function query(params) {
  return Object.entries(params)
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
}

async function fetched(address) {
  const key = sessionStorage.getItem(KEY);
  let answer;
  try {
    answer = await fetch(address, key ? { headers: { Authorization: `Bearer ${key}` } } : {});
  } catch {
    throw new Failure("The server cannot be reached.", 0);
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Failure(told.error?.message ?? `The server answered ${answer.status}.`, answer.status);
  return told;
}

/** The answer to a question, asked once; one that failed is asked again the next time. */
export function ask(path, params = {}) {
  const address = `${path}?${query(params)}`;
  if (!held.has(address)) {
    const answer = fetched(address);
    answer.catch(() => held.delete(address));
    held.set(address, answer);
  }
  return held.get(address);
}
