// The sections of the page, each drawn from the state that page.js keeps.

import { held, totals } from "./day.js";
import { byId, make, put, replace, tableOf } from "./dom.js";
import { host } from "./host.js";
import { tab } from "./tab.js";
import { ago, clock, count, date, has, latency, size, span, word, yuan } from "./words.js";

const MIB = 1048576;
const RANK = { down: 0, unsigned: 1, silent: 2, up: 3, signed_off: 4, idle: 5, closed: 6, disabled: 7 };

export function show(state) {
  document.body.dataset.feed = state.feed;
  verdict(state);
  if (state.snapshot === null) return;
  const snapshot = state.snapshot;
  put(byId("node"), snapshot.node);
  put(byId("now"), snapshot.now);
  tiles(snapshot);
  banks(state);
  total(state);
  queue(snapshot);
  responses(snapshot);
  breaks(snapshot.breaks, state.bands, snapshot);
  host(snapshot, state.alarms);
  totals(snapshot);
  held(snapshot);
  events([...state.events.values()].reverse(), snapshot);
}

function named(snapshot, code) {
  const bank = snapshot?.banks.find((one) => one.code === code);
  return bank ? `${bank.name} ${code}` : code;
}

function alarmText(alarm, snapshot) {
  const values = {
    bank: named(snapshot, alarm.bank),
    subject: alarm.subject,
    database: snapshot ? snapshot.database : "",
  };
  if (alarm.figure !== null) Object.assign(values, { count: count(alarm.figure), time: span(alarm.figure) });
  if (alarm.name.startsWith("disk_") && alarm.figure !== null) values.size = size(alarm.figure * MIB);
  if (alarm.name === "bank_down") {
    values.heard = word(`alarm.bank_down.${alarm.figure === null ? "never" : "heard"}`, values);
  }
  return word(`alarm.${alarm.name}`, values);
}

function verdict(state) {
  const lost = { name: "lost", severity: "red", bank: "", figure: null, subject: "" };
  const all = state.feed === "lost" ? [lost] : state.alarms;
  const [severity, text] =
    state.feed === "wait"
      ? ["wait", word("verdict.wait")]
      : all.length
        ? [
            all.some((one) => one.severity === "red") ? "red" : "yellow",
            word("verdict.wrong", { count: all.length }),
          ]
        : ["none", word("verdict.none")];
  byId("verdict").dataset.severity = severity;
  put(byId("verdict"), text);
  alarmList(all, state.snapshot);
  tab(all, state.snapshot);
}

// One entry for each kind of alarm, with what to do said once, and in it a line for each bank. Times in the
// lines go on while the entries stay, so that a command can be marked and copied out of one.
function alarmList(all, snapshot) {
  const names = [...new Set(all.map((alarm) => alarm.name))];
  const signature = all.map((alarm) => [alarm.name, alarm.severity, alarm.bank, alarm.subject]);
  replace(byId("alarm-list"), signature, () =>
    names.map((name) => {
      const alarms = all.filter((alarm) => alarm.name === name);
      return make(
        "li",
        { "data-severity": alarms[0].severity, "data-alarm": name },
        make("b", {}, word(`severity.${alarms[0].severity}`)),
        make("ul", {}, ...alarms.map(() => make("li", { class: "what" }))),
        make("p", { class: "do" }, word(`alarm.${name}.do`)),
      );
    }),
  );
  byId("alarm-list")
    .querySelectorAll(".what")
    .forEach((line, place) => put(line, alarmText(all[place], snapshot)));
}

function figure(id, text, severity, more) {
  const node = byId(id);
  put(node, text);
  if (severity) node.dataset.severity = severity;
  else delete node.dataset.severity;
  if (more !== undefined) put(byId(`${id}-more`), more);
}

