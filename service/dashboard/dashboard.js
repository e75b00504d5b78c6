// The dashboard: polls the status, listens to events, draws. Text only ever becomes text, never markup.

import { request, events } from "./api.js";
import { byId, cell, element, head, percent, row, span } from "./dom.js";
import "./compare.js";

const POLL_MS = 3000;
const RETRY_MS = 3000;
const SOON_MS = 200;
const EVENTS_SHOWN = 12;
const NOT_LOOKED_AT = "not looked at yet";

const SIGNS = {
  healthy: ["✓", "good"], recovering: ["↻", "warn"], suspect: ["!", "warn"],
  degraded: ["✕", "bad"], unknown: ["?", "none"],
};

function age(text) {
  const seconds = (Date.now() - Date.parse(text)) / 1000;
  return seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;
}

function ageElement(text) {
  return element("time", { datetime: text, title: new Date(text).toLocaleString(), text: age(text) });
}

// Failures stand out by what they mean now: behind a provider that is well again they are history.
function signalElements({ signal, good, n, low_ratio: low, high_ratio: high }, kind) {
  const known = low !== null && high !== null;
  const title = known ? `95 % interval: ${percent(low)} to ${percent(high)}` : undefined;
  return [
    element("dt", { text: signal }),
    element("dd", { text: `${good}/${n}`, title, class: good < n && (kind === "bad" || kind === "warn") ? `short ${kind}` : undefined }),
  ];
}

function statusElement(health) {
  const [sign, kind] = SIGNS[health.status] ?? SIGNS.unknown;
  const severity = health.status !== "degraded" || health.severity === "none" ? "" : `, ${health.severity}`;
  return element("span", { class: `status ${kind}`, title: health.reason, text: `${sign} ${health.status}${severity}` });
}

function healthCell(health, label) {
  if (health === undefined) return cell(label, { text: "–" });
  const [, kind] = SIGNS[health.status] ?? SIGNS.unknown;
  const measured = health.signals.filter(({ n }) => n > 0);
  const inside = element("div", { children: [statusElement(health)] });
  if (measured.length) inside.append(element("dl", { children: measured.flatMap((signal) => signalElements(signal, kind)) }));
  if (health.receiver === "*" && health.status !== "healthy") inside.append(element("p", { class: "reason", text: health.reason }));
  return cell(label, { children: [inside] });
}

function drawHealth(providers) {
  const receivers = [...new Set(providers.flatMap(({ receivers: list }) => list.map(({ receiver }) => receiver)))];
  const columns = ["Provider", "All", ...receivers];
  byId("health").tHead.replaceChildren(
    row(columns.map((text) => head("col", text))),
  );
  byId("health").tBodies[0].replaceChildren(...providers.map((provider) => row([
    head("row", provider.name),
    healthCell(provider.health, "All"),
    ...receivers.map((name) => healthCell(provider.receivers.find(({ receiver }) => receiver === name), name)),
  ])));
}

function drawRoute(route, providers) {
  const nexthops = new Map(providers.map(({ name, nexthop }) => [name, nexthop]));
  const item = (name, kind, place) => element("li", {
    class: kind,
    children: [
      element("span", { class: "place", text: place }),
      element("strong", { text: name }),
      element("span", { class: "nexthop", text: nexthops.get(name) ?? "" }),
    ],
  });
  const inRoute = route.reported ?? [];
  const out = route.reported === null ? [] : providers.filter(({ name }) => !inRoute.includes(name));
  byId("route").replaceChildren(
    ...inRoute.map((name, place) => (place === 0 ? item(name, "active", "active") : item(name, undefined, `fallback ${place}`))),
    ...out.map(({ name }) => item(name, "out", "out of the route")),
  );
  const notes = [`Generation ${route.generation}.`];
  if (route.reported === null) notes.push(route.problem ?? "Postfix's route is not relaypilot's.");
  if (route.assigned !== null && String(route.assigned) !== String(route.reported)) {
    notes.push(`Assigned is ${route.assigned.join(", ")}.`);
  }
  byId("route-note").textContent = notes.join(" ");
}

