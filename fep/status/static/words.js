// The words of the page, from the one table in words.json, and how figures are said in each language.

const TAGS = { zh: "zh-CN", en: "en" };

let table = {};
let language = "zh";

export async function loadWords() {
  const answer = await fetch(new URL("words.json", import.meta.url));
  if (!answer.ok) throw new Error(`words.json: ${answer.status}`);
  table = await answer.json();
}

export function preferred() {
  const first = navigator.languages.find((tag) => /^(zh|en)\b/i.test(tag)) || "zh";
  return first.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function speak(chosen) {
  language = chosen in TAGS ? chosen : preferred();
  document.documentElement.lang = TAGS[language];
  return language;
}

export function has(key) {
  return Object.hasOwn(table, key);
}

// A text of the table; {name} stands for values[name]. A key that is not there is shown: a fault to be seen.
export function word(key, values = {}) {
  if (!has(key)) return key;
  return table[key][language].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function count(number) {
  return new Intl.NumberFormat(TAGS[language]).format(number);
}

// Fen, whole, as yuan with two places: by integers alone.
export function yuan(fen) {
  return `${count(Math.trunc(fen / 100))}.${String(fen % 100).padStart(2, "0")}`;
}

export function date(digits) {
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
}

// Bytes in the largest binary unit of which there is one, in three digits.
export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const place = Math.min(units.length - 1, bytes ? Math.floor(Math.log2(bytes) / 10) : 0);
  return `${Number((bytes / 1024 ** place).toPrecision(3))} ${units[place]}`;
}

const UNITS = [
  ["days", 86400],
  ["hours", 3600],
  ["minutes", 60],
  ["seconds", 1],
];

// A length of time in its largest unit, rounded down.
export function span(seconds) {
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) || UNITS[UNITS.length - 1];
  return word(unit, { n: count(Math.trunc(seconds / length)) });
}

export function ago(seconds) {
  return seconds === null ? word("never") : word("ago", { time: span(seconds) });
}

// HH:MM:SS, with days before it where there are any.
export function clock(seconds) {
  const parts = [Math.trunc(seconds / 3600) % 24, Math.trunc(seconds / 60) % 60, seconds % 60];
  const time = parts.map((part) => String(part).padStart(2, "0")).join(":");
  return seconds < 86400 ? time : `${word("days", { n: Math.trunc(seconds / 86400) })} ${time}`;
}

// A bound of the machine's histogram: what was measured lies at or below it.
// The last one also takes what is slower.
export function latency(us) {
  if (us === null) return "–";
  if (us >= 5000000) return "> 2 s";
  return us >= 1000000 ? `≤ ${us / 1000000} s` : `≤ ${us / 1000} ms`;
}