function tiles(snapshot) {
  const up = snapshot.banks.filter((bank) => bank.light === "up").length;
  const all = snapshot.banks.filter((bank) => bank.light !== "disabled").length;
  const isServing = snapshot.state === "serving";
  figure(
    "state",
    word(`state.${snapshot.state}`),
    isServing ? "none" : "red",
    word("state.banks", { up, all }),
  );
  const day = snapshot.business_date;
  const isToday = day === snapshot.today;
  figure(
    "day",
    day ? date(day) : word("day.none"),
    day ? "" : "red",
    isToday ? word("day.today") : word("day.other", { today: date(snapshot.today) }),
  );
  const left = snapshot.seconds_left;
  if (!snapshot.cutover) figure("cutover", word("cutover.hand"), "", word("cutover.hand.more"));
  else if (left === null) figure("cutover", "–", "", word("cutover.at", { time: snapshot.cutover }));
  else if (left < 0)
    figure("cutover", `−${clock(-left)}`, "red", word("cutover.late", { time: snapshot.cutover }));
  else figure("cutover", clock(left), "", word("cutover.at", { time: snapshot.cutover }));
  figure("rate", count(snapshot.rate));
  figure("p99", latency(snapshot.p99_us));
}

const FACTS = ["links", "heard", "echo", "rate", "p99", "mac"];

function card(state, bank) {
  const spark = make("div", { class: "spark", role: "img" });
  const facts = FACTS.map((name) => make("div", {}, make("dt"), make("dd", { "data-fact": name })));
  const node = make(
    "article",
    { class: "bank", "data-bank": bank.code },
    make(
      "div",
      { class: "head" },
      make("h3", {}, bank.name, make("small", {}, bank.code)),
      make("span", { class: "light" }),
    ),
    spark,
    make("dl", { class: "facts" }, ...facts),
  );
  byId("banks").append(node);
  state.sparks[bank.code] = state.newSpark(spark);
  return node;
}

function banks(state) {
  const known = new Set(state.snapshot.banks.map((bank) => bank.code));
  for (const node of [...byId("banks").children]) {
    if (!known.has(node.dataset.bank)) {
      delete state.sparks[node.dataset.bank];
      node.remove();
    }
  }
  for (const bank of state.snapshot.banks) {
    const node = byId("banks").querySelector(`[data-bank="${bank.code}"]`) || card(state, bank);
    fill(node, bank);
    const rates = state.rates[bank.code] || [];
    state.sparks[bank.code].show(rates);
    node
      .querySelector(".spark")
      .setAttribute(
        "aria-label",
        word("bank.spark", { now: count(bank.rate), most: count(Math.max(0, ...rates)) }),
      );
  }
  // What is wrong comes first; cards move only when a light changes.
  const sorted = [...state.snapshot.banks].sort((a, b) => RANK[a.light] - RANK[b.light]);
  const wanted = sorted.map((bank) => bank.code).join();
  if (byId("banks").dataset.order !== wanted) {
    byId("banks").dataset.order = wanted;
    byId("banks").append(...sorted.map((bank) => byId("banks").querySelector(`[data-bank="${bank.code}"]`)));
  }
}

function fill(node, bank) {
  const light = node.querySelector(".light");
  light.dataset.light = bank.light;
  put(light, word(`light.${bank.light}`));
  const said = {
    links: `${count(bank.signed_on)} / ${count(bank.links)}`,
    heard: ago(bank.heard_seconds),
    echo: ago(bank.echo_seconds),
    rate: count(bank.rate),
    p99: latency(bank.p99_us),
    mac: count(bank.mac_failures) + (bank.mac_lately ? ` (+${count(bank.mac_lately)})` : ""),
  };
  for (const fact of node.querySelectorAll("[data-fact]")) {
    put(fact, said[fact.dataset.fact]);
    put(fact.previousSibling, word(`bank.${fact.dataset.fact}`));
  }
  node.querySelector('[data-fact="mac"]').classList.toggle("bad", bank.mac_lately > 0);
}

function total(state) {
  const all = Object.values(state.rates);
  const length = Math.max(0, ...all.map((rates) => rates.length));
  const sums = new Array(length).fill(0);
  for (const rates of all) rates.forEach((rate, place) => (sums[length - rates.length + place] += rate));
  state.chart.show(sums);
  byId("chart").setAttribute(
    "aria-label",
    word("bank.spark", { now: count(state.snapshot.rate), most: count(Math.max(0, ...sums)) }),
  );
}

const QUEUE = ["batches", "batched", "recent_size", "failed", "replays", "undelivered"];

function queue(snapshot) {
  const rows = [
    ["waiting", `${count(snapshot.queue.waiting)} / ${count(snapshot.queue.limit)}`],
    ...QUEUE.map((name) => [name, count(snapshot.queue[name])]),
    ["refused", count(snapshot.refused)],
  ];
  replace(byId("queue"), rows, () =>
    rows.flatMap(([name, value]) => [
      make("dt", {}, word(`queue.${name}`)),
      make("dd", { "data-queue": name }, value),
    ]),
  );
}

