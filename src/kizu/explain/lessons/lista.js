// Error and cost of every coder by layers, one of their codes, and what was learned: all of it computed in Python.

// Upright lines from 0 to each value.
function upright(values, tone) {
  return (at) => {
    const path = values.map((value, k) => (value ? `M${at.x(k)} ${at.y(0)}V${at.y(value)}` : "")).join("");
    return svg("path", { d: path, class: `curve ${tone}` });
  };
}

function told(words, shown, { k, coder, coders }) {
  const error = (name) => {
    const value = shown.error[name][k];
    return Math.abs(value) < 10 ? pretty(value, 2) : pretty(Math.round(value), 4);
  };
  if (k === 0) return fill(words.none, { error: error("ista") });
  const count = (values) => values.filter((value) => value !== 0).length;
  return fill(words.now, {
    k,
    places: coders.map((name) => fill(words.place, { name: words[name], error: error(name) })).join(words.and),
    taken: `${pretty(100 * shown.taken[k], 3)}\u00a0%`,
    name: words[coder],
    count: count(shown.codes[coder][k]),
    true: count(shown.truth),
  });
}

start({
  formulas: {},
  picture({ data, words, plots }) {
    const { tones, coders, costs } = data;
    const tests = Object.values(data.tests);
    const ks = tests[0].taken.map((_, k) => k);
    const x = { range: [0, ks.at(-1)], label: words.layers, ticks: ks.filter((k) => k % 4 === 0) };
    const dash = (tone) => ({ fourth: "9 7", fifth: "3 3", sixth: "1 4" })[tone] ?? "";
    const curves = (values, k, inside = (value) => value) =>
      Object.entries(tones).flatMap(([name, tone]) => [
        line(ks, values[name], { tone: "soft", dash: "", thin: true }),
        line(ks.slice(0, k + 1), values[name].slice(0, k + 1), { tone, dash: dash(tone) }),
        points([k], [inside(values[name][k])], { tone, size: 6 }),
      ]);
    const ends = (values, inside) =>
      names(Object.entries(tones).map(([name, tone]) => ({ x: ks.at(-1), y: inside(values[name].at(-1)), text: words[name], tone })));
    const learned = (plot, name, k, log) => {
      const [values, usual] = [data.learned[name], data.classical[name]];
      const [low, high] = [Math.min(usual, ...values), Math.max(usual, ...values)];
      const y = log ? { range: [low / 2, high * 3], log: true } : { range: [0, high * 1.2] };
      const at = ks.slice(1);
      plot.draw({ x, y }, [
        rule({ x: k }, { tone: "soft", dash: "" }),
        rule({ y: usual }, { tone: "first" }),
        line(at, values, { tone: "third", dash: "" }),
        points(at, values, { tone: "third", size: 4 }),
        note(0, usual, words.ista, { tone: "first", dx: 6, dy: -6 }),
        note(1, values[0], words.alista, { tone: "third", dx: 8, dy: -10 }),
      ]);
    };
    return ({ depth: k, test, coder: place }) => {
      const [shown, coder] = [tests[test], coders[place]];
      const least = Math.min(...coders.flatMap((name) => shown.error[name]));
      const most = Math.max(...Object.values(shown.error).flat());
      const now = rule({ x: k }, { tone: "soft", dash: "" });
      plots.error.draw(
        { x, y: { range: [least - 5, most + Math.max(3, 0.25 * (most - least))], label: words.error } },
        [now, ...curves(shown.error, k), ends(shown.error, (value) => value)],
      );
      const inside = (value) => Math.max(costs[0], Math.min(costs[1], value));
      plots.cost.draw(
        { x, y: { range: costs, log: true, label: words.cost } },
        [now, ...curves(shown.cost, k, inside), ends(shown.cost, (value) => Math.min(value, costs[1] / 2))],
      );
      const tall = 1.15 * Math.max(...shown.truth.map(Math.abs));
      plots.codes.draw({ x: { range: [-1, shown.truth.length], label: words.atom }, y: { range: [-tall, tall] } }, [
        rule({ y: 0 }, { tone: "soft", dash: "" }),
        upright(shown.codes[coder][k], tones[coder]),
        points(shown.truth.map((_, j) => j), shown.truth.map((value) => value || NaN), { tone: "soft", hollow: true, size: 5 }),
      ]);
      learned(plots.step, "step", k, false);
      learned(plots.threshold, "threshold", k, true);
      return told(words, shown, { k, coder, coders });
    };
  },
});
