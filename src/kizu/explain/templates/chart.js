// Charts. A drawing is made anew from numbers each time, in pixels of the screen: text keeps its size on a phone.
// A mark is a function of the scales that gives an SVG node, so a lesson adds its own as easily as it uses these.

const SPACE = "http://www.w3.org/2000/svg";
const TONES = ["first", "second", "third", "fourth", "fifth", "sixth"];
const DASHES = { first: "", second: "9 5", third: "2 4", fourth: "12 4 2 4", fifth: "5 3", sixth: "1 3", soft: "4 4" };

function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// --- numbers as a person writes them, as `wording.pretty` does in Python

function pretty(value, digits = 3) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits)))));
  const [mantissa, power] = (size < -4 || size >= digits ? value.toExponential(digits - 1) : value.toPrecision(digits))
    .replaceAll("-", "−").split("e");
  const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  if (power === undefined) return short;
  const exponent = [...power.replace("+", "")].map((c) => (c === "−" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
  return short === "1" ? `10${exponent}` : `${short}·10${exponent}`;
}

function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    if (!(name in values)) throw new Error(`no value for {${name}} in: ${text}`);
    return values[name];
  });
}

// --- scales and ticks

function scale([low, high], [from, to], log = false) {
  const place = log ? Math.log10 : Number;
  const size = (to - from) / (place(high) - place(low));
  const at = (value) => from + (place(value) - place(low)) * size;
  at.back = (pixel) => {
    const value = place(low) + (pixel - from) / size;
    return log ? 10 ** value : value;
  };
  at.low = low;
  at.high = high;
  return at;
}

function ticks([low, high], most, log = false) {
  if (log) {
    const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const every = Math.max(1, Math.ceil((last - first + 1) / most));
    return Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, k) => 10 ** (first + k * every));
  }
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough * (1 - 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

// The range of `values` with a little room on both sides; never empty.
function extent(values, room = 0.05) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pad = (high - low) * room || Math.abs(high) * 0.5 || 0.5;
  return [low - pad, high + pad];
}

// --- marks

