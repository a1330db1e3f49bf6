// The page of `rainbow report`: data into tables, sentences and charts. Whatever comes from people or from the cluster
// becomes text, never markup.
"use strict";
const byId = (id) => document.getElementById(id);
const read = (id) => JSON.parse(byId(id).textContent);
const SERIES = { requests: "requests per second", failures: "failed requests per second", tasks: "active tasks" };
const HUES = 8, DASHES = ["1 0", "6 3", "2 2", "8 2 2 2"], LEGEND = 24, LINES = 40, POINTS = 3000, HOUR = 3600000;
const SPECS = read("specs"), views = {};
let data = read("data"), chosen = "", span = 0, order = {};

function el(name, options, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options || {})) if (value !== null) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null).map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const time = (ms) => (ms === null ? "–" : new Date(ms).toISOString().slice(0, 19).replace("T", " "));
const timed = (ms) => (ms === null ? "–" : el("time", { datetime: new Date(ms).toISOString() }, time(ms)));
const number = (value) => (value === null ? "unknown" : String(Number(value.toPrecision(4))));
const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

// --- what is shown --------------------------------------------------------------------------------------------------

const shown = (release) => chosen === "" || release === chosen;
const begin = () => (span ? Math.max(data.begin, data.end - span) : data.begin);

function look(release) {
  const number = order[release] ?? 0;
  return { hue: number % HUES, dash: (number + Math.floor(number / HUES)) % DASHES.length };
}

function points(name) {
  const rows = [];
  for (const [release, row] of Object.entries(data[name])) {
    const known = (index) => (row.values[index] ?? null) !== null;
    row.values.forEach((value, index) => {
      const at = data.begin + (row.first + index) * data.step;
      if (at < begin() - data.step) return;
      const alone = known(index) && !known(index - 1) && !known(index + 1);
      rows.push({ release, at, value, alone, ...look(release) });
    });
  }
  // What no line leads to, and each failure; and what can be pointed at, unless it is too much for a browser.
  const dots = rows.filter((row) => row.alone || (name === "failures" && row.value > 0));
  const near = rows.filter((row) => row.value !== null && shown(row.release));
  return { [name]: rows, [`${name}-dots`]: dots, [`${name}-near`]: near.length <= POINTS ? near.map((row) => ({ ...row, time: time(row.at) })) : [] };
}

function chartData() {
  const ids = data.releases.map((release) => release.id), place = Object.fromEntries(ids.map((id, index) => [id, index]));
  const lanes = [...data.lanes].sort((a, b) => place[a.release] - place[b.release]).map((lane) => ({
    ...lane, from: time(lane.begin), to: lane.lasts ? "now" : time(lane.end),
    label: `${lane.release}: ${lane.stage} from ${time(lane.begin)} to ${lane.lasts ? "now" : time(lane.end)}`,
  }));
  const gone = data.releases.filter((release) => release.deleted !== null);
  const turns = data.switches.map((s) => ({ ...s, current: s.release, since: time(s.at), label: `switch to ${s.release} at ${time(s.at)}` }));
  const seen = turns.filter((s) => s.at >= begin() && shown(s.release));
  return {
    lanes, turns,
    deletions: gone.map((r) => ({ release: r.id, at: r.deleted, deleted: time(r.deleted), label: `${r.id}: Deleted at ${time(r.deleted)}` })),
    switches: seen.length <= LINES ? seen : [], // more would hide what they are to explain
    ...points("requests"), ...points("failures"), ...points("tasks"),
  };
}

// --- charts ---------------------------------------------------------------------------------------------------------

const USED = { lanes: ["lanes", "deletions", "switches", "turns"] };
for (const id of Object.keys(SERIES)) USED[id] = [id, `${id}-dots`, `${id}-near`, "switches"];

function bounds(id, rows) {
  const values = id === "lanes" ? [] : rows[id].filter((row) => shown(row.release) && row.at >= begin()).map((row) => row.value);
  const top = values.reduce((most, value) => Math.max(most, value), 0);
  return { begin: begin(), end: data.end, chosen, top: top || 1 };
}

const height = (id, spec) => (id === "lanes" ? spec.height * Math.max(1, data.releases.length) : spec.height);

async function draw(id, rows) {
  const known = bounds(id, rows), spec = SPECS[id];
  const params = spec.params.map(({ name }) => ({ name, value: known[name] }));
  const datasets = Object.fromEntries(USED[id].map((name) => [name, rows[name]]));
  const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, tooltip: tip };
  const full = { ...spec, params, datasets, height: height(id, spec), description: byId(`${id}-said`).textContent };
  views[id] = (await vegaEmbed(byId(id), full, options)).view;
}

