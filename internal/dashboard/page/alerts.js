// Alerts: those that fire, those that are over, and whom nobody is told of.
import { h, swap } from "./dom.js";
import { badge, button, confirm, empty, failed, field, loading, table, time, toast } from "./parts.js";
import { get, post, query, remove } from "./api.js";
import { t } from "./texts.js";
import { ago, word } from "./format.js";

export function alerts(self) {
  const place = h("div", {}, loading());
  const read = async () => {
    try {
      const [list, silences] = await Promise.all([get("alerts?resolved_since=7d"), get("silences")]);
      const firing = list.items.filter((a) => a.state === "firing"), over = list.items.filter((a) => a.state !== "firing");
      swap(place,
        section("firing", firing.length ? tableOf(firing, self.write ? [["", (a) => silencing(a, read), "actions"]] : []) : empty(t("alert.none"))),
        silences.items.length > 0 && section("silences", silencesOf(silences.items, self, read)),
        over.length > 0 && section("resolved", tableOf(over, [[t("alert.ended"), (a) => time(a.resolved_at)]])));
    } catch (error) {
      swap(place, failed(error));
    }
  };
  self.on(["alerts"], read);
  return [h("h1", { tabindex: "-1" }, t("nav.alerts")), place];
}

const section = (name, ...children) => h("section", { id: name }, h("h2", {}, t("alert." + name)), children);

const tableOf = (list, more) => table(t("nav.alerts"), [
  [t("alert.severity"), (a) => badge("severity", a.severity)],
  [t("alert.name"), (a) => [word("alert", a.alert), a.silenced_until && new Date(a.silenced_until) > Date.now() && h("p.soft", {}, t("alert.silenced", { ago: ago(a.silenced_until) }))]],
  [t("alert.subject"), (a) => a.subject || "–"], [t("alert.what"), (a) => a.message, "wide"], [t("alert.since"), (a) => time(a.since)], ...more,
], list);

const silencesOf = (list, self, read) => table(t("alert.silences"), [
  [t("alert.name"), (s) => (s.alert ? word("alert", s.alert) : t("alert.every"))], [t("alert.subject"), (s) => s.subject || "–"], [t("alert.until"), (s) => time(s.until)],
  [t("fleet.by"), (s) => [s.by, s.note].filter(Boolean).join(": "), "wide"],
  ...(self.write ? [["", (s) => button("second", t("alert.unsilence"), async () => {
    try {
      await remove("silences" + query({ alert: s.alert, subject: s.subject }));
      toast(t("app.done"));
    } catch (error) {
      toast(error.message, "bad");
    }
    read();
  }, { "data-key": `unsilence ${s.alert} ${s.subject}` }), "actions"]] : []),
], list);

const silencing = (a, read) => button("second", t("alert.silence"), async () => {
  const done = await confirm({
    title: t("alert.silence"), text: t("alert.silence_what", { name: [word("alert", a.alert), a.subject].filter(Boolean).join(" · ") }), label: t("alert.silence"),
    fields: [field(t("alert.hours"), h("input", { name: "hours", type: "number", min: "0.1", max: "720", step: "any", required: true, value: "1" }))],
    act: ({ hours, note }) => post("silences", { alert: a.alert, subject: a.subject, note, until: new Date(Date.now() + Number(hours) * 3600e3).toISOString() }),
  });
  if (done) { toast(t("app.done")); read(); }
}, { "data-key": "silence " + a.id });