function responses(snapshot) {
  replace(byId("responses"), snapshot.responses, () => {
    if (!snapshot.responses.length) return [make("p", { class: "empty" }, word("responses.none"))];
    const heads = [
      [word("responses.code")],
      [word("responses.meaning")],
      [word("responses.lately"), true],
      [word("responses.total"), true],
    ];
    const rows = snapshot.responses.map((one) => [
      [one.code],
      [word(`response.${one.code}`)],
      [count(one.lately), true],
      [count(one.total), true],
    ]);
    return [tableOf(heads, rows)];
  });
}

function bandWords(bands) {
  const first = word("breaks.band.first", { to: bands[0] });
  const between = bands.slice(1).map((to, place) => word("breaks.band", { from: bands[place] + 1, to }));
  return [first, ...between, word("breaks.band.last", { over: bands[bands.length - 1] })];
}

function breaks(told, bands, snapshot) {
  replace(byId("breaks"), [told, bands], () => {
    if (!told.is_wanted) return [make("p", { class: "empty" }, word("breaks.unwanted"))];
    if (told.fault)
      return [make("p", { class: "bad" }, word("breaks.fault"), make("span", { lang: "en" }, told.fault))];
    if (told.told_at_us === null) return [make("p", { class: "empty" }, word("breaks.untold"))];
    if (!told.classes.length) return [make("p", { class: "empty" }, word("breaks.none"))];
    const heads = [
      [word("breaks.class")],
      ...bandWords(bands).map((band) => [band, true]),
      [word("breaks.amount"), true],
    ];
    const rows = told.classes.map((one) => [
      [has(`class.${one.cls}`) ? word(`class.${one.cls}`) : one.cls],
      ...one.counts.map((number) => [number ? count(number) : "·", true]),
      [yuan(one.amount), true],
    ]);
    return [tableOf(heads, rows)];
  });
  put(
    byId("breaks-more"),
    told.told_at_us === null ? "" : word("breaks.told", { time: moment(told.told_at_us, snapshot, 16) }),
  );
}

// A moment as the machine's own wall clock had it: the feed gives both its clock and the time in UTC.
function moment(us, snapshot, length) {
  const offset =
    Math.round((Date.parse(`${snapshot.now.replace(" ", "T")}Z`) - snapshot.at_us / 1000) / 60000) * 60000;
  return new Date(us / 1000 + offset).toISOString().replace("T", " ").slice(0, length);
}

const SEVERITY = {
  started: "none",
  signed_on: "none",
  settled: "none",
  day: "none",
  load: "none",
  reload: "none",
  clock_accepted: "none",
  fenced: "red",
  clock: "red",
  link_down: "red",
  doubt: "red",
  unavailable: "red",
  stopping: "yellow",
  signed_off: "yellow",
  refused: "yellow",
  bad_mac: "yellow",
  bad_key: "yellow",
};

function detail(event) {
  if (event.kind === "day" || event.kind === "load") return date(event.detail);
  const key = `reason.${event.detail}`;
  if (event.kind === "link_down" || event.kind === "refused") return has(key) ? word(key) : event.detail;
  return event.detail;
}

function repeated(event, at, snapshot) {
  if (event.count === 1) return "";
  const since = moment(event.since_us, snapshot, 19);
  return word(since === at ? "events.times" : "events.since", {
    count: count(event.count),
    time: since.slice(11),
  });
}

function line(event, snapshot) {
  const at = moment(event.at_us, snapshot, 19);
  const more = [detail(event), repeated(event, at, snapshot)].filter(Boolean).join(" · ");
  const what = event.bank
    ? `${named(snapshot, event.bank)} ${word(`event.${event.kind}`)}`
    : word(`event.${event.kind}`);
  return make(
    "li",
    { "data-event": event.kind },
    make("time", { title: at }, at.slice(11)),
    make(
      "div",
      {},
      make("span", { "data-severity": SEVERITY[event.kind] }, what),
      " ",
      make("span", { class: "detail" }, more),
    ),
  );
}

function events(list, snapshot) {
  replace(byId("events"), list, () =>
    list.length
      ? list.map((event) => line(event, snapshot))
      : [make("li", { class: "empty" }, word("events.none"))],
  );
}
