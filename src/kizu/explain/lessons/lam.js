// Precision and recall of the planted dots along λ, and what S and L hold: all of it computed in Python.

function told(words, data, k) {
  const percent = (share) => pretty(100 * share, 3);
  const ratio = data.ratios[k];
  const hidden = data.dots.filter(({ leaves }) => leaves < ratio).length;
  const now = {
    ratio: pretty(ratio), rank: data.rank[k], gap: pretty(data.gap[k], 1), count: hidden,
    share: percent(data.share[k]), precision: percent(data.precision[k] ?? 0), recall: percent(data.recall[k]),
  };
  if (ratio <= data.cliffs[0]) return fill(words.gone, now);
  if (ratio >= data.cliffs[1]) return fill(words.empty, now);
  if (data.precision[k] < 1) return fill(words.leaking, now);
  return fill(data.recall[k] < 1 ? words.hidden : words.right, now);
}

start({
  formulas: {},
  picture({ data, words, plots, panels }) {
    const { ratios, cliffs, dots } = data;
    const [count, walls, height, width] = data.background.shape;
    const films = { background: bytes(data.background), anomaly: bytes(data.anomaly) };
    const percent = (shares) => shares.map((share) => (share === null ? NaN : 100 * share));
    const [precision, recall] = [percent(data.precision), percent(data.recall)];
    const [least, most] = [ratios[0], ratios[count - 1]];
    const x = { range: [least, most], log: true, label: words.ratio, ticks: [0.1, 1, 10] };
    const edges = [band({ x: [least, cliffs[0]] }), band({ x: [cliffs[1], most] }), rule({ x: cliffs[0] }, { dash: "" }), rule({ x: cliffs[1] }, { dash: "" })];
    return ({ step: k }) => {
      const now = rule({ x: ratios[k] }, { tone: "second", dash: "" });
      plots.shares.draw({ x, y: { range: [0, 112], label: words.share, ticks: [0, 50, 100] } }, [
        ...edges,
        rule({ x: 1 }),
        ...dots.map(({ leaves }) => rule({ x: leaves }, { tone: "third", dash: "2 4" })),
        now,
        line(ratios, recall, { tone: "third", dash: "", dots: true }),
        line(ratios, precision, { tone: "first", dash: "", dots: true }),
        points([ratios[k]], [recall[k]], { tone: "third", size: 7 }),
        points([ratios[k]], [precision[k]], { tone: "first", size: 7 }),
        note(Math.sqrt(least * cliffs[0]), 66, words.low, { anchor: "middle" }),
        note(Math.sqrt(cliffs[1] * most), 66, words.high, { anchor: "middle" }),
        note(1, 8, words.default, { anchor: "middle" }),
        note(0.42, 32, words.precision, { tone: "first", anchor: "end", dx: -10 }),
        note(0.15, 100, words.recall, { tone: "third", dy: 20 }),
        ...dots.map(({ leaves, pixels }, n) => note(Math.min(leaves, cliffs[1]), 36 + 13 * n, fill(words.pixels, { k: pixels }), { tone: "third", anchor: "end", dx: -7 })),
      ]);
      plots.rank.draw({ x, y: { range: [0, Math.max(...data.rank) * 1.1] } }, [
        ...edges, rule({ x: 1 }), now,
        line(ratios, data.rank, { tone: "second", dash: "", dots: true }),
        points([ratios[k]], [data.rank[k]], { tone: "second", size: 7 }),
      ]);
      for (const [part, all] of Object.entries(films))
        dots.forEach(({ name }, wall) => {
          const first = (k * walls + wall) * height * width;
          panels[`${part}_${name}`].draw(all.subarray(first, first + height * width), part === "anomaly" ? "signed" : "grey");
        });
      return told(words, data, k);
    };
  },
});
