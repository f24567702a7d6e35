// Coefficients along λ for three penalties: all of them computed in Python.

const SHORT = { lasso: "l", elastic: "e", ridge: "r" };

function told(words, data, k) {
  const now = { share: pretty(data.shares[k]), count: data.true.length, gap: 0 };
  for (const [name, paths] of Object.entries(data.paths)) {
    now[name] = paths.filter((values) => values[k] !== 0).length;
    for (const twin of [0, 1]) now[`${SHORT[name]}${twin + 1}`] = pretty(paths[twin][k], 2);
    now.gap = Math.max(now.gap, data.gaps[name][k]);
  }
  return fill(words.now, { ...now, gap: pretty(now.gap, 1) });
}

start({
  formulas: {},
  picture({ data, words, plots }) {
    const { shares, tones } = data;
    const features = data.true.map((_, j) => j + 1);
    const [most, least] = [shares[0], shares[shares.length - 1]];
    const x = { range: [most, least], log: true, label: words.share, ticks: [1, 0.1, 0.01] };
    const y = { range: extent([...data.true, ...Object.values(data.paths).flat(2)], 0.08) };
    const order = features.map((_, j) => j).sort((i, j) => (tones[j] === "soft") - (tones[i] === "soft"));
    return ({ step: k }) => {
      for (const [name, paths] of Object.entries(data.paths)) {
        const ends = paths.map((values) => values[shares.length - 1]);
        plots[name].draw({ x, y }, [
          rule({ y: 0 }, { dash: "" }),
          rule({ x: shares[k] }, { tone: "sixth", dash: "" }),
          ...order.map((j) => line(shares, paths[j], { tone: tones[j], dash: "", thin: tones[j] === "soft" })),
          ...order.map((j) => points([shares[k]], [paths[j][k]], { tone: tones[j], size: tones[j] === "soft" ? 3 : 5 })),
          ...[0, 1].map((j) => note(least, Math.max(ends[0], ends[1]), fill(words.twin, { k: j + 1 }), { tone: tones[j], anchor: "end", dx: -4, dy: j ? -8 : 30 })),
          note(least, Math.min(...ends.slice(4)), words.others, { anchor: "end", dx: -4, dy: 18 }),
        ]);
        const now = paths.map((values) => values[k]);
        plots[`${name}_now`].draw({ x: { range: [0.4, features.length + 0.6], label: words.feature, ticks: features }, y: { ...y, ticks: [-2, 0, 2] } }, [
          rule({ y: 0 }, { dash: "" }),
          points(features, data.true, { tone: "soft", hollow: true, size: 6 }),
          ...features.map((feature, j) => line([feature, feature], [0, now[j]], { tone: tones[j], dash: "" })),
          ...features.map((feature, j) => points([feature], [now[j]], { tone: tones[j], size: 5, hollow: now[j] === 0 })),
          note(features.length, 1, words.true, { anchor: "end", dy: -4 }),
        ]);
      }
      return told(words, data, k);
    };
  },
});
