// The admin API, and the stream that tells what changes by itself.

// Trouble is what the API answered instead of what was asked for: its problem
// document's sentence, field and code.
export class Trouble extends Error {
  constructor(status, problem) {
    super(problem.detail || String(status));
    this.status = status;
    this.code = problem.code || "unavailable";
    this.retry = problem.retry;
  }
}

const patience = 35000; // ms; the API gives up after 30 s

async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(patience),
    });
  } catch {
    throw new Trouble(0, { code: "unavailable" });
  }
  if (response.status === 204) return null;
  const json = (response.headers.get("Content-Type") || "").includes("json");
  const answer = json ? await response.json() : {};
  if (!response.ok) {
    if (response.status === 401 && path !== "/session") dispatchEvent(new Event("logged-out"));
    throw new Trouble(response.status, { ...answer, retry: response.headers.get("Retry-After") });
  }
  return answer;
}

// query makes ?a=1&b=2 of what is not empty.
export function query(values) {
  const given = Object.entries(values).filter(([, v]) => v !== "" && v !== null && v !== undefined);
  return given.length ? "?" + new URLSearchParams(given) : "";
}

export const session = {
  who: () => ask("GET", "/session"),
  begin: (token) => ask("POST", "/session", { token }),
  end: () => ask("DELETE", "/session"),
};

export const get = (path) => ask("GET", "/api/v1/" + path);
export const post = (path, body = {}) => ask("POST", "/api/v1/" + path, body);
export const patch = (path, body) => ask("PATCH", "/api/v1/" + path, body);
export const put = (path, body) => ask("PUT", "/api/v1/" + path, body);
export const remove = (path) => ask("DELETE", "/api/v1/" + path);

// topics are what the server pushes; see newDashboard in internal/app.
export const topics = ["providers", "queues", "workers", "letters", "manual", "caches", "series", "alerts"];

// live holds the last state of each topic. A topic that could not be read is
// { error }, and keeps what was known before in `before`.
export const live = { state: {}, connected: false };

let source = null;

export function watch() {
  if (source) return;
  source = new EventSource("/dashboard/live");
  source.onopen = () => connected(true);
  source.onerror = () => {
    connected(false);
    // A browser does not come again after an answer that is no stream.
    if (source && source.readyState === EventSource.CLOSED) { unwatch(); setTimeout(retry, 3000); }
  };
  for (const name of topics) {
    source.addEventListener(name, (event) => {
      const data = JSON.parse(event.data);
      const before = live.state[name]?.error ? live.state[name].before : live.state[name];
      live.state[name] = data.error ? { error: data.error, before } : data;
      dispatchEvent(new CustomEvent("live", { detail: name }));
    });
  }
}

async function retry() {
  try {
    await session.who();
    watch();
  } catch (trouble) {
    if (trouble.status === 401) dispatchEvent(new Event("logged-out"));
    else setTimeout(retry, 3000);
  }
}

export function unwatch() {
  source?.close();
  source = null;
}

function connected(now) {
  if (live.connected === now) return;
  live.connected = now;
  dispatchEvent(new CustomEvent("live", { detail: "connected" }));
}

// known returns a topic's list, or what was known of it before; null for nothing.
export function known(name) {
  const state = live.state[name];
  if (!state) return null;
  return state.error ? state.before ?? null : state;
}