// The way of each lane's mail, only where not all mail goes one way; "All" is everything without a lane of its own.
function drawLanes(lanes) {
  const told = lanes.length > 1 || lanes.some(({ shares }) => shares.length > 0);
  byId("lanes").hidden = !told;
  const first = (shares) => shares.map(({ provider, percent: part, kind }) => `${part} % to ${provider} (${kind})`).join(", ");
  byId("lanes").querySelector("tbody").replaceChildren(...(told ? lanes : []).map(({ receiver, providers, shares }) => row([
    head("row", receiver === "*" ? (lanes.length > 1 ? "All other" : "All") : receiver),
    cell("In this order", { text: providers.join(", ") }),
    cell("Shares", { text: first(shares) || "–" }),
  ])));
}

function drawProblems(status) {
  const said = status.problems.filter((problem) => problem !== status.sentence);
  const problems = [...said, ...status.route.drift.map((drift) => `Changed by hand: ${drift}`)];
  if (!status.route.postfix_running) problems.push("Postfix is not running.");
  byId("problems").hidden = problems.length === 0;
  byId("problems").querySelector("ul").replaceChildren(...problems.map((text) => element("li", { text })));
}

function drawOverrides(overrides) {
  byId("overrides").hidden = overrides.length === 0;
  byId("overrides").querySelector("tbody").replaceChildren(...overrides.map((override) => row([
    cell("What", { text: [override.verb, override.provider, override.receiver && `for mail to ${override.receiver}`].filter(Boolean).join(" ") }),
    cell("Until", { children: [override.until ? ageElement(override.until) : "resumed"] }),
    cell("By", { text: override.actor }),
    cell("Reason", { text: override.reason || "–" }),
  ])));
}

function drawEvents(list) {
  byId("events").replaceChildren(...list.slice(0, EVENTS_SHOWN).map((event) => element("li", {
    children: [
      ageElement(event.at),
      element("span", { class: "kind", text: event.kind }),
      element("span", { class: "sentence", text: event.sentence }),
    ],
  })));
}

function drawSeeds(seeds) {
  const every = Object.entries(seeds);
  const unseen = every.filter(([, why]) => why === NOT_LOOKED_AT);
  const broken = every.filter(([, why]) => why !== null && why !== NOT_LOOKED_AT);
  const counts = [];
  if (unseen.length < every.length) counts.push(`${every.length - broken.length - unseen.length}/${every.length} can be searched`);
  if (unseen.length) counts.push(`${unseen.length} not looked at yet`);
  byId("seeds-count").textContent = every.length ? `${counts.join(", ")}.` : "None configured: placement is not measured.";
  byId("seeds").replaceChildren(...broken.map(([name, why]) => element("li", { text: `${name}: ${why}` })));
}

function draw(status) {
  byId("content").hidden = false;
  const running = status.started_at === null ? "" : `, up ${span((Date.now() - Date.parse(status.started_at)) / 1000)}`;
  byId("about").textContent = `${status.version}, mode ${status.mode}${running}`;
  byId("sentence").textContent = status.sentence;
  const active = status.route.reported?.[0];
  // The sentence changes with every count; a screen reader speaks only of a new active provider.
  const announcement = active ? `Mail goes through ${active}.` : "";
  if (byId("announcement").textContent !== announcement) byId("announcement").textContent = announcement;
  document.title = active ? `${active} - relaypilot` : "relaypilot";
  drawProblems(status);
  drawRoute(status.route, status.providers);
  drawLanes(status.route.lanes);
  drawHealth(status.providers);
  drawOverrides(status.overrides);
  drawEvents(status.events);
  drawSeeds(status.seeds);
}

function connection(text, kind) {
  const badge = byId("connection");
  if (badge.textContent !== text) badge.textContent = text;
  badge.className = `badge ${kind}`;
}

let lastDrawn = "";

async function refresh() {
  try {
    const text = await (await request("v1/status")).text();
    const { at, ...rest } = JSON.parse(text);
    const now = JSON.stringify(rest);
    if (now !== lastDrawn) draw(rest); // a tooltip or a selection survives a poll that found nothing new
    lastDrawn = now;
    connection("live", "good");
  } catch (error) {
    connection(error instanceof TypeError ? "the daemon does not answer" : error.message, "bad");
  }
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function poll() {
  for (;;) {
    await refresh();
    await pause(POLL_MS);
  }
}

async function listen() {
  for (;;) {
    try {
      for await (const _event of events("v1/stream")) {
        await pause(SOON_MS); // events come in groups
        await refresh();
      }
    } catch {
      // refresh() says that the daemon is away
    }
    await pause(RETRY_MS);
  }
}

setInterval(() => {
  for (const time of document.querySelectorAll("time")) time.textContent = age(time.dateTime);
}, 1000);
poll();
listen();
