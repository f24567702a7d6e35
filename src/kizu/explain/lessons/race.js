// Where every contestant is at a moment of the race: histories and times come from Python.

const NARROW = /^[\u0000-\u00ff]*$/;

// How many iterations a run has done at a time in milliseconds.
function done(run, time) {
  const next = run.time.findIndex((at) => at > time);
  return next < 0 ? run.time.length : next;
}

// Names at the ends of their curves, each moved up until it lies on no other.
function names(ends) {
  return (at) => {
    const placed = [];
    for (const { x, y, text, tone } of ends) {
      const width = text.length * (NARROW.test(text) ? 8 : 15) + 6;
      const right = Math.min(at.x(x) - 8, at.box.right);
      let level = Math.min(at.y(y), at.box.bottom) - 8;
      const hit = () => placed.find((one) => Math.abs(one.level - level) < 17 && right - width < one.right && one.right - one.width < right);
      while (hit()) level = hit().level - 17;
      placed.push({ right, width, level, text, tone });
    }
    return svg("g", {}, ...placed.map((one) => svg("text", { x: one.right, y: one.level, "text-anchor": "end", class: `note ${one.tone}` }, one.text)));
  };
}

function told(words, runs, refused, time) {
  const places = Object.entries(runs)
    .map(([name, run]) => ({ name: words[name], gap: run.gap[done(run, time) - 1] ?? Infinity }))
    .sort((one, other) => one.gap - other.gap)
    .map(({ name, gap }) => fill(gap < Infinity ? words.place : words.waiting, { name, gap: pretty(gap, 1) }));
  const now = fill(words.now, { time: Number(time.toPrecision(2)), places: places.join(words.and) });
  return refused.length ? `${now}${fill(words.refused, { names: refused.map((name) => words[name]).join(words.and) })}` : now;
}

start({
  formulas: {},
  picture({ data, words, plots }) {
    const { heats, tones, moments, goal, least, most } = data;
    const steps = Array.from({ length: most }, (_, k) => k + 1);
    const times = Object.values(heats).flatMap((runs) => Object.values(runs).flatMap((run) => [run.time[0], run.time.at(-1)]));
    const clocks = [Math.min(...times) * 0.7, Math.max(...times) * 1.4];
    return ({ heat, moment }) => {
      const runs = Object.values(heats)[heat];
      const refused = Object.keys(tones).filter((name) => !(name in runs));
      for (const [place, plot] of Object.entries(plots)) {
        const [what, against] = place.split("_");
        const clock = against === "time";
        const drawn = Object.entries(runs).map(([name, run]) => {
          const [xs, k] = [clock ? run.time : steps.slice(0, run.gap.length), done(run, moments[moment])];
          return { text: words[name], tone: tones[name], xs, ys: run[what].map((value) => Math.max(value, least / 10)), k };
        });
        plot.draw(
          {
            x: clock ? { range: clocks, log: true, label: words.time } : { range: [1, most], log: true, label: words.steps },
            y: { range: [least, what === "gap" ? 100 : 2], log: true },
          },
          [
            rule({ y: goal }),
            note(clock ? clocks[0] : 1, goal, words.goal, { dx: 4, dy: -5 }),
            ...(clock ? [rule({ x: moments[moment] }, { tone: "soft", dash: "" })] : []),
            ...drawn.map(({ xs, ys }) => line(xs, ys, { tone: "soft", dash: "", thin: true })),
            ...drawn.map(({ xs, ys, k, tone }) => line(xs.slice(0, k), ys.slice(0, k), { tone, dash: tone === "fourth" ? "9 7" : "" })),
            ...drawn.filter(({ k }) => k > 0).map(({ xs, ys, k, tone }) => points([xs[k - 1]], [Math.max(ys[k - 1], least)], { tone, size: 6 })),
            names(drawn.map(({ xs, ys, text, tone }) => ({ x: xs.at(-1), y: Math.max(ys.at(-1), least), text, tone }))),
          ],
        );
      }
      return told(words, runs, refused, moments[moment]);
    };
  },
});
