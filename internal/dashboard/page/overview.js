// At a glance: is anything wrong, where, since when, what to do.
import { h, swap, svg } from "./dom.js";
import { badge, empty, loading, spark, table, time } from "./parts.js";
import { known, live } from "./api.js";
import { t } from "./texts.js";
import { ago, count, millis, percent, perSecond, span, word } from "./format.js";

// Waiting longer than this is worth a look; a lane of its own kind of patience.
const waitsLong = { high: 60e3, normal: 300e3, bulk: 3600e3 };

// A daily allowance of which more than this is used is worth a look.
const quotaNearlyUsed = 0.8;

// seenHere are the alerts about what stands here at once, before it has lasted
// long enough to raise one.
const seenHere = ["ProviderUnhealthy", "BreakerOpen", "DeadLetters", "QuotaExhausted", "Unauthorized", "StreamBacklog", "ManualQueue"];

// wrongs lists what needs a look, the gravest first: { tone, title, text, since, href }.
export function wrongs() {
  const list = [];
  const add = (tone, key, values, since, href, what = key + "_do") =>
    list.push({ tone, title: t("wrong." + key, values), text: t("wrong." + what, values), since, href });

  for (const [name, state] of Object.entries(live.state)) {
    if (state.error && name !== "series" && name !== "caches") add("bad", "topic", { name: word("topic", name) }, null, "#/fleet");
  }
  const workers = known("workers");
  if (workers && !workers.some((w) => w.alive)) add("bad", "no_workers", {}, null, "#/fleet");
  for (const a of known("alerts") ?? []) {
    if (!seenHere.includes(a.alert)) list.push({ tone: a.severity === "critical" ? "bad" : "warn", title: word("alert", a.alert), text: a.message, since: a.since, href: "#/alerts" });
  }
  for (const p of known("providers") ?? []) {
    const href = "#/providers/" + encodeURIComponent(p.name), at = { name: p.name };
    if (p.breaker.state !== "closed") add("bad", "open", at, p.breaker.since, href, p.breaker.state === "open" ? "open_do" : "half_open_do");
    let held = false;
    for (const hold of p.holds) {
      held = true;
      if (hold.cause === "operator") add("warn", "paused", { ...at, by: [hold.by, hold.note].filter(Boolean).join(": ") }, hold.since, href);
      else add(hold.cause === "rate_limited" ? "warn" : "bad", hold.cause, at, hold.since, href);
    }
    if (!held && p.breaker.state === "closed" && p.health.status !== "healthy") {
      add(p.health.status === "unhealthy" ? "bad" : "warn", p.health.status, { ...at, why: p.health.reason || "–" }, p.health.since, href, "health_do");
    }
    if (p.quota.limit && p.quota.used > quotaNearlyUsed * p.quota.limit) {
      add("warn", "quota", { ...at, share: percent(p.quota.used, p.quota.limit) }, null, href);
    }
  }
  const paused = new Set();
  for (const q of known("queues") ?? []) {
    if (q.paused && !paused.has(q.kind)) { paused.add(q.kind); add("warn", "kind_paused", { name: word("kind", q.kind) }, null, "#/overview"); }
    if (q.oldest_at && Date.now() - new Date(q.oldest_at) > waitsLong[q.lane]) {
      add("warn", "waiting", { name: `${word("kind", q.kind)} (${word("lane", q.lane)})`, n: count(q.pending + q.in_flight) }, q.oldest_at, "#/overview");
    }
  }
  for (const l of known("letters") ?? []) {
    const unsure = l.reason === "unknown_outcome";
    if (unsure) add("bad", "unknown", { n: count(l.count) }, l.oldest_at, "#/people");
    else add("warn", "letters", { n: count(l.count), reason: word("reason", l.reason) }, l.oldest_at, "#/letters?reason=" + l.reason);
  }
  const manual = known("manual");
  if (manual?.count > 0) add("warn", "manual", { n: count(manual.count) }, manual.oldest_at, "#/people");
  return list.sort((a, b) => (a.tone === "bad" ? 0 : 1) - (b.tone === "bad" ? 0 : 1));
}

export function overview(self) {
  const verdict = h("section.verdict", { "aria-live": "polite" }), cards = h("div.cards"), queues = h("div"), letters = h("div");
  self.on(["providers", "queues", "workers", "letters", "manual", "alerts"], () => drawVerdict(verdict));
  self.on(["providers", "series", "caches"], () => drawCards(cards));
  self.on(["queues"], () => drawQueues(queues));
  self.on(["letters"], () => drawLetters(letters));
  self.every(10000, () => { drawVerdict(verdict); drawQueues(queues); }); // times go by
  return [
    verdict,
    h("section", {}, h("h2", {}, t("overview.providers"), h("small", {}, t("overview.last_five"))), cards),
    h("section", {}, h("h2", {}, t("overview.queues"), h("small", {}, t("overview.last_five"))), queues),
    h("section", {}, h("h2", {}, t("overview.letters")), letters),
  ];
}

