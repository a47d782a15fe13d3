// Elements of the page, made and changed. Text goes in as text, never as markup.

export const byId = (id) => document.getElementById(id);

export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Children are made anew only where what they show has changed, so that a reader's place and focus stay.
const shown = new Map();
export function replace(node, signature, children) {
  const said = JSON.stringify([document.documentElement.lang, signature]);
  if (shown.get(node) === said) return;
  shown.set(node, said);
  node.replaceChildren(...children());
}

export function tableOf(heads, rows) {
  const cell = (tag, [text, isNumber]) =>
    make(tag, { ...(isNumber ? { class: "number" } : {}), ...(tag === "th" ? { scope: "col" } : {}) }, text);
  return make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...heads.map((head) => cell("th", head)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((one) => cell("td", one))))),
  );
}
