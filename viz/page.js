"use strict";
// The picture is there when this runs; this makes it move. All text goes through textContent.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const levels = [...document.querySelectorAll(".level")].map((box, i) => {
  const svg = box.firstElementChild;
  const [x, y, w, h] = svg.getAttribute("viewBox").split(" ").map(Number);
  const nodes = new Map();
  for (const g of svg.querySelectorAll(".node")) nodes.set(g.id.slice(svg.id.length + 1), g);
  const edges = [...svg.querySelectorAll(".edge")];
  const drawn = (id) => data.levels[i].drawn[id] || id;
  // a closed call shows the gradient of its result
  const result = (id) => data.levels[i].results[id] || id;
  const grads = new Map();
  for (const [id, g] of nodes) {
    const text = g.querySelector("text.grad");
    if (text) grads.set(id, { text, full: text.textContent });
  }
  return { box, svg, nodes, edges, grads, whole: { x, y, w, h }, view: null, drawn, result };
});
let level = data.level;
let at = 0; // how many steps of the backward pass are done
let timer = null;
let found = [];
let described = null; // the node whose numbers are shown

// What each node's gradient reads after each step: [step, text] in order, by node.
const history = new Map(Object.entries(data.seeds).map(([id, text]) => [id, [[0, text]]]));
data.steps.forEach((step, i) => {
  for (const p of step.parts) {
    if (!history.has(p.source)) history.set(p.source, []);
    history.get(p.source).push([i + 1, p.label]);
  }
});

// What is complete reads as the picture has it, which may tell more: what it was before, that it is 0.
function gradient(id, step, full) {
  const all = history.get(id);
  const past = all.filter(([when]) => when <= step);
  if (past.length === all.length) return full;
  return past.length ? past[past.length - 1][1] : "grad: not yet";
}

// Stepping.

function go(step) {
  at = Math.max(0, Math.min(data.steps.length, step));
  if (at === data.steps.length) pause();
  draw();
  tell();
  if (described) describe(described);
  if (at) follow();
}

function draw() {
  const { nodes, edges, grads, drawn, result } = levels[level];
  for (const marked of document.querySelectorAll(".now")) marked.classList.remove("now");
  for (const [id, { text, full }] of grads) {
    const of = result(id);
    if (history.has(of)) write(nodes.get(id), text, gradient(of, at, full));
  }
  if (at === 0) return;
  const step = data.steps[at - 1];
  const here = drawn(step.node);
  const there = new Set(step.parts.map((p) => drawn(p.source)));
  for (const id of [here, here + "op"]) nodes.get(id)?.classList.add("now");
  for (const e of edges) {
    const { source, target } = e.dataset;
    const passes = there.has(source) && (target === here || target === here + "op");
    if (passes || (source === here + "op" && target === here)) e.classList.add("now");
  }
}

