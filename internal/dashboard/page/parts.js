// What several views are made of.
import { h, svg, swap } from "./dom.js";
import { Trouble } from "./api.js";
import { language, t } from "./texts.js";
import { ago, moment, word } from "./format.js";

const tones = {
  good: ["sent", "delivered", "completed", "closed", "healthy", "answered", "succeeded"],
  bad: ["failed", "dead_lettered", "bounced", "complained", "undelivered", "rejected", "open", "unhealthy", "critical", "firing"],
  warn: ["retrying", "unknown", "manual_review", "half_open", "degraded", "expired", "suppressed", "warning", "paused"],
};

// badge shows a word of the contract in its tone.
export function badge(group, value) {
  const tone = Object.keys(tones).find((name) => tones[name].includes(value)) || "calm";
  return h("span.badge." + tone, {}, word(group, value));
}

export const time = (value) => h("time", { datetime: value, title: moment(value) }, ago(value));

export const empty = (text) => h("p.empty", {}, text);

export const loading = () => h("p.empty", { "aria-busy": "true" }, t("app.loading"));

// explain is the sentence for an error, of the API or of the network.
export function explain(error) {
  if (!(error instanceof Trouble)) { console.error(error); return String(error.message || error); }
  return error.status === 0 ? t("app.unreachable") : error.message;
}

export const failed = (error) => h("p.error", { role: "alert" }, explain(error));

// table shows rows: columns are [title, cell(row), class]. On a phone each row is
// a card, in which every cell says its title.
export function table(caption, columns, rows, { key, href } = {}) {
  return h("div.scroll", {}, h("table", {},
    h("caption.hidden", {}, caption),
    h("thead", {}, h("tr", {}, columns.map(([title, , kind]) => h("th", { scope: "col", class: kind }, title)))),
    h("tbody", {}, rows.map((row) => h("tr", { class: href && "linked" }, columns.map(([title, cell, kind], i) => {
      const value = cell(row);
      return h("td", { "data-title": typeof title === "string" ? title : "", class: kind }, i === 0 && href ? h("a", { href: href(row), "data-key": key && key(row) }, value) : value);
    })))),
  ));
}

// facts is a list of names and values; those without a value are left out.
export function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return h("dl.facts", {}, given.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

export const json = (value) => h("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value, null, 2));

export function button(kind, label, onclick, more = {}) {
  return h("button." + kind, { type: "button", onclick, ...more }, label);
}

export function field(label, input) {
  return h("label.field", {}, h("span", {}, label), input);
}

export function choice(name, options, value, labels) {
  return h("select", { name, value }, options.map((o) => h("option", { value: o, selected: o === value }, labels(o))));
}

// values reads a form: name → trimmed text.
export function values(form) {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
}

// toast says what was done.
export function toast(text, tone = "good") {
  const place = document.getElementById("toasts");
  const one = h("p.toast." + tone, {}, text);
  place.append(one);
  if (place.children.length > 3) place.firstChild.remove();
  setTimeout(() => one.remove(), 6000);
}

// confirm asks before something is done. `act` gets the form's values and a
// function that says how far it is; what it throws is shown, and the dialog stays.
export function confirm({ title, text, warning, fields = [], note = true, label, danger, act }) {
  return new Promise((resolve) => {
    const trouble = h("div", {}), progress = h("p.progress", { role: "status" });
    const go = h("button." + (danger ? "danger" : "main"), { type: "submit", "data-key": "confirm" }, label);
    const form = h("form", { method: "dialog" },
      h("h2", { id: "dialog-title" }, title), text && h("p", {}, text), warning && h("p.warning", {}, warning), fields,
      note && field(t("app.note"), h("input", { name: "note", maxlength: "500", autocomplete: "off" })),
      trouble, progress,
      h("div.actions", {}, button("second", t("app.cancel"), () => dialog.close()), go),
    );
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    let outcome = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (go.disabled) return;
      go.disabled = true;
      swap(trouble);
      try {
        outcome = (await act(values(form), (said) => { progress.textContent = said; })) ?? true;
        dialog.close();
      } catch (error) {
        swap(trouble, failed(error));
        progress.textContent = "";
        go.disabled = false;
      }
    });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(outcome); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

// pages shows a list that goes on: load(cursor) gives { items, next }.
export function pages(load, show) {
  const place = h("div.pages", {}, loading());
  let items = [];
  const next = async (cursor) => {
    try {
      const page = await load(cursor);
      items = cursor ? items.concat(page.items) : page.items;
      swap(place, show(items), page.next && button("second", t("app.more"), () => next(page.next), { "data-key": "more" }));
    } catch (error) {
      swap(place, failed(error));
    }
  };
  place.reload = () => next("");
  next("");
  return place;
}

// spark is a line of numbers without axes.
export function spark(points, tone, most = Math.max(1, ...points)) {
  const step = 100 / Math.max(1, points.length - 1);
  const line = points.map((p, i) => `${(i * step).toFixed(1)},${(27 - (25 * p) / most).toFixed(1)}`).join(" ");
  return svg("polyline", { points: line, class: "spark " + tone, "vector-effect": "non-scaling-stroke" });
}

// color is what a variable of the style comes to now: a canvas does not know them.
function color(name) {
  const probe = h("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

// chart draws series over time: [{ label, values, tone, fill }] at times, ISO texts.
export function chart(title, times, series, format) {
  const place = h("figure.chart", { role: "img", "aria-label": title }, h("figcaption", {}, title));
  const axis = () => ({ stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" });
  let drawn = 0;
  const draw = () => {
    if (!place.clientWidth || place.clientWidth === drawn) return;
    drawn = place.clientWidth;
    place.querySelector(".uplot")?.remove();
    new uPlot({
      width: drawn, height: 200, cursor: { drag: { x: false } },
      scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
      axes: [
        { ...axis(), values: (_, ticks) => ticks.map((s) => new Date(s * 1000).toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit", hour12: false })) },
        { ...axis(), size: 64, values: (_, ticks) => ticks.map((v) => (Number.isInteger(v) ? format(v) : "")) },
      ],
      series: [
        { label: t("fleet.at"), value: (_, v) => (v ? new Date(v * 1000).toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit", hour12: false }) : "") },
        ...series.map((s) => ({
          label: s.label, stroke: color("--" + s.tone), width: 2, fill: s.fill && color("--" + s.tone + "-tint"),
          value: (_, v) => (v === null || v === undefined ? "" : format(v)),
        })),
      ],
    }, [times.map((at) => new Date(at) / 1000), ...series.map((s) => s.values)], place);
  };
  new ResizeObserver(draw).observe(place); // it ends with the element
  return place;
}
