// L, S and Y of two walls after each iteration, and what is counted meanwhile: all of it computed in Python.

const SIGNED = ["anomaly", "multiplier"];

function told(words, data, k) {
  const now = {
    k: k + 1,
    rank: data.rank[k],
    nonzero: data.nonzero[k],
    level: pretty(data.level[k]),
    share: Math.max(0, Math.round(100 * data.filled[k])),
    residual: pretty(data.residual[k], 1),
  };
  const key = now.k < data.opens ? "waiting" : now.k === data.opens ? "opening" : now.k < data.second ? "taking" : "done";
  return fill({ waiting: words.waiting, opening: words.opening, taking: words.taking, done: words.done }[key], now);
}

// The curve up to step k in its colour, the rest of it faint.
function course(ks, values, k, tone) {
  return [
    line(ks, values, { tone: "soft", dash: "", thin: true }),
    line(ks.slice(0, k + 1), values.slice(0, k + 1), { tone, dash: "" }),
    points([ks[k]], [values[k]], { tone, size: 6 }),
  ];
}

start({
  formulas: {},
  picture({ data, words, plots, panels }) {
    const films = Object.entries(data.pictures).map(([name, film]) => ({ name, shape: film.shape, all: bytes(film) }));
    const ks = data.rank.map((_, k) => k + 1);
    const last = ks.length;
    const x = { range: [1, last], label: words.iteration, ticks: ks.filter((k) => k === 1 || k % 5 === 0) };
    const most = Math.max(...data.nonzero);
    return ({ iteration: k }) => {
      for (const { name, shape, all } of films) {
        const size = shape[2] * shape[3];
        for (const wall of [0, 1]) {
          const first = (Math.min(k, shape[0] - 1) * 2 + wall) * size;
          panels[`${name}${wall}`].draw(all.subarray(first, first + size), SIGNED.includes(name) ? "signed" : "grey");
        }
      }
      const now = rule({ x: k + 1 }, { tone: "soft", dash: "" });
      plots.counts.draw({ x, y: { range: [0, most * 1.2] } }, [
        now, ...course(ks, data.nonzero, k, "first"), ...course(ks, data.rank, k, "second"),
        note(last, most, words.nonzero, { tone: "first", anchor: "end", dx: -9, dy: -9 }),
        note(last, Math.max(...data.rank), words.rank, { tone: "second", anchor: "end", dx: -9, dy: -9 }),
      ]);
      plots.full.draw({ x, y: { range: [-5, 120], label: words.full, ticks: [0, 50, 100] } }, [
        now, rule({ y: 100 }, { tone: "fourth" }), ...course(ks, data.filled.map((v) => 100 * v), k, "fourth"),
        note(last, 100, words.limit, { tone: "fourth", anchor: "end", dx: -9, dy: -8 }),
        note(data.opens, 50, words.opens, { tone: "first", dx: 10 }),
        rule({ x: data.opens }, { tone: "first" }),
      ]);
      plots.course.draw({ x, y: { range: [1e-8, 1e5], log: true } }, [
        now, ...course(ks, data.residual, k, "third"), ...course(ks, data.growth, k, "fifth"),
        note(data.second - 1, data.residual[data.second - 2], words.residual, { tone: "third", anchor: "end", dy: 24 }),
        note(data.second, data.growth[data.second - 1], words.mu, { tone: "fifth", anchor: "end", dx: -8, dy: -10 }),
      ]);
      return told(words, data, k);
    };
  },
});
