// The comparison: asks again when another time or receiver is chosen, and now and then.

import { request } from "./api.js";
import { byId, cell, element, head, row, span } from "./dom.js";

const REFRESH_MS = 60000;
const RETRY_MS = 5000;

const exact = (ratio) => {
  const percent = ratio * 100;
  return percent >= 1 && percent <= 99 ? percent.toFixed(0) : percent.toFixed(1).replace(/\.0$/, "");
};
const money = (amount, currency) => `${amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })} ${currency}`;
const length = (seconds) => (seconds < 1 ? "< 1 s" : seconds < 10 ? `${seconds.toFixed(1)} s` : span(seconds));
const known = (value, text) => (value === null || value === undefined ? null : { text: text(value) });

// k/n with its interval; `wrong` says which results are the bad ones.
function share({ good, n, low_ratio: low, high_ratio: high }, wrong) {
  if (!n) return null;
  const bad = wrong === "good" ? good > 0 : wrong === "rest" && good < n;
  return { children: [
    element("span", { text: `${good}/${n}`, class: bad ? "bad" : undefined }), " ",
    element("span", { class: "interval", text: `${exact(low)}-${exact(high)} %` }),
  ] };
}

function incidents({ watched_seconds: watched, incidents: n, incidents_without_mail: stopped, incidents_open: open }) {
  if (!watched) return null;
  return { text: [`${n}`, stopped ? `${stopped} without mail` : "", open ? `${open} open` : ""].filter(Boolean).join(", ") };
}

const MEASURES = [
  ["accepted", (r) => share(r.acceptance, "rest")],
  ["inbox", (r) => share(r.inbox)],
  ["spam", (r) => share(r.spam, "good")],
  ["missing", (r) => share(r.missing, "good")],
  ["late", (r) => share(r.late, "good")],
  ["authenticated", (r) => share(r.authentication, "rest")],
  ["sessions", (r) => share(r.sessions, "rest")],
  ["live taken", (r) => share(r.live, "rest")],
  ["latency, 50 %", (r) => known(r.latency_p50_seconds, length)],
  ["latency, 90 %", (r) => known(r.latency_p90_seconds, length)],
  ["latency, 99 %", (r) => known(r.latency_p99_seconds, length)],
  // rounded down: what was not there all the time was not there 100 % of it
  ["available", (r) => known(r.availability_ratio, (ratio) => `${Math.floor(ratio * 1e5) / 1e3} % of ${span(r.watched_seconds)}`)],
  ["incidents", incidents],
  ["between (MTBF)", (r) => known(r.mtbf_seconds, length)],
  ["repair (MTTR)", (r) => known(r.mttr_seconds, length)],
  ["cost of 1,000", (r) => known(r.cost_per_thousand, (amount) => money(amount, r.currency))],
  ["cost a month", (r) => known(r.cost_a_month, (amount) => money(amount, r.currency))],
  ["data region", (r) => known(r.data_region, String)],
  ["retention", (r) => known(r.retention, String)],
  ["certifications", (r) => (r.certifications.length ? { text: r.certifications.join(", ") } : null)],
  ["support", (r) => known(r.support, String)],
];

function drawReceivers(rows) {
  const select = byId("compare-receiver");
  const names = [...new Set(rows.map(({ receiver }) => receiver))].filter((name) => name !== "*");
  const options = ["", ...names].map((name) => element("option", { value: name, text: name || "all receivers" }));
  options.forEach((option) => { option.selected = option.value === select.value; });
  if (String([...select.options].map(({ value }) => value)) !== String(options.map(({ value }) => value))) select.replaceChildren(...options);
}

function draw(comparison) {
  drawReceivers(comparison.rows);
  const receiver = byId("compare-receiver").value || "*";
  const rows = comparison.rows.filter((one) => one.receiver === receiver);
  const table = byId("compare").querySelector("table");
  const lines = MEASURES
    .map(([name, measure]) => [name, rows.map(measure)])
    .filter(([, values]) => values.some((value) => value !== null));
  table.tHead.replaceChildren(row([head("col", ""), ...rows.map(({ provider }) => head("col", provider))]));
  table.tBodies[0].replaceChildren(...lines.map(([name, values]) => row([
    head("row", name), ...values.map((value, place) => cell(rows[place].provider, value ?? { text: "–" })),
  ])));
  const volume = comparison.messages_a_month;
  const priced = volume !== null && rows.some(({ cost_per_thousand: cost }) => cost !== null);
  byId("compare-caption").textContent = `k of n with 95 % interval, since ${new Date(comparison.since).toLocaleString()}, in whole hours.`
    + (priced ? ` Cost for ${Math.round(volume).toLocaleString("en")} messages a month: the live mail of this time, stretched to 30 days, if one provider carried it all.` : "");
  const proven = comparison.differences.filter((one) => one.better !== null && one.receiver === receiver);
  byId("differences").replaceChildren(...proven.map(({ sentence }) => element("li", { text: sentence })));
  if (comparison.differences.length && !proven.length) byId("differences").replaceChildren(element("li", { text: "None is proven." }));
  byId("differences-note").textContent = comparison.note;
}

let asked = 0;

async function refresh() {
  const number = ++asked;
  const comparison = await (await request(`v1/compare?window=${byId("compare-window").value}`)).json();
  if (number === asked) draw(comparison); // an answer to an older question is not shown
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function poll() {
  for (;;) {
    let wait = REFRESH_MS;
    try {
      await refresh();
    } catch {
      wait = RETRY_MS; // the badge at the top says that the daemon is away
    }
    await pause(wait);
  }
}

for (const name of ["compare-window", "compare-receiver"]) {
  byId(name).addEventListener("change", () => { refresh().catch(() => {}); });
}
poll();
