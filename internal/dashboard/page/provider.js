// One provider: how it stands, its last hour, and what steers it.
import { h, swap } from "./dom.js";
import { badge, button, chart, choice, confirm, facts, failed, field, loading, time, toast } from "./parts.js";
import { get, known, patch, post, put } from "./api.js";
import { t } from "./texts.js";
import { count, millis, percent, perSecond, word } from "./format.js";
import { meter, state } from "./overview.js";

export function provider(self) {
  const top = h("div", {}, loading()), charts = h("div.charts"), path = "providers/" + encodeURIComponent(self.id);
  let drawn = "";
  const draw = (p) => {
    swap(top, head(p, self, path, read), body(p));
    const minutes = p.series ?? [], now = JSON.stringify(minutes);
    if (now === drawn) return;
    drawn = now;
    const times = minutes.map((m) => m.at);
    swap(charts,
      chart(t("provider.hour"), times, [
        { label: t("provider.calls"), values: minutes.map((m) => m.calls), tone: "accent", fill: true },
        { label: t("provider.failures"), values: minutes.map((m) => m.failures), tone: "bad", fill: true },
      ], count),
      chart(t("provider.hour_time"), times, [{ label: t("provider.p95"), values: minutes.map((m) => (m.calls ? m.p95_ms : null)), tone: "warn" }], millis));
  };
  const read = async () => {
    try {
      draw(await get(path));
    } catch (error) {
      swap(top, h("h1", { tabindex: "-1" }, self.id), error.status === 404 ? h("p.empty", {}, t("provider.gone")) : failed(error));
    }
  };
  read();
  self.every(5000, read);
  return [top, charts];
}

function head(p, self, path, read) {
  const act = (label, what, danger, fields, note, done) => button(danger ? "danger" : "second", label, async () => {
    if (await confirm({ title: `${label}: ${p.name}`, text: what, label, danger, fields, note, act: done })) { toast(t("app.done")); read(); }
  }, { "data-key": label });
  const simple = (name, danger) => act(t("provider." + name), t(`provider.${name}_what`, { name: p.name }), danger, [], true, ({ note }) => post(`${path}/${name}`, { note }));
  return h("div.head", {},
    h("h1", { tabindex: "-1" }, p.name, " ", state(p)),
    self.write && h("div.actions", {},
      p.paused ? simple("resume") : simple("pause", true),
      p.breaker.state !== "closed" && simple("reset", true),
      act(t("provider.tune"), t("provider.tune_what"), false, [
        field(t("provider.rate"), h("input", { name: "rate", type: "number", min: "0", step: "any", required: true, value: String(p.rate) })),
        field(t("provider.burst"), h("input", { name: "burst", type: "number", min: "1", step: "1", required: true, value: String(Math.max(1, p.burst)) })),
      ], false, ({ rate, burst }) => patch(path, { rate: Number(rate), burst: Number(burst) })),
      p.mode === "mock" && act(t("provider.fault"), t("provider.fault_what", { name: p.name }), true, [
        field(t("provider.fault_outcome"), choice("outcome", ["error", "timeout", "drop", "throttle", "slow"], "error", (o) => word("outcome", o))),
        field(t("provider.fault_rate"), h("input", { name: "rate", type: "number", min: "0", max: "1", step: "any", required: true, value: "1" })),
        field(t("provider.fault_for"), h("input", { name: "for", required: true, value: "60s" })),
      ], false, ({ outcome, rate, for: last }) => put(path + "/faults", { outcome, rate: Number(rate), for: last })),
    ));
}

function body(p) {
  const caches = (known("caches") ?? []).filter((c) => c.cache.split(".")[0] === p.name);
  const asked = caches.reduce((n, c) => n + c.hits + c.stale + c.misses, 0);
  return [
    h("ul.holds", {}, p.holds.map((hold) => h("li", {}, h("span.badge.warn", {}, hold.cause === "operator" ? t("provider.paused") : word("reason", hold.cause)), " ", [hold.by, hold.note].filter(Boolean).join(": "), " ", hold.since && time(hold.since)))),
    facts([
      [t("provider.kinds"), p.kinds.map((k) => word("kind", k)).join(", ")],
      [t("provider.driver"), `${p.driver} (${p.mode})`],
      [t("provider.breaker"), [badge("breaker", p.breaker.state), p.breaker.since && [" ", time(p.breaker.since)]]],
      [t("provider.health"), [badge("health", p.health.status), p.health.reason && " " + p.health.reason]],
      [t("provider.checked"), p.health.checked_at && [time(p.health.checked_at), ` · ${millis(p.health.latency_ms)}`]],
      [t("provider.calls"), `${count(p.calls)} (${t("overview.last_five")})`],
      [t("provider.failures"), `${count(p.failures)} (${percent(p.failures, p.calls)})`],
      ["p50 / p95 / p99", `${millis(p.p50_ms)} / ${millis(p.p95_ms)} / ${millis(p.p99_ms)}`],
      [t("provider.rate_now"), p.rate ? `${perSecond(p.rate)} (${t("provider.burst")} ${p.burst})` : t("provider.no_limit")],
      [t("provider.waiting"), count(p.waiting)],
      [t("provider.cache"), asked > 0 && percent(caches.reduce((n, c) => n + c.hits, 0), asked)],
      [t("provider.last_error"), p.last_error && [badge("reason", p.last_error.reason), " ", time(p.last_error.at)]],
    ]),
    meter(t("provider.quota"), p.quota.used, p.quota.limit, count),
  ];
}
