// The stage of a lesson: it reads the controls, calls the lesson's picture, and says in words what that shows.
//
//   start({ formulas, picture(stage) { … return (values) => "what the picture shows now"; } })
//
// `stage` has `data` and `words` (what Python handed over), `plots` and `panels` by name, `set(name, value)`, which moves
// a control as a person would, and `name(control, texts)`, which says what the steps of a film are called. `values` has a number for each control. `formulas` are pure functions of numbers.

const REDUCED = matchMedia("(prefers-reduced-motion: reduce)");

function bytes(array) {
  return Uint8Array.from(atob(array.base64), (c) => c.charCodeAt(0));
}

// Colours of a byte: grey levels, or blue – white – red with 127 in the middle.
const STOPS = [[26, 71, 138], [128, 170, 214], [247, 247, 247], [226, 142, 122], [150, 24, 42]];
const PALETTES = {
  grey: (v) => [v, v, v],
  signed: (v) => {
    const place = (Math.min(v, 254) / 254) * (STOPS.length - 1);
    const k = Math.min(Math.floor(place), STOPS.length - 2);
    return STOPS[k].map((c, i) => Math.round(c + (STOPS[k + 1][i] - c) * (place - k)));
  },
};
const COLOURS = Object.fromEntries(
  Object.entries(PALETTES).map(([name, of]) => [name, Array.from({ length: 256 }, (_, v) => of(v))]),
);

class Panel {
  constructor(figure) {
    this.canvas = figure.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
  }

  // `pixels`: one byte each, row by row; `palette`: "grey" or "signed". `marked`: what is not 0 there is outlined.
  draw(pixels, palette = "grey", marked = null) {
    const colours = COLOURS[palette];
    const { data, width } = this.image;
    for (let k = 0; k < pixels.length; k += 1) {
      const edge = marked && !marked[k] && (marked[k - 1] || marked[k + 1] || marked[k - width] || marked[k + width]);
      const [red, green, blue] = edge ? [230, 0, 190] : colours[pixels[k]];
      data.set([red, green, blue, 255], 4 * k);
    }
    this.context.putImageData(this.image, 0, 0);
  }

  describe(text) {
    this.canvas.setAttribute("aria-description", text);
  }
}

class Control {
  constructor(node, change) {
    this.name = node.dataset.name;
    this.input = node.querySelector("input");
    this.output = node.querySelector("output");
    this.shown = node.dataset.shown ? JSON.parse(node.dataset.shown) : null;
    this.digits = (this.input.step.split(".")[1] ?? "").length;
    this.input.addEventListener("input", change);
  }

  get value() {
    return Number(this.input.value);
  }

  get start() {
    return Number(this.input.defaultValue);
  }

  set(value) {
    this.input.value = value; // the browser keeps it in range and on a step
    this.show();
  }

  show() {
    const text = this.shown ? this.shown[this.value] : this.value.toFixed(this.digits).replace("-", "−");
    this.output.textContent = text;
    this.input.setAttribute("aria-valuetext", text);
  }
}

// Radio buttons: the value is the place of the one that is chosen.
class Choice {
  constructor(node, change) {
    this.name = node.dataset.name;
    this.inputs = [...node.querySelectorAll("input")];
    node.addEventListener("input", change);
  }

  get value() {
    return this.inputs.findIndex((input) => input.checked);
  }

  get start() {
    return this.inputs.findIndex((input) => input.defaultChecked);
  }

  set(value) {
    this.inputs[value].checked = true;
  }

  show() {} // the browser does
}

// The button beside a film's slider. While it plays nothing is read aloud; what it ends on is.
class Player {
  constructor(node, control, stage) {
    Object.assign(this, { control, stage, rate: Number(node.dataset.rate), timer: 0 });
    this.button = node.querySelector("button");
    this.button.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
    this.control.input.addEventListener("pointerdown", () => this.pause());
    this.control.input.addEventListener("keydown", () => this.pause());
  }

  play() {
    const last = Number(this.control.input.max);
    if (this.control.value >= last) this.stage.set(this.control.name, 0);
    this.label("pause");
    this.stage.said.setAttribute("aria-live", "off");
    this.timer = setInterval(() => {
      this.stage.set(this.control.name, this.control.value + 1);
      if (this.control.value >= last) this.pause();
    }, 1000 / (REDUCED.matches ? 1 : this.rate));
  }

  pause() {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = 0;
    this.label("play");
    this.stage.said.setAttribute("aria-live", "polite");
    this.stage.update();
  }

  label(state) {
    this.button.dataset.state = state;
    this.button.setAttribute("aria-label", this.button.dataset[state]);
  }
}

function start(lesson) {
  const { data, words } = JSON.parse(document.getElementById("data").textContent);
  const named = (kind, make) => {
    const nodes = [...document.querySelectorAll(`[data-${kind}]`)];
    return Object.fromEntries(nodes.map((node) => [node.dataset[kind], make(node)]));
  };
  const stage = { data, words, said: document.getElementById("said") };
  stage.plots = named("plot", (node) => new Plot(node));
  stage.panels = named("panel", (node) => new Panel(node));
  const nodes = [...document.querySelectorAll("#controls [data-name]")];
  const made = (node) => new (node.matches("fieldset") ? Choice : Control)(node, () => stage.update());
  const controls = new Map(nodes.map((node) => [node.dataset.name, made(node)]));
  let picture;
  stage.update = () => {
    for (const control of controls.values()) control.show();
    const text = picture(Object.fromEntries([...controls].map(([name, control]) => [name, control.value])));
    if (stage.said.textContent !== text) stage.said.textContent = text;
    for (const place of [...Object.values(stage.plots), ...Object.values(stage.panels)]) place.describe(text);
  };
  stage.set = (name, value) => stage.setAll({ [name]: value });
  stage.setAll = (values) => {
    for (const [name, value] of Object.entries(values)) controls.get(name).set(value);
    stage.update();
  };
  stage.name = (name, texts) => {
    controls.get(name).shown = texts;
    controls.get(name).show();
  };
  const films = nodes.filter((node) => node.dataset.rate);
  const players = films.map((node) => new Player(node, controls.get(node.dataset.name), stage));
  document.getElementById("reset").addEventListener("click", () => {
    for (const player of players) player.pause();
    stage.setAll(Object.fromEntries([...controls].map(([name, { start: first }]) => [name, first])));
  });
  picture = lesson.picture(stage);
  stage.update();
  globalThis.kizu = { formulas: lesson.formulas ?? {}, pretty, fill, stage };
}