// The box was made for the last text; one that is wider is set closer.
function write(g, text, words) {
  text.removeAttribute("textLength");
  text.removeAttribute("lengthAdjust");
  text.textContent = words;
  const room = g.querySelector("path, polygon, ellipse, rect").getBBox().width - 8;
  if (room > 0 && text.getComputedTextLength() > room) {
    text.setAttribute("textLength", room);
    text.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
}

function tell() {
  const total = data.steps.length;
  $("count").textContent = `step ${at} of ${total}`;
  $("first").disabled = $("back").disabled = at === 0;
  $("next").disabled = $("last").disabled = $("play").disabled = at === total;
  const box = $("step");
  box.replaceChildren();
  if (!total) return void add(box, "p", data.nothing);
  if (at === 0) {
    add(box, "h2", "The forward pass is done");
    return void add(box, "p", data.start);
  }
  const step = data.steps[at - 1];
  add(box, "h2", `Back through ${step.op}`);
  const call = data.calls[step.node];
  if (call) add(box, "p", `in ${call}`, "soft");
  formulas(box, step.node);
  pairs(box, [[`gradient of ${data.names[step.node]}`, step.gradient]]);
  for (const p of step.parts) {
    add(box, "h2", `to ${data.names[p.source]}` + (step.several ? `, operand ${p.slot + 1}` : ""));
    const rows = [["passed on", p.contribution || p.total], ["total so far", p.total]];
    if (p.local) rows.unshift(["local derivative", p.local]);
    pairs(box, rows);
    add(box, "p", p.local ? "upstream gradient \u00d7 local derivative" : "by the rule of " + step.op, "soft");
  }
}

function add(to, tag, text, style) {
  const e = document.createElement(tag);
  e.textContent = text;
  if (style) e.className = style;
  to.append(e);
  return e;
}

// What an op computes and what its rules pass on; the browser has typeset it.
function formulas(to, id) {
  if (rule(id)) to.append(rule(id).cloneNode(true));
}

function rule(id) {
  return $("formulas").children[data.formulas[id]];
}

function pairs(to, rows) {
  const dl = add(to, "dl", "");
  for (const [key, value] of rows) {
    const style = value.includes("\n") || value.length > 24 ? "wide" : "";
    add(dl, "dt", key, style);
    add(dl, "dd", value, style);
  }
}

function play() {
  if (timer) return pause();
  if (at === data.steps.length) return;
  timer = setInterval(() => go(at + 1), 900);
  $("play").textContent = "Pause";
  go(at + 1);
}

function pause() {
  clearInterval(timer);
  timer = null;
  $("play").textContent = "Play";
}

// Levels: more or fewer module calls open.

function open(i) {
  level = Math.max(0, Math.min(levels.length - 1, i));
  described = null;
  $("node").replaceChildren();
  levels.forEach((l, j) => (l.box.hidden = j !== level));
  $("level").textContent = data.levels[level].label;
  $("fold").disabled = level === 0;
  $("unfold").disabled = level === levels.length - 1;
  show(levels[level].view || readable());
  draw();
  search();
}

// Pan and zoom: the view is a part of the drawing.

function show(view) {
  const now = levels[level];
  now.view = view;
  now.svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
}

function fitted() {
  // no larger than life: a small picture is not blown up
  const { whole } = levels[level];
  const { width, height } = $("picture").getBoundingClientRect();
  const w = Math.max(whole.w, width), h = Math.max(whole.h, height);
  const scale = Math.max(whole.w / width, whole.h / height, 1);
  const fit = { w: Math.min(w, width * scale), h: Math.min(h, height * scale) };
  return { x: whole.x - (fit.w - whole.w) / 2, y: whole.y - (fit.h - whole.h) / 2, ...fit };
}

// At first a big picture is shown as large as it is read, from the outputs, where the steps begin.
function readable() {
  const { width, height } = $("picture").getBoundingClientRect();
  if (!width || !height) return levels[level].whole;
  const all = fitted();
  if (Math.max(all.w / width, all.h / height) < 1.4) return all;
  const { nodes, drawn, whole } = levels[level];
  const output = nodes.get(drawn(data.outputs[0]))?.getBBox();
  // without a layout engine the picture is text, which is read from its start
  return around(output || { ...whole, width, height }, { w: width, h: height });
}

function around(b, { w, h }) {
  return { x: b.x + b.width / 2 - w / 2, y: b.y + b.height / 2 - h / 2, w, h };
}

// Keep what the step is about in view; if that is too much, its op.
function follow() {
  const { svg, view, nodes, drawn } = levels[level];
  const all = [...svg.querySelectorAll(".node.now, .edge.now")].map((g) => g.getBBox());
  if (!all.length) return; // the picture is text
  const x = Math.min(...all.map((b) => b.x)), y = Math.min(...all.map((b) => b.y));
  const width = Math.max(...all.map((b) => b.x + b.width)) - x;
  const height = Math.max(...all.map((b) => b.y + b.height)) - y;
  const inside = x >= view.x && y >= view.y &&
    x + width <= view.x + view.w && y + height <= view.y + view.h;
  if (inside) return;
  const fits = width <= view.w && height <= view.h;
  const step = nodes.get(drawn(data.steps[at - 1].node));
  show(around(fits ? { x, y, width, height } : step.getBBox(), view));
}

function zoom(factor, px = 0.5, py = 0.5) {
  const { x, y, w, h } = levels[level].view;
  const size = Math.max(levels[level].whole.w, levels[level].whole.h);
  const k = Math.max(40 / w, Math.min((8 * size) / w, factor));
  show({ x: x + w * (1 - k) * px, y: y + h * (1 - k) * py, w: w * k, h: h * k });
}

const picture = $("picture");
let drag = null;
let dragged = false;
picture.addEventListener("wheel", (e) => {
  e.preventDefault();
  const box = picture.getBoundingClientRect();
  zoom(1.0015 ** e.deltaY, (e.clientX - box.left) / box.width, (e.clientY - box.top) / box.height);
}, { passive: false });
picture.addEventListener("pointerdown", (e) => {
  drag = { x: e.clientX, y: e.clientY, moved: false };
  dragged = false;
});
addEventListener("pointermove", (e) => {
  if (!drag || !e.buttons) return void (drag = null);
  const { view } = levels[level];
  const { width, height } = picture.getBoundingClientRect();
  const scale = Math.max(view.w / width, view.h / height);
  const dx = e.clientX - drag.x, dy = e.clientY - drag.y;
  if (!drag.moved && Math.hypot(dx, dy) < 4) return;
  drag = { x: e.clientX, y: e.clientY, moved: true };
  dragged = true;
  show({ ...view, x: view.x - dx * scale, y: view.y - dy * scale });
});
addEventListener("pointerup", () => (drag = null));

// A click on a closed call opens it, one on the name of an open call closes it.
picture.addEventListener("click", (e) => {
  const g = e.target.closest?.(".node, .frame");
  if (!g || dragged || (g.matches(".frame") && e.target.tagName !== "text")) return;
  const id = nodeOf(g);
  const way = g.matches(".frame") ? -1 : 1;
  const other = way < 0 ? ".node" : ".frame";
  for (let i = level + way; i >= 0 && i < levels.length; i += way) {
    const there = levels[i].svg.querySelector(`[id="${levels[i].svg.id}-${id}"]${other}`);
    if (!there) continue;
    open(i);
    return show(around(there.getBBox(), levels[i].view));
  }
});
// In a notebook the frame has no size at first, and the browser tells of none later but here.
new ResizeObserver(() => {
  if (!picture.clientWidth || !picture.clientHeight) return;
  for (const each of levels) each.view = null;
  show(readable());
  if (at) follow();
}).observe(picture);

// A node's numbers.

picture.addEventListener("pointerover", (e) => {
  const g = e.target.closest?.(".node");
  if (g) describe(g);
});

function describe(g) {
  described = g;
  const box = $("node");
  box.replaceChildren();
  add(box, "h2", [...g.querySelectorAll("text")].map((t) => t.textContent)[0] || "value");
  const of = levels[level].result(nodeOf(g));
  const now = (line) => (line.startsWith("grad ") && history.has(of) ? gradient(of, at, line) : line);
  said(g).forEach((line, i) => add(box, "p", i ? now(line) : line)); // the first one has the name
  formulas(box, nodeOf(g));
}

function nodeOf(g) {
  return g.id.slice(levels[level].svg.id.length + 1).replace(/op$/, "");
}

// What a node's tooltip says, without the formulas at its end.
function said(g) {
  const lines = g.querySelector("title").textContent.split("; ");
  return lines.slice(0, lines.length - (rule(nodeOf(g))?.children.length || 0));
}

// Search.

function search() {
  const words = $("search").value.trim().toLowerCase();
  found = [];
  for (const [, g] of levels[level].nodes) {
    const texts = [...g.querySelectorAll("text")].map((t) => t.textContent);
    const hit = words && [...texts, ...said(g)].join("\n").toLowerCase().includes(words);
    g.classList.toggle("found", Boolean(hit));
    if (hit) found.push(g);
  }
  $("hits").textContent = words ? `${found.length} found` : "";
}

let hit = -1;
$("search").addEventListener("input", () => { hit = -1; search(); });
$("search").addEventListener("keydown", (e) => {
  if (e.key === "Enter" && found.length) {
    hit = (hit + 1) % found.length;
    show(around(found[hit].getBBox(), levels[level].view));
    describe(found[hit]);
  } else if (e.key === "Escape") {
    e.target.value = "";
    search();
    e.target.blur();
  }
});

// Buttons and keys.

function theme() {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme || (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
}

const actions = {
  first: () => { pause(); go(0); },
  back: () => { pause(); go(at - 1); },
  play,
  next: () => { pause(); go(at + 1); },
  last: () => { pause(); go(data.steps.length); },
  fold: () => open(level - 1),
  unfold: () => open(level + 1),
  closer: () => zoom(0.8),
  wider: () => zoom(1.25),
  fit: () => show(fitted()),
  theme,
};
for (const [id, act] of Object.entries(actions)) $(id).addEventListener("click", act);
const keys = {
  ArrowRight: "next", ArrowLeft: "back", Home: "first", End: "last", " ": "play",
  "+": "closer", "=": "closer", "-": "wider", 0: "fit", "[": "fold", "]": "unfold", d: "theme",
};
addEventListener("keydown", (e) => {
  if (e.target.tagName === "INPUT" || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === "/") $("search").focus();
  else if (e.key === " " && e.target.closest?.("button, summary")) return;
  else if (e.key in keys) actions[keys[e.key]]();
  else return;
  e.preventDefault();
});

open(level);
go(0);
