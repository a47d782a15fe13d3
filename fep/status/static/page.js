// The page: takes what the feed says and shows it. It asks for nothing else and changes nothing.

import { chart, sparkline } from "./charts.js";
import { show } from "./sections.js";
import { loadWords, speak, word } from "./words.js";

const STALE_MS = 5000;
const AGAIN_MS = 10000;
const RATES_MAX = 300;
const EVENTS_MAX = 100;

const state = {
  snapshot: null,
  alarms: [],
  bands: [],
  rates: {},
  events: new Map(),
  feed: "wait",
  sparks: {},
  chart: null,
};
// In milliseconds of the page's own clock, which nobody sets.
let heardAt = 0;
let askedAt = 0;
let source = null;
let version = "";
let language = "";

function remembered(key) {
  try {
    return localStorage.getItem(key) || "";
  } catch (refused) {
    return ""; // a browser that keeps nothing
  }
}

function remember(key, value) {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch (refused) {
    return; // as above: the choice holds until the page is closed
  }
}

// What happens again replaces what it was before: same kind, bank, detail and beginning.
function take(events) {
  for (const event of events) {
    const key = [event.kind, event.bank, event.detail, event.since_us].join("|");
    state.events.delete(key);
    state.events.set(key, event);
  }
  while (state.events.size > EVENTS_MAX) state.events.delete(state.events.keys().next().value);
}

function hello(message) {
  // Another version serves by now, and these are the files of the one before.
  if (version && version !== message.version) location.reload();
  version = message.version;
  state.bands = message.bands;
  state.rates = message.rates;
  state.events.clear();
  take(message.events);
  seen(message);
}

function news(message) {
  // A bank that is no longer in the settings goes, and its rates with it.
  state.rates = Object.fromEntries(
    message.snapshot.banks.map((bank) => [
      bank.code,
      [...(state.rates[bank.code] || []), bank.rate].slice(-RATES_MAX),
    ]),
  );
  take(message.events);
  seen(message);
}

function seen(message) {
  state.snapshot = message.snapshot;
  state.alarms = message.alarms;
  state.feed = "live";
  heardAt = performance.now();
  show(state);
}

function listen() {
  source?.close();
  askedAt = performance.now();
  source = new EventSource("/feed");
  source.addEventListener("hello", (event) => hello(JSON.parse(event.data)));
  source.addEventListener("news", (event) => news(JSON.parse(event.data)));
}

// A feed that ended the browser asks for again by itself; one that was refused, or from which nothing comes
// though nobody closed it (a machine that lost its power, a cable), it does not.
function watch() {
  const now = performance.now();
  if (now - heardAt <= STALE_MS) return;
  if (state.feed !== "lost") {
    state.feed = "lost";
    show(state);
  }
  if (now - askedAt > AGAIN_MS) listen();
}

function pressed(buttons, isChosen) {
  for (const button of buttons) button.setAttribute("aria-pressed", String(isChosen(button)));
}

function useLanguage(chosen) {
  language = speak(chosen);
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of document.querySelectorAll("[data-label]"))
    node.setAttribute("aria-label", word(node.dataset.label));
  pressed(document.querySelectorAll("[data-language]"), (button) => button.dataset.language === language);
  state.chart?.redraw();
  show(state);
}

function useTheme(chosen) {
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
  pressed(
    document.querySelectorAll("[data-theme-choice]"),
    (button) => button.dataset.themeChoice === chosen,
  );
  repaint();
}

function repaint() {
  state.chart?.redraw();
  for (const spark of Object.values(state.sparks)) spark.redraw();
}

function wire() {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      remember("qianzhi-language", button.dataset.language);
      useLanguage(button.dataset.language);
    });
  }
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.addEventListener("click", () => {
      remember("qianzhi-theme", button.dataset.themeChoice);
      useTheme(button.dataset.themeChoice);
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
}

await loadWords();
const label = (seconds) => (seconds ? word("chart.minutes", { n: -seconds / 60 }) : word("chart.now"));
state.chart = chart(document.getElementById("chart"), label);
state.newSpark = sparkline;
wire();
useTheme(document.documentElement.dataset.theme || "");
useLanguage(remembered("qianzhi-language"));
heardAt = performance.now();
setInterval(watch, 1000);
listen();
