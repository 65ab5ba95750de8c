// The frame of the page: who is there, where they are, and what is shown.
import { h, icon, swap } from "./dom.js";
import { explain, field } from "./parts.js";
import { known, live, session, unwatch, watch } from "./api.js";
import { choose, language, otherLanguage, t } from "./texts.js";
import { overview, wrongs } from "./overview.js";
import { provider } from "./provider.js";
import { deliveries, delivery } from "./deliveries.js";
import { letter, letters } from "./letters.js";
import { people } from "./people.js";
import { alerts } from "./alerts.js";
import { fleet } from "./fleet.js";
import { inbox } from "./inbox.js";

// views by the first word of the address; with a second word, the view of one.
const views = {
  overview: { all: overview },
  providers: { one: provider, under: "overview" },
  deliveries: { all: deliveries, one: delivery },
  letters: { all: letters, one: letter },
  people: { all: people },
  alerts: { all: alerts },
  fleet: { all: fleet },
  inbox: { all: inbox },
};

let who = null; // { name, write }
let leave = new AbortController(); // ends what a view listens to
let frame = null;

const mock = () => (known("providers") ?? []).some((p) => p.mode === "mock");

// counts stand beside the names of the views.
function counts() {
  const open = (known("letters") ?? []).filter((l) => l.reason !== "unknown_outcome").reduce((sum, l) => sum + l.count, 0);
  const unsure = (known("letters") ?? []).filter((l) => l.reason === "unknown_outcome").reduce((sum, l) => sum + l.count, 0);
  return { overview: wrongs().length, letters: open, people: unsure + (known("manual")?.count ?? 0), alerts: (known("alerts") ?? []).length };
}

// --- log in ------------------------------------------------------------------

function login() {
  unwatch();
  frame = null;
  leave.abort();
  const trouble = h("p.error", { role: "alert", hidden: true });
  const token = h("input", { name: "token", type: "password", autocomplete: "current-password", required: true, maxlength: "512" });
  const form = h("form.login", { id: "login" },
    h("img", { src: "/dashboard/icon.svg", alt: "", width: "48", height: "48" }),
    h("h1", {}, t("app.name")), field(t("login.token"), token), trouble,
    h("button.main", { type: "submit" }, t("login.enter")), h("p.hint", {}, t("login.hint")), switches());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      who = await session.begin(token.value.trim());
      enter();
    } catch (error) {
      trouble.textContent = error.status === 401 ? t("login.wrong") : error.status === 429 ? t("login.locked", { seconds: error.retry }) : explain(error);
      trouble.hidden = false;
      token.select();
    }
  });
  swap(document.body, h("main.door", {}, form));
  token.focus();
}

// --- the frame ---------------------------------------------------------------

function switches() {
  const themes = ["auto", "light", "dark"];
  const theme = h("select", { "aria-label": t("app.theme"), "data-key": "theme" }, themes.map((name) => h("option", { value: name, selected: name === stored() }, t("theme." + name))));
  theme.addEventListener("change", () => { localStorage.setItem("gangway.theme", theme.value); paint(); draw(); });
  return h("div.switches", {}, theme, h("button.quiet", { type: "button", "data-key": "language", lang: otherLanguage(), onclick: () => { choose(otherLanguage()); draw(); } }, t("app.language")));
}

const stored = () => localStorage.getItem("gangway.theme") || "auto";

function paint() {
  const theme = stored();
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function enter() {
  watch();
  draw();
}

// draw draws everything anew: after a log-in, in another language or theme.
function draw() {
  document.documentElement.lang = language();
  document.title = t("app.name");
  if (!who) { login(); return; }
  const links = h("nav", { "aria-label": t("app.menu") });
  const said = h("div.said", { role: "status" });
  const main = h("main", { id: "main", tabindex: "-1" });
  const logout = h("button.quiet", { type: "button", id: "logout", onclick: async () => { await session.end().catch(() => {}); who = null; login(); } }, t("app.logout"));
  frame = { links, said, main };
  swap(document.body,
    h("a.skip", { href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } }, t("app.skip")),
    h("header.bar", {},
      h("a.brand", { href: "#/overview" }, h("img", { src: "/dashboard/icon.svg", alt: "", width: "28", height: "28" }), h("span", {}, "Gangway")),
      links, h("div.who", {}, h("span.name", {}, who.name, !who.write && h("span.badge.calm", {}, t("app.read_only"))), switches(), who.name !== "local" && logout),
    ),
    h("div.sheet", {}, said, main),
    h("div", { id: "toasts", role: "status" }),
  );
  show();
}

function place() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  return { name: name || "overview", id: rest.length ? decodeURIComponent(rest.join("/")) : "", search: Object.fromEntries(new URLSearchParams(search)) };
}

function menu() {
  const here = views[place().name]?.under ?? place().name;
  const n = counts();
  const names = Object.keys(views).filter((name) => views[name].all && (name !== "inbox" || mock()));
  swap(frame.links, names.map((name) => h("a", { href: "#/" + name, "aria-current": name === here && "page", "data-key": name },
    icon(name), h("span", {}, t("nav." + name)), n[name] > 0 && h("span.count", {}, n[name] > 999 ? "999+" : String(n[name])))));
  swap(frame.said,
    !live.connected && Object.keys(live.state).length > 0 && h("p.offline", {}, t("app.offline")),
    mock() && h("p.mock", {}, t("app.mock")));
}

// show shows the view of the address. A view gets what it needs to live: `on` for
// what changes, `write` for whether actions are possible, the address's rest.
function show() {
  if (!frame) return;
  leave.abort();
  leave = new AbortController();
  const { name, id, search } = place();
  const view = id ? views[name]?.one : views[name]?.all;
  const self = {
    id, search, write: who.write,
    on: (topics, act) => {
      addEventListener("live", (event) => { if (topics.includes(event.detail)) act(); }, { signal: leave.signal });
      act();
    },
    every: (milliseconds, act) => {
      const timer = setInterval(() => { if (!document.hidden) act(); }, milliseconds);
      leave.signal.addEventListener("abort", () => clearInterval(timer));
    },
    again: show,
  };
  menu();
  frame.links.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  swap(frame.main, view ? view(self) : h("p.empty", {}, t("app.nothing_here")));
}

addEventListener("hashchange", () => {
  show();
  frame?.main.querySelector("h1")?.focus();
  scrollTo(0, 0);
});
addEventListener("live", () => { if (frame) menu(); });
addEventListener("logged-out", () => { if (who) { who = null; login(); } });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (stored() === "auto") draw(); });

paint();
try {
  who = await session.who();
  enter();
} catch (error) {
  draw();
  if (error.status !== 401) { const box = document.querySelector(".login .error"); box.textContent = explain(error); box.hidden = false; }
}
