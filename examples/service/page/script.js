// Everything that is shown is put in as text, whatever is in it.
"use strict";

const at = (id) => document.getElementById(id);
const dash = "–";

function time(ms) {
  if (ms === null || ms === undefined) return dash;
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60000)} min`;
}

const seconds = (duration) => duration.secs + duration.nanos / 1e9;
const number = (value) => (value === null || value === undefined ? dash : value.toLocaleString("en"));
const num = (text) => ({ text, kind: "number" });

function cell(content, isFirst) {
  const made = document.createElement(isFirst ? "th" : "td");
  if (isFirst) made.scope = "row";
  if (content instanceof Node) made.append(content);
  else if (typeof content === "object") {
    made.textContent = content.text;
    made.className = content.kind;
  } else made.textContent = content;
  return made;
}

function fill(id, rows, nothing) {
  const body = at(id).tBodies[0];
  if (rows.length === 0) {
    const only = document.createElement("td");
    only.colSpan = at(id).tHead.rows[0].cells.length;
    only.textContent = nothing;
    only.className = "empty";
    const row = document.createElement("tr");
    row.append(only);
    body.replaceChildren(row);
    return;
  }
  body.replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map((content, index) => cell(content, index === 0)));
    return row;
  }));
}

function store(row) {
  const health = row.fails === null
    ? { text: "ok", kind: "good" }
    : { text: `fails: ${row.fails}`, kind: "bad" };
  const last = row.last_fault === null ? dash : `${time(row.last_fault_ms)} ago: ${row.last_fault}`;
  return [row.name, health, num(number(row.entries)), num(number(row.faults)), last];
}

function rate(answers) {
  const all = answers ? answers.kept + answers.waited + answers.failed : 0;
  return all === 0 ? dash : `${(100 * answers.kept / all).toFixed(1)} %`;
}

function asked(row) {
  const { answers, stats } = row;
  const all = answers ? answers.kept + answers.waited : null;
  const mean = stats.builds === 0 ? null : 1000 * seconds(stats.build_time) / stats.builds;
  return [
    row.name, row.store, num(number(row.entries)), num(rate(answers)), num(number(all)),
    num(number(answers ? answers.stale : null)), num(number(row.building)),
    num(number(stats.builds)), num(number(stats.not_modified)), num(number(stats.failures)),
    num(time(mean)),
  ];
}

function instances(row) {
  const { stats } = row;
  return [
    row.factory === null ? row.type_name : `${row.type_name} by ${row.factory}`,
    row.keep, num(number(row.len)), num(number(stats.hits)), num(number(stats.builds)),
    num(number(row.building)), num(number(stats.failures)),
  ];
}

function state(row) {
  if (row.fresh_ms === null) return dash;
  return row.fresh_ms > 0
    ? { text: `fresh for ${time(row.fresh_ms)}`, kind: "good" }
    : { text: `stale for ${time(-row.fresh_ms)}`, kind: "bad" };
}

function key(row) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Delete";
  button.setAttribute("aria-label", `Delete ${row.key}`);
  button.dataset.key = row.key;
  return [
    row.key, row.stores.join(", "), state(row), num(time(row.age_ms)), num(time(row.build_ms)),
    row.etag ?? dash, button,
  ];
}

function show(seen) {
  fill("stores", seen.stores.map(store), "There are none.");
  fill("functions", seen.functions.map(asked), "Nothing has been asked.");
  fill("registry", seen.registry.rows.map(instances), "There are no instances.");
  fill("building", seen.building.map((row) => [row.key, row.store, num(time(row.for_ms))]), "There are none.");
  fill("slowest", seen.slowest.map((row) => [row.function, row.store, num(time(row.took_ms)), num(time(row.ago_ms))]), "Nothing has been built.");
  const focused = document.activeElement?.dataset?.key;
  fill("keys", seen.keys.map(key), "Nothing is kept.");
  if (focused !== undefined) {
    [...at("keys").querySelectorAll("button")].find((it) => it.dataset.key === focused)?.focus();
  }
  at("more").textContent = seen.more_keys === 0 ? "" : `And ${number(seen.more_keys)} more.`;
  at("asked").textContent = number(seen.upstream.requests);
  at("failed").textContent = number(seen.upstream.failed);
  at("same").textContent = number(seen.upstream.not_modified);
  // What somebody is writing is theirs.
  if (!at("upstream").contains(document.activeElement)) {
    at("latency").value = seen.upstream.latency_ms;
    at("failing").value = Math.round(100 * seen.upstream.failing);
  }
}

// A look that comes late does not replace a later one.
let looks = 0;

async function look() {
  const own = ++looks;
  try {
    const response = await fetch("api/inspect");
    if (!response.ok) throw new Error(`status ${response.status}`);
    const seen = await response.json();
    if (own !== looks) return;
    show(seen);
    at("state").textContent = `As it was at ${new Date().toLocaleTimeString()}.`;
    at("state").className = "";
  } catch (error) {
    at("state").textContent = `The service does not answer: ${error.message}`;
    at("state").className = "bad";
  }
}

async function forget(name) {
  const response = await fetch(`api/keys/${encodeURIComponent(name)}`, { method: "DELETE" });
  const why = response.ok ? "" : (await response.json()).error;
  at("deleted").textContent = response.ok ? `Deleted ${name}.` : `Not deleted ${name}: ${why}.`;
  await look();
}

at("delete").addEventListener("submit", (event) => {
  event.preventDefault();
  forget(at("key").value);
});

at("keys").addEventListener("click", (event) => {
  const name = event.target.dataset?.key;
  if (name !== undefined) forget(name);
});

at("upstream").addEventListener("submit", async (event) => {
  event.preventDefault();
  const behaviour = { latency_ms: at("latency").valueAsNumber, failing: at("failing").valueAsNumber / 100 };
  await fetch("api/upstream", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(behaviour),
  });
  document.activeElement.blur();
  await look();
});

async function live() {
  if (at("live").checked && !document.hidden) await look();
  setTimeout(live, 1000);
}

live();
