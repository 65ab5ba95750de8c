// Deliveries: searched, and one with everything that happened to it.
import { h, swap } from "./dom.js";
import { badge, button, choice, confirm, empty, facts, failed, field, json, loading, pages, table, time, toast, values } from "./parts.js";
import { get, post, query } from "./api.js";
import { t } from "./texts.js";
import { millis, moment, short, word } from "./format.js";
import { completing, settling } from "./people.js";

export const kinds = ["email.send", "sms.send", "business.verify", "address.search"];

const statuses = ["queued", "scheduled", "processing", "retrying", "sent", "delivered", "completed", "unknown", "manual_review", "failed", "rejected",
  "suppressed", "cancelled", "expired", "undelivered", "bounced", "complained", "dead_lettered", "discarded"];
const spans = ["", "1h", "24h", "7d", "30d"];
const isID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const orAll = (group) => (value) => (value === "" ? t("app.all") : word(group, value));

export function deliveries(self) {
  const s = self.search;
  const form = h("form.filter", { role: "search" },
    field(t("delivery.find"), h("input", { name: "q", value: s.q ?? "", type: "search", maxlength: "320", autocomplete: "off", spellcheck: "false" })),
    field(t("delivery.kind"), choice("kind", ["", ...kinds], s.kind ?? "", orAll("kind"))),
    field(t("delivery.status"), choice("status", ["", ...statuses], s.status ?? "", orAll("status"))),
    field(t("delivery.since"), choice("since", spans, s.since ?? "24h", orAll("since"))),
    h("button.main", { type: "submit" }, t("app.search")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { q, kind, status, since } = values(form);
    if (isID.test(q)) location.hash = "#/deliveries/" + q.toLowerCase();
    else location.hash = "#/deliveries" + (query({ q, kind, status }) || "?") + (query({ q, kind, status }) ? "&" : "") + "since=" + since;
  });
  const load = (cursor) => get("deliveries" + query({ recipient: s.q, kind: s.kind, status: s.status, since: s.since ?? "24h", limit: 50, cursor }));
  return [h("h1", { tabindex: "-1" }, t("nav.deliveries")), form, pages(load, (items) => (items.length ? list(items) : empty(t("delivery.none"))))];
}

export function list(items, more = []) {
  return table(t("nav.deliveries"), [
    [t("delivery.id"), (d) => h("code", {}, short(d.id))],
    [t("delivery.status"), (d) => [badge("status", d.status), d.reason && word("reason", d.reason) !== word("status", d.status) && h("span.soft", {}, " " + word("reason", d.reason))]],
    [t("delivery.kind"), (d) => word("kind", d.kind)],
    [t("delivery.recipient"), (d) => d.recipient || "–", "wide"],
    [t("delivery.subject"), (d) => d.subject || d.template || "–", "wide"],
    [t("delivery.provider"), (d) => d.provider || "–"],
    [t("delivery.requested"), (d) => time(d.requested_at)],
    ...more,
  ], items, { key: (d) => d.id, href: (d) => "#/deliveries/" + d.id });
}

const cancellable = ["queued", "scheduled", "retrying", "processing"];

export function delivery(self) {
  const place = h("div", {}, loading());
  const read = async () => {
    try {
      show(await get("deliveries/" + encodeURIComponent(self.id)));
    } catch (error) {
      swap(place, h("h1", { tabindex: "-1" }, short(self.id)), failed(error));
    }
  };
  const show = (d) => swap(place,
    h("div.head", {}, h("h1", { tabindex: "-1" }, word("kind", d.kind), " ", badge("status", d.status)),
      self.write && h("div.actions", {},
        cancellable.includes(d.status) && button("danger", t("delivery.cancel"), async () => {
          const done = await confirm({ title: t("delivery.cancel"), text: t("delivery.cancel_what"), label: t("delivery.cancel"), danger: true, act: ({ note }) => post(`deliveries/${d.id}/cancel`, { reason: note }) });
          if (done) { toast(t("app.done")); read(); }
        }, { "data-key": "cancel" }),
        d.status === "unknown" && settling(d, read), d.status === "manual_review" && completing(d, read))),
    facts([
      [t("delivery.id"), h("code", {}, d.id)], [t("delivery.reason"), d.reason && word("reason", d.reason)],
      [t("delivery.recipient"), d.recipient], [t("delivery.subject"), d.subject], [t("delivery.template"), d.template], [t("delivery.provider"), d.provider],
      [t("delivery.message_id"), d.provider_message_id], [t("delivery.attempts"), d.attempts > 0 && String(d.attempts)], [t("delivery.replays"), d.replays > 0 && String(d.replays)],
      [t("delivery.error"), (d.error_code || d.error_message) && [d.error_code, d.error_message].filter(Boolean).join(": ")],
      [t("delivery.requested"), moment(d.requested_at)], [t("delivery.send_at"), d.send_at && moment(d.send_at)],
      [t("delivery.completed"), d.completed_at && moment(d.completed_at)], [t("delivery.correlation"), d.correlation_id], [t("delivery.trace"), d.trace_id && h("code", {}, d.trace_id)],
    ]),
    h("h2", {}, t("delivery.timeline")), timeline(d),
    d.result && [h("h2", {}, t("delivery.result")), json(d.result)]);
  read();
  self.every(5000, read);
  return place;
}

// timeline is what happened, in order: asked, called, reported, and how it stands.
function timeline(d) {
  const steps = [{ at: d.requested_at, title: t("delivery.asked") }];
  for (const a of d.attempt_log) {
    steps.push({ at: a.started_at, title: t("delivery.attempt", { provider: a.provider, n: a.attempt }), tone: attempt(a),
      more: [a.outcome, a.reason && word("reason", a.reason), a.error_code, millis(a.duration_ms)].filter(Boolean).join(" · "), detail: (a.request || a.response) && { request: a.request, response: a.response } });
  }
  for (const e of d.events) {
    steps.push({ at: e.occurred_at, title: t("delivery.event", { provider: e.provider, type: e.type }), badge: e.status && badge("status", e.status), more: [e.recipient, e.error_code, e.message].filter(Boolean).join(" · ") });
  }
  steps.sort((a, b) => new Date(a.at) - new Date(b.at));
  steps.push({ at: d.updated_at, title: t("delivery.now", { status: word("status", d.status) }), now: true });
  return h("ol.timeline", {}, steps.map((s) => h("li", { class: [s.now && "now", s.tone].filter(Boolean).join(" ") },
    h("time", { datetime: s.at }, moment(s.at)), h("div", {}, h("strong", {}, s.title), " ", s.badge, s.more && h("p.soft", {}, s.more),
      s.detail && h("details", {}, h("summary", {}, t("fleet.detail")), json(s.detail))))));
}

const attempt = (a) => (a.reason ? "bad" : "good");