async function redraw(id, rows) {
  const view = views[id];
  for (const [name, value] of Object.entries(bounds(id, rows))) view.signal(name, value);
  for (const name of USED[id]) view.data(name, rows[name]);
  view.height(height(id, SPECS[id])).description(byId(`${id}-said`).textContent);
  await view.runAsync();
}

function tip(handler, event, item, value) {
  const box = byId("tip"), lines = value && typeof value === "object" ? Object.entries(value) : [];
  box.hidden = lines.length === 0;
  box.textContent = lines.map(([key, text]) => `${key}: ${text}`).join("\n");
  if (box.hidden) return;
  box.style.left = `${Math.max(0, Math.min(event.clientX + 12, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${Math.max(0, Math.min(event.clientY + 12, innerHeight - box.offsetHeight - 8))}px`;
}

// --- tables and sentences -------------------------------------------------------------------------------------------

function table(id, caption, heads, rows) {
  const head = el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text))));
  byId(id).replaceChildren(el("caption", {}, caption), head, el("tbody", {}, ...rows));
}

function row(kind, first, ...cells) {
  const made = cells.map((cell) => (Array.isArray(cell) ? el("td", { class: cell[0] }, cell[1]) : el("td", {}, cell)));
  return el("tr", { class: kind }, el("th", { scope: "row" }, first), ...made);
}

function releases() {
  const heads = ["Release", "Phase", "Active tasks", "Waits for", "Released", "By", "Deployed", "Tested", "Live since",
    "Live until", "Drained", "Deleted", "Marks"];
  const rows = data.releases.filter((r) => shown(r.id)).map((r) =>
    row(r.current ? "current" : null, r.id, r.phase + (r.current ? ", users are led to it" : ""), r.tasks ?? "–",
      [r.waits ? "text" : "", r.waits ?? "–"], timed(r.released), r.by ?? "–", timed(r.deployed), timed(r.tested),
      timed(r.live), timed(r.demoted), timed(r.drained), timed(r.deleted), [r.marks ? "text" : "", r.marks ?? "–"]));
  table("t-releases", "Newest first.", heads, rows);
  const there = data.releases.filter((r) => r.phase !== "Deleted").length;
  const current = data.current === null ? "It is not known, or no release is, which one is current." : `Current is ${data.current}.`;
  byId("lanes-said").textContent = `${count(data.releases.length, "release")} in this time, ${there} not deleted. ${current} ` +
    `${count(data.switches.length, "switch").replace("switchs", "switches")} on record, marked with a triangle${
    data.switches.length > LINES ? "" : " and a broken line"}; a cross marks a deletion.`;
}

function within(name, release) {
  const found = data[name][release];
  return found.values.map((value, index) => [data.begin + (found.first + index) * data.step, value])
    .filter(([at]) => at >= begin());
}

function series(name) {
  const there = Object.keys(data[name]).filter(shown);
  const some = there.map((release) => [release, within(name, release).filter(([, value]) => value !== null)])
    .filter(([, known]) => known.length > 0);
  const one = chosen !== "" && some.length > 0;
  if (one) {
    table(`t-${name}`, `${chosen}, ${SERIES[name]}`, ["Time", "Value"],
      within(name, chosen).map(([at, value]) => row(null, timed(at), number(value))));
  } else {
    table(`t-${name}`, `${SERIES[name]}; choose a release above to see each value.`,
      ["Release", "From", "To", "Least", "Mean", "Most", "Last", "Known at"], some.map(([release, known]) => summary(name, release, known)));
  }
  let most = ["", 0, -Infinity];
  for (const [release, known] of some) for (const [at, value] of known) if (value > most[2]) most = [release, at, value];
  const nothing = `Nothing is known of ${SERIES[name]}${chosen ? ` of ${chosen}` : ""} in this time.`;
  const peak = most[2] === 0 ? "All are zero." : `The most is ${number(most[2])}, of ${most[0]} at ${time(most[1])}.`;
  byId(`${name}-said`).textContent = some.length === 0 ? nothing : `${count(some.length, "release")} with known values. ${peak}`;
  legend(name, some.map(([release]) => release));
}

function summary(name, release, known) {
  const values = known.map(([, value]) => value), all = within(name, release).length;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return row(null, release, timed(known[0][0]), timed(known[known.length - 1][0]), number(values.reduce((a, b) => Math.min(a, b))),
    number(mean), number(values.reduce((a, b) => Math.max(a, b))), number(values[values.length - 1]), `${values.length} of ${all} times`);
}

