"use strict";
// The postcode page: the widget, or a search of our own where it cannot load,
// then the address that was picked, checked by the server, then the message to
// the page that asked. Nothing that comes from outside becomes markup.
(() => {
  const settings = JSON.parse(document.getElementById("settings").textContent);
  const nonce = document.getElementById("program").nonce;
  const query = new URLSearchParams(location.search);
  const texts = settings.texts;
  const at = (id) => document.getElementById(id);
  const views = ["widget", "search", "confirm", "done"];
  const scriptTimeout = 6000;
  const pageSize = 10;

  let back = "search"; // the view that picked
  let chosen = null; // { address, verified }
  let asked = { keyword: "", page: 0, shown: 0 };

  function show(view) {
    for (const name of views) at(name).hidden = name !== view;
    say("");
    fail("");
  }

  function say(text) { at("status").textContent = text; }

  function fail(text) {
    at("error").textContent = text;
    at("error").hidden = text === "";
  }

  // --- the widget -----------------------------------------------------------

  function constructorOfWidget() {
    return (window.kakao && window.kakao.Postcode) || (window.daum && window.daum.Postcode);
  }

  function load(address) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      const timer = setTimeout(() => { script.remove(); reject(new Error("timeout")); }, scriptTimeout);
      script.nonce = nonce;
      script.async = true;
      script.src = address;
      script.onload = () => { clearTimeout(timer); constructorOfWidget() ? resolve() : reject(new Error("empty")); };
      script.onerror = () => { clearTimeout(timer); script.remove(); reject(new Error("unreachable")); };
      document.head.append(script);
    });
  }

  async function openWidget() {
    show("widget");
    for (const address of settings.scripts) {
      try {
        if (!constructorOfWidget()) await load(address);
        embed();
        return;
      } catch { /* the next address, then our own search */ }
    }
    openSearch();
    say(texts.noWidget);
  }

  function embed() {
    if (at("widget").hidden) return; // whoever waited went on without it
    const Widget = constructorOfWidget();
    at("frame").replaceChildren();
    new Widget({
      width: "100%", height: "100%", oncomplete: (data) => picked(fromWidget(data), "widget"),
    }).embed(at("frame"), { q: query.get("q") || undefined, autoClose: false });
    at("frame").removeAttribute("aria-busy");
    at("to-widget").hidden = false;
  }

  // What the widget says is a guess until the server has looked it up.
  function fromWidget(data) {
    const text = (value) => (typeof value === "string" ? value.slice(0, 300) : "");
    const lot = text(data.jibunAddress) || text(data.autoJibunAddress);
    const road = text(data.roadAddress) || text(data.autoRoadAddress);
    return {
      postal_code: text(data.zonecode), road_address: road, jibun_address: lot,
      building_name: text(data.buildingName), building_code: text(data.buildingCode), detail_hint: "",
      region: { province: text(data.sido), city: text(data.sigungu), town: text(data.bname1) || text(data.bname), road: text(data.roadname), legal_code: text(data.bcode) },
    };
  }

  // --- our own search -------------------------------------------------------

  function openSearch() {
    show("search");
    at("keyword").focus();
  }

  async function request(path, options) {
    let answer;
    try {
      answer = await fetch(path, { ...options, headers: { ...(options && options.headers), "Accept-Language": settings.lang } });
    } catch {
      throw new Error(texts.offline);
    }
    let body = null;
    try { body = await answer.json(); } catch { /* not ours */ }
    if (!answer.ok || !body) throw new Error((body && body.detail) || texts.offline);
    return body;
  }

  async function search(keyword, page) {
    const button = at("search-form").querySelector("button");
    button.setAttribute("aria-disabled", "true");
    fail("");
    say(texts.searching);
    try {
      const found = await request("v1/addresses?" + new URLSearchParams({ keyword, page, size: pageSize }));
      list(found, keyword, page);
      at("keyword").removeAttribute("aria-invalid");
    } catch (problem) {
      say("");
      if (page === 1) clear();
      fail(problem.message);
      at("keyword").setAttribute("aria-invalid", "true");
    }
    button.removeAttribute("aria-disabled");
  }

  function clear() {
    at("results").replaceChildren();
    at("more").hidden = true;
  }

  function list(found, keyword, page) {
    if (page === 1) {
      clear();
      asked = { keyword, page: 0, shown: 0 };
    }
    const items = found.items.map(row);
    at("results").append(...items);
    asked = { keyword, page, shown: asked.shown + items.length };
    at("more").hidden = items.length === 0 || asked.shown >= found.total;
    say(found.total === 0 ? texts.nothing : texts.found.replace("{n}", found.total.toLocaleString(settings.lang)));
    if (page > 1 && items.length > 0) items[0].firstChild.focus();
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  }

  function row(address) {
    const button = element("button", "", "");
    button.type = "button";
    button.append(element("span", "zip", address.postal_code || "—"), element("span", "road", address.road_address || address.jibun_address));
    if (address.road_address && address.jibun_address) {
      const lot = element("span", "lot", "");
      lot.append(element("span", "kind", texts.lot), address.jibun_address);
      button.append(lot);
    }
    button.addEventListener("click", () => picked(address, "search", true));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  // --- the address that was picked ------------------------------------------

  async function picked(address, from, known) {
    back = from;
    chosen = { address, verified: Boolean(known) };
    show("confirm");
    draw(known ? "good" : "");
    at("badge").textContent = known ? texts.verified : texts.checking;
    at("detail").value = "";
    at("chosen").focus();
    if (known) return;
    const mine = chosen;
    let badge = "warn", words = texts.unverified;
    try {
      const { postal_code, road_address, jibun_address, building_code } = address;
      const answer = await request("v1/addresses/resolve", {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ postal_code, road_address, jibun_address, building_code }),
      });
      if (answer.verified) {
        mine.address = answer.address;
        mine.verified = true;
        [badge, words] = ["good", texts.verified];
      }
    } catch {
      words = texts.unchecked;
    }
    if (chosen !== mine) return; // another one was picked meanwhile
    draw(badge);
    at("badge").textContent = words;
  }

  function draw(badge) {
    const { address } = chosen;
    at("badge").className = "badge " + badge;
    at("zip").textContent = address.postal_code;
    at("zip").hidden = !address.postal_code;
    at("road").textContent = address.road_address || address.jibun_address;
    at("lot").textContent = address.road_address ? [address.jibun_address, address.building_name].filter((part, i) => part && !(i === 1 && address.jibun_address.includes(part))).join(" · ") : "";
    at("hint").textContent = address.detail_hint ? "(" + address.detail_hint + ")" : "";
  }

  // --- the page that asked --------------------------------------------------

  // Only allowed origins get anything: the browser drops a message whose receiver
  // is of another origin.
  function receivers() {
    const wanted = query.get("origin");
    if (wanted) return settings.origins.includes(wanted) ? [wanted] : [];
    return settings.origins;
  }

  function send(detail) {
    const target = window.opener || (window.parent !== window ? window.parent : null);
    const origins = receivers();
    const message = {
      type: "gangway.address", version: 1, verified: chosen.verified,
      address: { ...chosen.address, detail_address: detail },
    };
    show("done");
    const nobody = !target || origins.length === 0;
    at("done").classList.toggle("nobody", nobody);
    at("outcome").textContent = nobody ? texts.nobody : texts.done;
    at("outcome").focus();
    if (nobody) return;
    for (const origin of origins) target.postMessage(message, origin);
    if (window.opener) setTimeout(() => window.close(), 1200);
  }

  // --- events ---------------------------------------------------------------

  at("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    search(at("keyword").value.trim(), 1);
  });
  at("more").addEventListener("click", () => search(asked.keyword, asked.page + 1));
  at("to-search").addEventListener("click", openSearch);
  at("to-widget").addEventListener("click", openWidget);
  at("again").addEventListener("click", () => (back === "widget" ? openWidget() : openSearch()));
  at("confirm-form").addEventListener("submit", (event) => {
    event.preventDefault();
    send(at("detail").value.trim());
  });
  at("results").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...at("results").querySelectorAll("button")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    event.preventDefault();
    next ? next.focus() : step < 0 && at("keyword").focus();
  });
  at("keyword").addEventListener("keydown", (event) => {
    const first = at("results").querySelector("button");
    if (event.key !== "ArrowDown" || !first) return;
    event.preventDefault();
    first.focus();
  });

  // The other language keeps what the page was opened with.
  const other = new URLSearchParams(query);
  other.set("lang", at("language").lang);
  at("language").href = "?" + other;

  const keyword = query.get("q");
  if (query.get("mode") === "search") {
    openSearch();
    if (keyword) {
      at("keyword").value = keyword;
      search(keyword, 1);
    }
  } else {
    openWidget();
  }
})();
