// Mock mode: what the simulator received, as its reader would see it.
import { h, swap } from "./dom.js";
import { badge, button, confirm, empty, pages, table, time } from "./parts.js";
import { get, query, remove } from "./api.js";
import { t } from "./texts.js";

export function inbox(self) {
  const preview = h("div", { id: "preview" });
  const open = (m) => {
    // The server sends it with a policy that lets it look and do nothing.
    swap(preview, h("h2", {}, m.subject || t("inbox.preview")), h("iframe", { src: "/api/v1/inbox/" + encodeURIComponent(m.id), sandbox: "", title: t("inbox.preview") }));
    preview.scrollIntoView({ block: "nearest" });
  };
  const found = pages((cursor) => get("inbox" + query({ limit: 30, cursor })), (items) => (items.length ? table(t("nav.inbox"), [
    [t("inbox.to"), (m) => (m.to ?? []).join(", ") || "–"],
    [t("inbox.what"), (m) => m.subject || (m.text ?? "").slice(0, 60) || "–", "wide"],
    [t("inbox.provider"), (m) => m.provider],
    [t("inbox.outcome"), (m) => badge("outcome", m.outcome)],
    [t("inbox.at"), (m) => time(m.at)],
    ["", (m) => (m.html || m.text) && button("second", t("inbox.show"), () => open(m), { "data-key": "open " + m.id }), "actions"],
  ], items) : empty(t("inbox.none"))));
  const clear = async () => {
    if (await confirm({ title: t("inbox.clear"), text: t("inbox.clear_what"), label: t("inbox.clear"), danger: true, note: false, act: () => remove("inbox") })) { swap(preview); found.reload(); }
  };
  return [
    h("div.head", {}, h("h1", { tabindex: "-1" }, t("nav.inbox")),
      h("div.actions", {}, button("second", t("app.refresh"), found.reload), self.write && button("danger", t("inbox.clear"), clear))),
    found, preview,
  ];
}
