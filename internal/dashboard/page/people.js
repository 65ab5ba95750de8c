// What a person settles: outcomes that nobody knows, and companies that nobody
// could verify.
import { h } from "./dom.js";
import { button, choice, confirm, empty, field, pages, toast } from "./parts.js";
import { get, post, query } from "./api.js";
import { t } from "./texts.js";
import { short, word } from "./format.js";
import { list } from "./deliveries.js";

export function people(self) {
  const section = (status, what, none, actions) => {
    const found = pages((cursor) => get("deliveries" + query({ status, since: "30d", limit: 50, cursor })),
      (items) => (items.length ? list(items, self.write ? [["", (d) => actions(d, found.reload), "actions"]] : []) : empty(none)));
    return h("section", { id: status }, h("h2", {}, t("people." + (status === "unknown" ? "unknown" : "manual"))), h("p.soft", {}, what), found);
  };
  return [
    h("h1", { tabindex: "-1" }, t("nav.people")),
    section("unknown", t("people.unknown_what"), t("people.no_unknown"), settling),
    section("manual_review", t("people.manual_what"), t("people.no_manual"), completing),
  ];
}

// settling are the two ways in which an unknown outcome ends.
export function settling(d, done) {
  const way = (name, sent, danger) => button(danger ? "danger" : "second", t("people." + name), async () => {
    const settled = await confirm({
      title: t("people." + name), text: t(`people.${name}_what`, { id: short(d.id) }), label: t("people." + name), danger,
      act: ({ note }) => post(`deliveries/${d.id}/settle`, { sent, note }),
    });
    if (settled) { toast(t("app.done")); done(); }
  }, { "data-key": name + d.id });
  return h("div.actions", {}, way("sent", true), way("again", false, true));
}

// completing enters what somebody found out about a company.
export function completing(d, done) {
  const text = (name, more = {}) => field(t("company." + name), h("input", { name, maxlength: "200", autocomplete: "off", ...more }));
  return h("div.actions", {}, button("second", t("people.complete"), async () => {
    const completed = await confirm({
      title: t("people.complete_title"), label: t("people.complete"),
      fields: [
        text("registration_number", { value: /^[\d-]{10,12}$/.test(d.recipient ?? "") ? d.recipient : "" }), text("name", { required: true }), text("representative"),
        field(t("company.status"), choice("status", ["active", "suspended", "closed"], "active", (v) => word("company", v))), text("address"),
      ],
      act: ({ note, ...company }) => post(`deliveries/${d.id}/complete`, { company: Object.fromEntries(Object.entries(company).filter(([, v]) => v !== "")), note }),
    });
    if (completed) { toast(t("people.accepted")); setTimeout(done, 1500); }
  }, { "data-key": "complete" + d.id }));
}