function legend(name, ids) {
  const items = ids.sort((a, b) => order[b] - order[a]).slice(0, LEGEND).map((release) => {
    const { hue, dash } = look(release);
    const line = drawn("line", { x1: 0, y1: 6, x2: 32, y2: 6, class: `hue-${hue}`, "stroke-width": 2.5, "stroke-dasharray": DASHES[dash] });
    return el("li", {}, drawn("svg", { width: 32, height: 12, "aria-hidden": "true" }, line), release);
  });
  if (ids.length > LEGEND) items.push(el("li", {}, `and ${ids.length - LEGEND} more: choose one above`));
  byId(`${name}-legend`).replaceChildren(...items);
}

function events() {
  const found = data.events.filter((event) => shown(event.release ?? "") && event.at >= begin());
  table("t-events", "Newest first.", ["Time", "Release", "Event", "What happened"], found.map((event) =>
    row(event.warning ? "warning" : null, timed(event.at), event.release ?? "the app", ["kind", (event.warning ? "⚠ " : "") + event.reason],
      ["text", event.message || "–"])));
  const left = data.left_out ? `; ${data.left_out} older ones are left out` : "";
  byId("events-said").textContent = `${count(found.length, "event")}${left}. Those of the cluster last about an hour; what the records ` +
    "tell stays.";
}

function about() {
  byId("about").textContent = `Namespace ${data.namespace}, ${time(data.begin)} to ${time(data.end)} UTC, a value each ${data.step / 1000} s.`;
  byId("hold").hidden = data.hold === null;
  byId("hold").textContent = data.hold === null ? "" : `Nothing is switched: the app is ${data.hold}`;
  byId("unknown").hidden = data.unknown.length === 0;
  byId("unknown-list").replaceChildren(...data.unknown.map((text) => el("li", {}, text)));
}

// --- choices and life -----------------------------------------------------------------------------------------------

function options() {
  const kept = data.releases.map((release) => release.id);
  if (!kept.includes(chosen)) chosen = "";
  const made = [["", "all"], ...kept.map((id) => [id, id])].map(([value, text]) => el("option", { value }, text));
  const before = [...byId("release").options].map((option) => option.value).join();
  if (before !== ["", ...kept].join()) byId("release").replaceChildren(...made);
  byId("release").value = chosen;
  if (byId("span").options.length > 0) return;
  const spans = [[1 / 4, "last 15 minutes"], [1, "last hour"], [6, "last 6 hours"], [24, "last 24 hours"]];
  const fit = spans.filter(([hours]) => hours * HOUR < data.end - data.begin);
  byId("span").append(el("option", { value: 0 }, "all"), ...fit.map(([hours, text]) => el("option", { value: hours * HOUR }, text)));
}

async function show() {
  order = Object.fromEntries([...data.releases].reverse().map((release, index) => [release.id, index]));
  options();
  about();
  releases();
  Object.keys(SERIES).forEach(series);
  events();
  const rows = chartData();
  for (const id of Object.keys(SPECS)) await (id in views ? redraw : draw)(id, rows);
}

function say(text) {
  if (byId("status").textContent !== text) byId("status").textContent = text;
}

async function update() {
  if (document.hidden || byId("pause").getAttribute("aria-pressed") === "true") return;
  try {
    const answer = await fetch("data.json", { cache: "no-store" });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error);
    const before = data.current;
    data = found;
    byId("fresh").textContent = `as of ${time(data.made)}`;
    say(data.current === before ? "" : `Current is now ${data.current ?? "no release"}.`);
    await show();
  } catch (error) {
    say(`Not updated since ${time(data.made)}: ${error.message}`);
  }
}

async function live() {
  await update();
  setTimeout(live, data.refresh);
}

function listen() {
  byId("choices").addEventListener("submit", (event) => event.preventDefault());
  byId("release").addEventListener("change", (event) => { chosen = event.target.value; show(); });
  byId("span").addEventListener("change", (event) => { span = Number(event.target.value); show(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") byId("tip").hidden = true; });
  byId("pause").addEventListener("click", () => {
    const paused = byId("pause").getAttribute("aria-pressed") !== "true";
    byId("pause").setAttribute("aria-pressed", String(paused));
    say(paused ? "Updates are paused." : "");
  });
}

async function start() {
  listen();
  await show();
  document.documentElement.dataset.drawn = "yes";
  if (!data.refresh) return;
  byId("pause").hidden = false;
  setTimeout(live, data.refresh);
}

start();
