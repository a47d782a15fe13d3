// What the banks have collected and paid on the business date, and what waits for somebody.

import { byId, make, put, replace } from "./dom.js";
import { count, date, word, yuan } from "./words.js";

const FIGURES = [
  "collections",
  "collected",
  "collections_reversed",
  "collected_reversed",
  "payouts",
  "paid",
  "payouts_reversed",
  "paid_reversed",
];

// A signed amount: the sign stands before the digits, and fen are integers throughout.
function signed(fen) {
  return fen < 0 ? `−${yuan(-fen)}` : yuan(fen);
}

function side(number, amount, backNumber, backAmount) {
  const lines = [
    make("b", {}, yuan(amount - backAmount)),
    make("small", {}, word("totals.number", { count: count(number - backNumber) })),
  ];
  if (backNumber)
    lines.push(
      make("small", {}, word("totals.reversed", { count: count(backNumber), amount: yuan(backAmount) })),
    );
  return lines;
}

function row(name, code, of) {
  const net = of.collected - of.collected_reversed - of.paid + of.paid_reversed;
  const cell = (head, ...content) => make("td", { class: "number", "data-head": head }, ...content);
  return make(
    "tr",
    { "data-totals": code },
    make("th", { scope: "row" }, name),
    cell(
      word("totals.collected"),
      ...side(of.collections, of.collected, of.collections_reversed, of.collected_reversed),
    ),
    cell(word("totals.paid"), ...side(of.payouts, of.paid, of.payouts_reversed, of.paid_reversed)),
    cell(word("totals.net"), make("b", {}, signed(net))),
  );
}

export function totals(snapshot) {
  const banks = snapshot.totals;
  put(byId("totals-date"), snapshot.totals_date ? date(snapshot.totals_date) : "");
  replace(byId("totals"), [banks, snapshot.totals_date], () => {
    if (!snapshot.totals_date) return [make("p", { class: "empty" }, word("totals.none"))];
    const sum = Object.fromEntries(
      FIGURES.map((name) => [name, banks.reduce((before, bank) => before + bank[name], 0)]),
    );
    const head = (text, isNumber) =>
      make("th", { scope: "col", ...(isNumber ? { class: "number" } : {}) }, text);
    return [
      make(
        "table",
        { class: "totals" },
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            head(word("totals.bank")),
            head(word("totals.collected"), true),
            head(word("totals.paid"), true),
            head(word("totals.net"), true),
          ),
        ),
        make("tbody", {}, ...banks.map((bank) => row(bank.name || bank.code, bank.code, bank))),
        make("tfoot", {}, row(word("totals.sum"), "", sum)),
      ),
    ];
  });
}

function openBreaks(breaks) {
  if (!breaks.is_wanted) return word("held.unwanted");
  if (breaks.fault) return word("host.unknown");
  if (breaks.told_at_us === null) return word("held.untold");
  return count(breaks.classes.reduce((sum, one) => sum + one.counts.reduce((a, b) => a + b, 0), 0));
}

export function held(snapshot) {
  const messages = snapshot.banks.reduce((sum, bank) => sum + bank.held, 0);
  const waits = snapshot.waits ? word(`waits.${snapshot.waits}`) : word("held.nothing");
  const rows = [
    ["messages", count(messages), messages > 0],
    ["locked", count(snapshot.locked_dues), snapshot.locked_dues > 0],
    ["dues", count(snapshot.held_dues), false],
    ["cutover", waits, Boolean(snapshot.waits)],
    ["breaks", openBreaks(snapshot.breaks), Boolean(snapshot.breaks.fault)],
  ];
  replace(byId("held"), rows, () =>
    rows.flatMap(([name, value, isWrong]) => [
      make("dt", {}, word(`held.${name}`)),
      make("dd", { "data-held": name, ...(isWrong ? { "data-severity": "yellow" } : {}) }, value),
    ]),
  );
}
