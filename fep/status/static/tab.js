// The browser's tab: its title begins with the number of alarms, red ones first, and its icon has their colour.

import { word } from "./words.js";

export function tab(alarms, snapshot) {
  const number = (severity) => alarms.filter((alarm) => alarm.severity === severity).length;
  const [red, yellow] = [number("red"), number("yellow")];
  const numbers = [
    red ? word("tab.red", { count: red }) : "",
    yellow ? word("tab.yellow", { count: yellow }) : "",
  ].filter(Boolean);
  const parts = [
    numbers.length ? `(${numbers.join(" ")})` : "",
    snapshot ? snapshot.node : "",
    "Qianzhi",
    word("title"),
  ];
  const title = parts.filter(Boolean).join(" ");
  if (document.title !== title) document.title = title;
  const icon = document.querySelector('link[rel="icon"]');
  const name = red ? "icon-red.svg" : yellow ? "icon-yellow.svg" : "icon.svg";
  const wanted = new URL(name, import.meta.url).pathname;
  if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
}
