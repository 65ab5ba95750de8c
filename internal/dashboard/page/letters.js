// Dead letters: searched, looked at, replayed and discarded.
import { h, swap } from "./dom.js";
import { badge, button, choice, confirm, empty, facts, failed, field, json, loading, pages, table, time, toast, values } from "./parts.js";
import { get, post, query } from "./api.js";
import { t } from "./texts.js";
import { count, millis, moment, short, word } from "./format.js";
import { kinds, orAll } from "./deliveries.js";

const reasons = ["invalid", "refused", "not_found", "unauthorized", "rate_limited", "quota_exhausted", "unavailable", "timeout", "circuit_open", "unknown_outcome",
  "suppressed", "expired", "cancelled", "internal"];
const spans = ["", "1h", "24h", "7d", "30d"];

export function letters(self) {
  const s = self.search, chosen = new Set();
  const form = h("form.filter", { role: "search" },
    field(t("letter.contains"), h("input", { name: "contains", value: s.contains ?? "", type: "search", maxlength: "200", autocomplete: "off", spellcheck: "false" })),
    field(t("delivery.kind"), choice("kind", ["", ...kinds], s.kind ?? "", orAll("kind"))),
    field(t("delivery.reason"), choice("reason", ["", ...reasons], s.reason ?? "", orAll("reason"))),
    field(t("delivery.provider"), h("input", { name: "provider", value: s.provider ?? "", maxlength: "100", autocomplete: "off", spellcheck: "false" })),
    field(t("letter.since"), choice("since", spans, s.since ?? "", orAll("since"))),
    h("button.main", { type: "submit" }, t("app.search")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = "#/letters" + query(values(form));
  });
  const found = pages(
    (cursor) => get("deadletters" + query({ contains: s.contains, kind: s.kind, reason: s.reason, provider: s.provider, since: s.since, limit: 50, cursor })),
    (items) => (items.length ? [self.write && bar(), listed(items)] : empty(t("letter.none"))));
  const done = () => { chosen.clear(); found.reload(); };

  // matching is the order that names what the list shows; chosen what is ticked.
  const matching = () => {
    const order = {};
    for (const [name, value] of [["kinds", s.kind], ["reasons", s.reason], ["providers", s.provider]]) if (value) order[name] = [value];
    for (const name of ["contains", "since"]) if (s[name]) order[name] = s[name];
    return Object.keys(order).length ? order : { all: true };
  };
  const bar = () => {
    const place = h("div.actions", { id: "bulk" });
    const draw = () => swap(place, ["replay", "discard"].map((action) => button(action === "discard" ? "danger" : "second",
      chosen.size ? t(`letter.${action}_chosen`, { n: chosen.size }) : t(`letter.${action}_all`),
      () => settle(action, chosen.size ? { ids: [...chosen] } : matching(), done), { "data-key": action })));
    bar.draw = draw;
    draw();
    return place;
  };
  const listed = (items) => {
    const tick = (l) => h("input", { type: "checkbox", "aria-label": `${t("letter.select")} ${l.id}`, checked: chosen.has(String(l.id)), onchange: (event) => {
      if (event.target.checked) chosen.add(String(l.id)); else chosen.delete(String(l.id));
      bar.draw();
    } });
    return table(t("nav.letters"), [
      [t("delivery.id"), (l) => h("code", {}, short(l.delivery_id))],
      [t("delivery.reason"), (l) => badge("reason", l.reason)],
      [t("delivery.kind"), (l) => word("kind", l.kind)],
      [t("delivery.recipient"), (l) => l.recipient || "–", "wide"],
      [t("letter.error"), (l) => l.error, "wide"],
      [t("delivery.provider"), (l) => l.provider || "–"],
      [t("letter.at"), (l) => time(l.created_at)],
      ...(self.write ? [[t("letter.select"), tick, "tick"]] : []),
    ], items, { key: (l) => String(l.id), href: (l) => "#/letters/" + l.id });
  };
  return [h("h1", { tabindex: "-1" }, t("nav.letters")), form, found];
}

// settle counts first what an action would do, asks, and then does it in parts.
async function settle(action, order, done) {
  let matched;
  try {
    ({ matched } = await post("deadletters/" + action, { ...order, dry_run: true }));
  } catch (error) {
    toast(error.message, "bad");
    return;
  }
  const outcome = await confirm({
    title: t("letter." + action), text: t("letter.would_" + action, { n: count(matched) }), warning: action === "replay" && t("letter.unknown_warning"),
    label: t("letter." + action), danger: action === "discard",
    act: async ({ note }, say) => {
      const sum = { n: 0, skipped: 0, failed: 0 };
      for (let cursor = ""; ;) {
        const part = await post("deadletters/" + action, { ...order, note, cursor });
        sum.n += part.replayed ?? part.discarded ?? 0;
        sum.skipped += part.skipped;
        sum.failed += part.failed;
        if (!part.next) return sum;
        say(t("letter.progress", { done: count(sum.n), left: count(part.left) }));
        cursor = part.next;
      }
    },
  });
  if (outcome) {
    toast(t(action === "replay" ? "letter.replayed" : "letter.discarded", { n: count(outcome.n), skipped: count(outcome.skipped), failed: count(outcome.failed) }), outcome.n ? "good" : "bad");
    done();
  }
}

export function letter(self) {
  const place = h("div", {}, loading());
  const read = async () => {
    try {
      show(await get("deadletters/" + encodeURIComponent(self.id)));
    } catch (error) {
      swap(place, h("h1", { tabindex: "-1" }, t("nav.letters")), failed(error));
    }
  };
  const show = (l) => {
    const open = !l.replayed_at && !l.discarded_at;
    swap(place,
      h("div.head", {}, h("h1", { tabindex: "-1" }, word("kind", l.kind), " ", badge("reason", l.reason)),
        h("div.actions", {}, h("a.second", { href: "#/deliveries/" + l.delivery_id }, t("letter.delivery")),
          self.write && open && [
            button("second", t("letter.replay"), () => settle("replay", { ids: [String(l.id)] }, read), { "data-key": "replay" }),
            button("danger", t("letter.discard"), () => settle("discard", { ids: [String(l.id)] }, read), { "data-key": "discard" })])),
      !open && h("p.warning", {}, t("letter.settled"), " ", time(l.replayed_at || l.discarded_at)),
      facts([
        [t("delivery.id"), h("code", {}, l.delivery_id)], [t("letter.error"), l.error], [t("delivery.recipient"), l.recipient], [t("delivery.provider"), l.provider],
        [t("delivery.attempts"), String(l.attempts)], [t("letter.first_seen"), moment(l.first_seen)], [t("letter.at"), moment(l.created_at)], [t("delivery.trace"), l.trace_id && h("code", {}, l.trace_id)],
      ]),
      !self.write && h("p.warning", {}, t("letter.masked")),
      h("h2", {}, t("letter.payload")), json(l.payload),
      l.attempt_log.length > 0 && [h("h2", {}, t("letter.attempts")), table(t("letter.attempts"), [
        [t("delivery.provider"), (a) => a.provider], [t("inbox.outcome"), (a) => [a.outcome, a.reason && " " + word("reason", a.reason)]],
        [t("delivery.took"), (a) => millis(a.duration_ms), "number"], [t("fleet.at"), (a) => time(a.started_at)],
      ], l.attempt_log)],
      h("details", {}, h("summary", {}, t("letter.headers")), json(l.headers)));
  };
  read();
  return place;
}
