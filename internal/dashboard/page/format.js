// How numbers, times and words are shown, in the language of the page.
import { language, t, has } from "./texts.js";

const number = () => new Intl.NumberFormat(language());

export const count = (n) => number().format(n ?? 0);

export function percent(part, whole) {
  if (!whole) return "–";
  const share = (100 * part) / whole;
  return (share > 0 && share < 1 ? share.toFixed(1) : Math.round(share)) + "%";
}

export function millis(ms) {
  if (!ms) return "–";
  if (ms < 1000) return `${ms} ms`;
  return `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
}

export function perSecond(rate) {
  return t("unit.per_second", { n: rate >= 10 ? Math.round(rate) : Math.round(rate * 100) / 100 });
}

const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

// ago says how long ago a time was, or in how long it will be.
export function ago(time) {
  if (!time) return "–";
  const seconds = (new Date(time) - Date.now()) / 1000;
  const words = new Intl.RelativeTimeFormat(language(), { numeric: "auto", style: "short" });
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size || unit === "second") return words.format(Math.trunc(seconds / size), unit);
  }
}

// span is the length of a time: 3h 12m.
export function span(milliseconds) {
  let seconds = Math.max(0, Math.round(milliseconds / 1000));
  const parts = [];
  for (const [unit, size] of units) {
    if (seconds >= size || (unit === "second" && parts.length === 0)) {
      parts.push(t("unit." + unit, { n: Math.floor(seconds / size) }));
      seconds %= size;
    }
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

export function moment(time) {
  if (!time) return "–";
  return new Date(time).toLocaleString(language(), { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

// word translates a word of the contract and keeps one that has no translation.
export function word(group, value) {
  const key = `${group}.${value}`;
  return has(key) ? t(key) : value;
}

// short is enough of an id to tell it from others: its time and its random end.
export const short = (id) => (String(id).length > 16 ? `${String(id).slice(0, 8)}…${String(id).slice(-4)}` : String(id));