function drawVerdict(place) {
  if (!known("providers")) { swap(place, h("h1", { tabindex: "-1" }, t("nav.overview")), loading()); return; }
  const list = wrongs();
  if (list.length === 0) {
    swap(place, h("h1.good", { tabindex: "-1" }, t("overview.good")), h("p.soft", {}, t("overview.good_more")));
    return;
  }
  swap(place,
    h("h1." + list[0].tone, { tabindex: "-1" }, t("overview.bad", { n: list.length })),
    h("ul.wrongs", {}, list.map((w) => h("li." + w.tone, {},
      h("div", {}, h("strong", {}, w.title), w.since && h("span.soft", {}, " · " + t("overview.since", { ago: ago(w.since) })), h("p", {}, w.text)),
      h("a.second", { href: w.href, "data-key": w.title, "aria-label": t("look") + ": " + w.title }, t("look")))),
    ));
}

function hitRate(name) {
  let hits = 0, all = 0;
  for (const c of known("caches") ?? []) {
    if (c.cache.split(".")[0] !== name && c.cache !== name) continue;
    hits += c.hits;
    all += c.hits + c.stale + c.misses;
  }
  return all ? percent(hits, all) : null;
}

function drawCards(place) {
  const providers = known("providers");
  if (!providers) { swap(place, loading()); return; }
  swap(place, providers.map((p) => {
    const minutes = known("series")?.[p.name] ?? [], most = Math.max(1, ...minutes.map((m) => m.calls));
    const facts = [
      [t("provider.calls"), count(p.calls)], [t("provider.failures"), `${count(p.failures)} (${percent(p.failures, p.calls)})`],
      [t("provider.p50"), millis(p.p50_ms)], [t("provider.p95"), millis(p.p95_ms)], [t("provider.p99"), millis(p.p99_ms)], [t("provider.cache"), hitRate(p.name)],
    ].filter(([, value]) => value !== null);
    return h("a.card", { href: "#/providers/" + encodeURIComponent(p.name), "data-key": "card " + p.name },
      h("div.top", {}, h("strong", {}, p.name), state(p)),
      h("p.soft", {}, p.kinds.map((k) => word("kind", k)).join(" · ") || p.driver, p.mode === "mock" && h("span.badge.calm", {}, "mock")),
      svg("svg", { viewBox: "0 0 100 28", preserveAspectRatio: "none", class: "sparks", "aria-hidden": "true" },
        spark(minutes.map((m) => m.calls), "accent", most), minutes.some((m) => m.failures) ? spark(minutes.map((m) => m.failures), "bad", most) : ""),
      h("dl.figures", {}, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
      meter(t("provider.rate_now"), p.calls / 300, p.rate, perSecond),
      meter(t("provider.quota"), p.quota.used, p.quota.limit, count),
      p.last_error && h("p.soft.last", {}, t("provider.last_error") + ": ", word("reason", p.last_error.reason), " · ", time(p.last_error.at)));
  }));
}

// state is the gravest word about a provider.
export function state(p) {
  if (p.paused) return h("span.badge.warn", {}, t("provider.paused"));
  if (p.breaker.state !== "closed") return badge("breaker", p.breaker.state);
  return badge("health", p.health.status);
}

// meter shows how much of a limit is used; nothing when there is no limit.
export function meter(label, used, limit, format) {
  if (!limit) return null;
  const share = Math.min(1, used / limit);
  return h("div.meter", {}, h("span", {}, label), h("span", {}, `${format(used)} / ${format(limit)}`),
    h("progress", { value: String(share), max: "1", class: share > 0.8 ? "warn" : "", "aria-label": label }));
}

function drawQueues(place) {
  const queues = known("queues");
  if (!queues) { swap(place, loading()); return; }
  swap(place, table(t("overview.queues"), [
    [t("queue.kind"), (q) => [word("kind", q.kind), q.paused && h("span.badge.warn", {}, t("provider.paused"))]],
    [t("queue.lane"), (q) => word("lane", q.lane)],
    [t("queue.rate"), (q) => perSecond(q.rate), "number"],
    [t("queue.failures"), (q) => count(q.failures), "number"],
    [t("queue.p95"), (q) => millis(q.p95_ms), "number"],
    [t("queue.in_flight"), (q) => count(q.in_flight), "number"],
    [t("queue.pending"), (q) => count(q.pending), "number"],
    [t("queue.oldest"), (q) => (q.oldest_at ? span(Date.now() - new Date(q.oldest_at)) : "–"), "number"],
  ], queues));
}

function drawLetters(place) {
  const letters = known("letters");
  if (!letters) { swap(place, loading()); return; }
  if (letters.length === 0) { swap(place, empty(t("overview.no_letters"))); return; }
  const most = Math.max(...letters.map((l) => l.count));
  swap(place, h("ul.bars", {}, letters.map((l) => h("li", {},
    h("a", { href: (l.reason === "unknown_outcome" ? "#/people" : "#/letters?reason=" + l.reason), "data-key": "reason " + l.reason }, word("reason", l.reason)),
    h("progress", { value: String(l.count / most), max: "1", "aria-hidden": "true" }), h("span.number", {}, count(l.count)), h("span.soft", {}, time(l.oldest_at))))));
}
