// Elements. Text becomes text, never markup: nothing that a provider or a sender
// wrote can become part of the page.

// h makes an element: h("a.badge", { href }, "text", child). Properties that
// begin with "on" are listeners; null and false are left out.
export function h(what, properties, ...children) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...kids(children));
  return node;
}

function kids(children) {
  return children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);
}

// swap puts other children into a node. Whoever had the focus inside keeps it, if
// an element with the same data-key comes back.
export function swap(node, ...children) {
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  node.replaceChildren(...kids(children));
  if (focused) node.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  return node;
}

const namespace = "http://www.w3.org/2000/svg";

export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const shapes = {
  overview: "M4 13h6V4H4v9Zm0 7h6v-4H4v4Zm10 0h6v-9h-6v9Zm0-16v4h6V4h-6Z",
  deliveries: "M3 6h18v12H3zM3 7l9 6 9-6",
  letters: "M12 4 2.5 20h19L12 4Zm0 6v5m0 2.5v.1",
  people: "M12 11.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4 20.5c.6-4 4-6 8-6s7.4 2 8 6",
  alerts: "M6 17V11a6 6 0 1 1 12 0v6l1.5 1.5h-15L6 17Zm4 3.5h4",
  fleet: "M4 5h16v5H4zM4 14h16v5H4zM8 7.5h.1M8 16.5h.1",
  inbox: "M4 13h4.5l1.5 2.5h4l1.5-2.5H20M4 13l3-8h10l3 8v6H4v-6Z",
};

export function icon(name) {
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: shapes[name] }));
}
