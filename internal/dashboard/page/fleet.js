// The fleet: its workers, caches, audit log and configuration.
import { h, swap } from "./dom.js";
import { empty, failed, field, loading, pages, table, time } from "./parts.js";
import { get, known, query } from "./api.js";
import { t } from "./texts.js";
import { count, percent, short } from "./format.js";

export function fleet(self) {
  const workers = h("div"), caches = h("div"), config = h("div", {}, loading());
  self.on(["workers"], () => swap(workers, known("workers") ? workersOf(known("workers")) : loading()));
  self.on(["caches"], () => swap(caches, known("caches") ? cachesOf(known("caches")) : loading()));
  const find = h("input", { type: "search", autocomplete: "off", spellcheck: "false" });
  let settings = [];
  const show = () => swap(config, table(t("fleet.config"), [
    [t("fleet.setting"), (s) => h("code", {}, s.path)], [t("fleet.value"), (s) => h("code", {}, s.value), "wide"], [t("fleet.origin"), (s) => s.origin || "–"],
  ], settings.filter((s) => s.path.includes(find.value.trim().toLowerCase()))));
  find.addEventListener("input", show);
  get("config").then((page) => { settings = page.items; show(); }, (error) => swap(config, failed(error)));
  return [
    h("h1", { tabindex: "-1" }, t("nav.fleet")),
    h("section", {}, h("h2", {}, t("fleet.workers")), workers),
    h("section", {}, h("h2", {}, t("fleet.caches")), caches),
    h("section", {}, h("h2", {}, t("fleet.audit")), pages((cursor) => get("audit" + query({ limit: 20, cursor })), (items) => (items.length ? auditOf(items) : empty(t("fleet.no_audit"))))),
    h("section", {}, h("h2", {}, t("fleet.config")), h("div.filter", {}, field(t("fleet.filter"), find)), config),
  ];
}

const workersOf = (list) => table(t("fleet.workers"), [
  [t("delivery.id"), (w) => h("code", {}, short(w.id))],
  [t("fleet.state"), (w) => (w.alive ? h("span.badge.good", {}, t("fleet.alive")) : h("span.badge.calm", {}, t("fleet.gone")))],
  [t("fleet.host"), (w) => `${w.host} (${w.pid})`], [t("fleet.version"), (w) => w.version], [t("fleet.started"), (w) => time(w.started_at)],
], list);

const cachesOf = (list) => table(t("fleet.caches"), [
  [t("fleet.cache"), (c) => c.cache], [t("fleet.entries"), (c) => count(c.entries), "number"],
  [t("fleet.hits"), (c) => count(c.hits), "number"], [t("fleet.stale"), (c) => count(c.stale), "number"], [t("fleet.misses"), (c) => count(c.misses), "number"],
  [t("fleet.hit_rate"), (c) => percent(c.hits, c.hits + c.stale + c.misses), "number"],
], list);

const auditOf = (list) => table(t("fleet.audit"), [
  [t("fleet.at"), (a) => time(a.at)], [t("fleet.by"), (a) => a.by], [t("fleet.action"), (a) => h("code", {}, a.action)],
  [t("fleet.target"), (a) => a.target, "wide"], [t("fleet.detail"), (a) => a.detail && h("code", {}, JSON.stringify(a.detail)), "wide"],
], list);