const SHAPES = {
  first: (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  second: (x, y, r) => `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
  third: (x, y, r) => `M${x} ${y - 1.2 * r}l${1.2 * r} ${2.2 * r}h${-2.4 * r}z`,
  fourth: (x, y, r) => `M${x} ${y - 1.4 * r}l${1.4 * r} ${1.4 * r}l${-1.4 * r} ${1.4 * r}l${-1.4 * r} ${-1.4 * r}z`,
  sixth: (x, y, r) => {
    const [d, up] = [0.8 * r, 1.2 * r];
    return `M${x - d / 2} ${y - up}h${d}v${d}h${d}v${d}h${-d}v${d}h${-d}v${-d}h${-d}v${-d}h${d}z`;
  },
  fifth: (x, y, r) => `M${x - r} ${y - 1.1 * r}h${2 * r}l${-r} ${2.2 * r}z`,
};

function trace(xs, ys, at) {
  let path = "";
  let pen = "M";
  xs.forEach((x, k) => {
    const [px, py] = [at.x(x), at.y(ys[k])];
    if (Number.isFinite(px) && Number.isFinite(py)) {
      path += `${pen}${px.toFixed(2)} ${Math.max(-1e4, Math.min(1e4, py)).toFixed(2)}`;
      pen = "L";
    } else pen = "M";
  });
  return path;
}

// A curve; `dots` true sets the tone's shape on every point, `closed` and `filled` make it an outline or an area.
function line(xs, ys, { tone = "first", dash = DASHES[tone], dots, closed, filled, thin } = {}) {
  return (at) => {
    const path = trace(xs, ys, at) + (closed ? "z" : "");
    const kind = `curve ${tone}${filled ? " filled" : ""}${thin ? " thin" : ""}`;
    const curve = svg("path", { d: path, class: kind, "stroke-dasharray": dash });
    return dots ? svg("g", {}, curve, points(xs, ys, { tone, size: 3 })(at)) : curve;
  };
}

function points(xs, ys, { tone = "first", size = 4, hollow = false, faint = false } = {}) {
  return (at) => {
    const shape = SHAPES[tone] ?? SHAPES.first;
    const visible = (y) => Number.isFinite(at.y(y));
    const path = Array.from(xs, (x, k) => (visible(ys[k]) ? shape(at.x(x), at.y(ys[k]), size) : "")).join("");
    return svg("path", { d: path, class: `dots ${tone}${hollow ? " hollow" : ""}${faint ? " faint" : ""}` });
  };
}

// Upright lines from the ground to each point.
function stems(xs, ys, { tone = "first" } = {}) {
  return (at) => {
    const path = Array.from(xs, (x, k) => `M${at.x(x)} ${at.box.bottom}V${at.y(ys[k])}`).join("");
    return svg("path", { d: path, class: `curve thin ${tone}` });
  };
}

// A straight line across the whole drawing, at an x or at a y.
function rule({ x, y }, { tone = "soft", dash = DASHES[tone] } = {}) {
  return (at) => {
    const { left, right, top, bottom } = at.box;
    const d = x === undefined ? `M${left} ${at.y(y)}H${right}` : `M${at.x(x)} ${top}V${bottom}`;
    return svg("path", { d, class: `curve thin ${tone}`, "stroke-dasharray": dash });
  };
}

// A shaded range of x, of y, or of both.
function band({ x, y }, { tone = "soft" } = {}) {
  return (at) => {
    const { box } = at;
    const [left, right] = x ? x.map((v) => Math.max(box.left, Math.min(box.right, at.x(v)))) : [box.left, box.right];
    const [bottom, top] = y ? y.map((v) => Math.max(box.top, Math.min(box.bottom, at.y(v)))) : [box.bottom, box.top];
    const size = { width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
    return svg("rect", { x: left, y: top, ...size, class: `band ${tone}` });
  };
}

// Words beside a point, moved by `dx` and `dy` pixels.
function note(x, y, text, { tone = "soft", anchor = "start", dx = 0, dy = 0 } = {}) {
  return (at) => {
    const px = at.x(x) + dx;
    const py = Math.max(at.box.top + 12, Math.min(at.box.bottom - 4, at.y(y) + dy));
    return svg("text", { x: px, y: py, "text-anchor": anchor, class: `note ${tone}` }, text);
  };
}

// Names at the ends of their curves, each moved up until it lies on no other name and on no end.
const RULER = document.createElement("canvas").getContext("2d");

function names(ends) {
  return (at) => {
    RULER.font = "600 14px system-ui, sans-serif";
    const taken = ends.map(({ x, y }) => ({ left: at.x(x) - 8, right: at.x(x) + 8, top: at.y(y) - 8, bottom: at.y(y) + 8 }));
    const texts = ends.map(({ x, y, text, tone }) => {
      const width = RULER.measureText(text).width + 4;
      const right = Math.max(Math.min(at.x(x) - 9, at.box.right), at.box.left + width);
      const box = { left: right - width, right, top: at.y(y) - 17, bottom: at.y(y) };
      const hit = () => taken.find((one) => one.left < box.right && box.left < one.right && one.top < box.bottom && box.top < one.bottom);
      for (let one = hit(); one; one = hit()) Object.assign(box, { top: one.top - 17, bottom: one.top });
      taken.push(box);
      return svg("text", { x: right, y: box.bottom - 4, "text-anchor": "end", class: `note ${tone}` }, text);
    });
    return svg("g", {}, ...texts);
  };
}

// --- the drawing itself

// Narrow `box` in its middle, so that one unit is as long across as it is up.
function square(box, [left, right], [bottom, top]) {
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  const unit = Math.min(width / (right - left), height / (top - bottom));
  const [across, up] = [(width - unit * (right - left)) / 2, (height - unit * (top - bottom)) / 2];
  Object.assign(box, { left: box.left + across, right: box.right - across, top: box.top + up, bottom: box.bottom - up });
}

class Plot {
  constructor(figure) {
    this.svg = figure.querySelector("svg");
    this.ratio = Number(figure.dataset.ratio);
    this.under = svg("g", { "aria-hidden": "true" });
    this.marks = svg("g", { "aria-hidden": "true" });
    this.over = svg("g");
    this.handles = new Map();
    const id = `clip-${figure.dataset.plot}`;
    this.clip = svg("rect");
    this.marks.setAttribute("clip-path", `url(#${id})`);
    this.svg.append(svg("clipPath", { id }, this.clip), this.under, this.marks, this.over);
    const again = () => this.last && this.width !== this.svg.clientWidth && this.draw(...this.last);
    new ResizeObserver(again).observe(this.svg);
  }

  // `axes`: {x, y}, each {range, label, log, ticks}; `same`: one unit is as long on both. `marks`: functions of the
  // scales. `handles`: {name: {x, y, label, text, now, range, move(x, y), nudge(dx, dy)}}, points that a mouse or a
  // finger moves to a place and an arrow key by a step; `text` is read aloud, `now` of `range` is how far along it is.
  draw(axes, marks, handles = {}) {
    this.last = [axes, marks, handles];
    this.at = this.layout(axes);
    this.marks.replaceChildren(...marks.map((mark) => mark(this.at)));
    this.keepInside();
    for (const [name, handle] of Object.entries(handles)) this.place(name, handle);
  }

  // Words that would run over an edge are moved back: how long they are depends on the language and the font.
  keepInside() {
    const { left, right } = this.at.box;
    for (const text of this.marks.querySelectorAll(".note")) {
      const { x, width } = text.getBBox();
      const over = Math.max(0, x + width - right) - Math.max(0, left - x);
      if (over) text.setAttribute("x", Number(text.getAttribute("x")) - over);
    }
  }

  describe(text) {
    this.svg.querySelector("desc").textContent = text;
  }

  layout({ x, y, same = false }) {
    this.width = this.svg.clientWidth || 640;
    const height = Math.round(Math.max(this.width * this.ratio, Math.min(this.width, 250)));
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
    const marked = ({ range, log, ticks: given }, pixels, most) => {
      const values = given ?? ticks(range, Math.max(2, Math.min(most, Math.floor(pixels / 64))), log);
      return values.map((value) => [value, pretty(value, log ? 1 : 5)]);
    };
    const yTicks = marked(y, height * 1.3, 6);
    const left = 14 + 8 * Math.max(0, ...yTicks.map(([, text]) => text.length));
    const box = { left, right: this.width - 12, top: y.label ? 26 : 10, bottom: height - (x.label ? 44 : 26) };
    if (same) square(box, x.range, y.range);
    const at = { box, x: scale(x.range, [box.left, box.right], x.log), y: scale(y.range, [box.bottom, box.top], y.log) };
    this.axes(at, marked(x, box.right - box.left, 10), yTicks, x.label, y.label, height);
    return at;
  }

  axes(at, xTicks, yTicks, xLabel = "", yLabel = "", height = 0) {
    const { box } = at;
    const lines = [];
    for (const [value, text] of yTicks) {
      lines.push(svg("path", { d: `M${box.left} ${at.y(value)}H${box.right}`, class: "grid" }));
      lines.push(svg("text", { x: box.left - 6, y: at.y(value) + 4, "text-anchor": "end" }, text));
    }
    for (const [value, text] of xTicks) {
      lines.push(svg("path", { d: `M${at.x(value)} ${box.bottom}v5`, class: "grid" }));
      lines.push(svg("text", { x: at.x(value), y: box.bottom + 18, "text-anchor": "middle" }, text));
    }
    lines.push(svg("path", { d: `M${box.left} ${box.bottom}H${box.right}`, class: "axis" }));
    const middle = (box.left + box.right) / 2;
    lines.push(svg("text", { x: middle, y: height - 6, "text-anchor": "middle", class: "name" }, xLabel));
    lines.push(svg("text", { x: 4, y: 14, class: "name" }, yLabel));
    this.under.replaceChildren(...lines);
    const [width, tall] = [box.right - box.left + 12, box.bottom - box.top + 12];
    const edges = { x: box.left - 6, y: box.top - 6, width, height: tall };
    for (const [key, value] of Object.entries(edges)) this.clip.setAttribute(key, value);
  }

  // A handle stays the same node from drawing to drawing, or it would lose the focus and the finger that drags it.
  place(name, handle) {
    if (!this.handles.has(name)) this.handles.set(name, grip(this));
    const node = this.handles.get(name);
    node.handle = handle;
    node.setAttribute("transform", `translate(${this.at.x(handle.x)} ${this.at.y(handle.y)})`);
    const { label, text, now = handle.x, range: [low, high] = [this.at.x.low, this.at.x.high] } = handle;
    const said = { label, valuetext: text, valuenow: now, valuemin: low, valuemax: high };
    for (const [key, value] of Object.entries(said)) node.setAttribute(`aria-${key}`, value);
  }
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function grip(plot) {
  plot.svg.setAttribute("role", "group"); // an image may hold nothing that takes the focus
  const circles = [svg("circle", { r: 22, class: "reach" }), svg("circle", { r: 9 })];
  const node = svg("g", { class: "grip", tabindex: "0", role: "slider" }, ...circles);
  const move = (event) => {
    const box = plot.svg.getBoundingClientRect();
    node.handle.move(plot.at.x.back(event.clientX - box.left), plot.at.y.back(event.clientY - box.top));
  };
  node.addEventListener("pointerdown", (event) => {
    node.setPointerCapture(event.pointerId);
    node.focus({ preventScroll: true });
    event.preventDefault();
  });
  node.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false }); // or the page scrolls
  node.addEventListener("pointermove", (event) => node.hasPointerCapture(event.pointerId) && move(event));
  node.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    node.handle.nudge(...arrow);
  });
  plot.over.append(node);
  return node;
}
