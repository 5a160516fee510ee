// Small things for building the page. Text is always set as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** An element with properties, attributes and children. */
export function make(tag, { on = {}, attributes = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  element.append(...children);
  return element;
}

export function fillSelect(select, values, chosen) {
  select.replaceChildren(...values.map(([value, text]) => make("option", { value, textContent: text })));
  select.value = chosen;
}

export function download(name, blob) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Puts a text on the clipboard; where the browser does not let it, selects it for the reader to copy. */
export async function copy(text, element) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied.";
  } catch {
    if (!element) return text;
    getSelection().selectAllChildren(element);
    return "Selected: copy it with your keyboard.";
  }
}
