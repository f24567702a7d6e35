// What a decision makes of the residual at each rate and each level of noise: all of it computed in Python.

// A histogram as an outline; empty bins lie on the ground of the logarithmic axis.
function steps(edges, counts, ground) {
  const xs = [];
  const ys = [];
  counts.forEach((count, k) => {
    xs.push(edges[k], edges[k + 1]);
    ys.push(Math.max(count, ground), Math.max(count, ground));
  });
  return [xs, ys];
}

function told(words, data, rate, sigma) {
  const [judged, raw, threshold] = [data.judged[sigma][rate], data.raw[sigma], data.thresholds[sigma][rate]];
  const percent = (share) => pretty(100 * share, 3);
  const numbers = {
    sigma: data.sigmas[sigma], rate: percent(data.rates[rate]), raw: percent(raw.wrong),
    threshold: threshold === null ? "" : pretty(threshold, 2), marked: data.marked[sigma][rate],
    wrong: pretty(100 * judged.wrong, 2), found: pretty(100 * judged.found, 2),
  };
  return fill(data.marked[sigma][rate] ? words.now : words.empty, numbers);
}

start({
  formulas: {},
  picture({ data, words, plots, panels }) {
    const [ground, size] = [0.6, data.defect.shape[1] * data.defect.shape[2]];
    const films = Object.fromEntries(["observed", "nonzero", "score", "flagged"].map((name) => [name, bytes(data[name])]));
    const frame = (name, k) => films[name].subarray(k * size, (k + 1) * size);
    const defect = bytes(data.defect);
    const { edges, rates } = data;
    const [last, least, most] = [edges[edges.length - 1], rates[0] * 0.8, rates[rates.length - 1] * 1.25];
    const percent = (values) => values.map((value) => 100 * value);
    return ({ rate, sigma }) => {
      const [level, threshold] = [data.level[sigma], data.thresholds[sigma][rate]];
      const curve = (counts) => steps(edges, counts, ground);
      plots.law.draw(
        { x: { range: [0, last], label: "|z|" }, y: { range: [ground, 1e5], log: true, label: words.pixels } },
        [
          ...(threshold === null ? [] : [band({ x: [threshold, last] }, { tone: "third" }), rule({ x: threshold }, { tone: "third", dash: "" })]),
          rule({ x: level }, { tone: "fifth", dash: "" }),
          line(...curve(data.bad[sigma]), { tone: "first", dash: "" }),
          line(...curve(data.good[sigma]), { tone: "second", dash: "" }),
          line(...curve(data.null[sigma]), { tone: "sixth", dash: "5 4", thin: true }),
          note(level, 5e4, words.entry, { tone: "fifth", dx: 6 }),
          ...(threshold === null ? [] : [note(threshold, 6e3, words.threshold, { tone: "third", dx: 6 })]),
          note(2.6, 1.2e3, words.good, { tone: "second", dx: 12 }),
          note(3.3, 150, words.null, { tone: "sixth", dx: 14 }),
          note(last, 25, words.bad, { tone: "first", anchor: "end", dy: -6 }),
        ],
      );
      const judged = data.judged[sigma];
      const [wrong, found] = [percent(judged.map((one) => one.wrong)), percent(judged.map((one) => one.found))];
      const raw = 100 * data.raw[sigma].wrong;
      plots.kept.draw(
        { x: { range: [least, most], log: true, label: words.rate, ticks: [0.001, 0.01, 0.1] }, y: { range: [0, 104], label: "%" } },
        [
          rule({ x: rates[rate] }, { tone: "soft", dash: "" }),
          rule({ y: raw }, { tone: "fifth", dash: "" }),
          line(rates, percent(rates), { tone: "sixth", dash: "5 4" }),
          line(rates, found, { tone: "third", dash: "", dots: true }),
          line(rates, wrong, { tone: "first", dash: "", dots: true }),
          points([rates[rate]], [found[rate]], { tone: "third", size: 6 }),
          points([rates[rate]], [wrong[rate]], { tone: "first", size: 6 }),
          note(least, raw, words.raw, { tone: "fifth", dx: 6, dy: 17 }),
          note(rates[1], found[1], words.found, { tone: "third", dy: 22 }),
          note(rates[5], wrong[5], words.wrong, { tone: "first", anchor: "end", dx: -8, dy: -8 }),
          note(rates[6], 100 * rates[6], words.promised, { tone: "sixth", dx: 8, dy: 18 }),
        ],
      );
      panels.observed.draw(frame("observed", sigma), "grey", defect);
      panels.nonzero.draw(frame("nonzero", sigma));
      panels.score.draw(frame("score", sigma), "signed");
      panels.flagged.draw(frame("flagged", sigma * rates.length + rate));
      return told(words, data, rate, sigma);
    };
  },
});
