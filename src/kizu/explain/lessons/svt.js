// Singular values before and after the threshold tau; what that does to one wall comes from arrays of Python.

function thresholded(values, tau) {
  return values.map((value) => softThreshold(value, tau));
}

function told(words, { tau, kept, missed, false: wrong, low, high, few }) {
  const percent = (share) => `${pretty(100 * share, 2)}\u00a0%`;
  const numbers = { tau: pretty(tau), kept, missed: percent(missed), wrong: percent(wrong) };
  if (tau === 0) return words.none;
  if (tau <= low) return fill(words.hidden, numbers);
  if (tau >= high) return fill(words.gone, numbers);
  if (missed > 0) return fill(wrong < 0.5 ? words.weak : words.inverted, numbers);
  return fill(wrong < few ? words.right : words.eaten, numbers);
}

start({
  formulas: { thresholded },
  picture({ data, words, plots, panels, set }) {
    const [count, height, width] = data.backgrounds.shape;
    const films = { background: bytes(data.backgrounds), anomaly: bytes(data.anomalies) };
    const frame = (film, k) => film.subarray(k * height * width, (k + 1) * height * width);
    const percent = (shares) => shares.map((share) => 100 * share);
    const [missed, wrong] = [percent(data.missed), percent(data.false)];
    const { taus, edge, shown } = data;
    const values = data.values.slice(0, shown);
    const ranks = values.map((_, k) => k + 1);
    const [low, high] = data.cliffs;
    const least = 8; // the left and lower end of the logarithmic axes, where what is smaller is drawn
    const nearest = (tau) => {
      const away = taus.map((t) => Math.abs(Math.log(Math.max(t, least) / tau)));
      return away.indexOf(Math.min(...away));
    };
    panels.observed.draw(bytes(data.observed));
    return ({ step }) => {
      const tau = taus[step];
      const kept = thresholded(data.values, tau).filter((value) => value > 0).length;
      const after = thresholded(values, tau);
      const place = Math.max(tau, least);
      const grip = {
        x: shown + 4, y: place, now: step, range: [0, count - 1], label: words.tau, text: pretty(tau),
        move: (_, y) => set("step", nearest(y)),
        nudge: (dx, dy) => set("step", Math.max(0, Math.min(count - 1, step + dx + dy))),
      };
      plots.values.draw(
        { x: { range: [0, shown + 6], label: fill(words.rank, { shown }) }, y: { range: [least, 2e5], log: true, label: words.value } },
        [
          ...(tau > 0 ? [band({ y: [least, tau] }, { tone: "first" })] : []),
          rule({ y: place }, { tone: "first", dash: "" }),
          rule({ y: edge }),
          note(5, edge, words.edge, { dy: 22 }),
          stems(ranks, after.map((value) => Math.max(value, least)), { tone: "second" }),
          points(ranks, values, { tone: "soft", hollow: true, size: 5 }),
          points(ranks, after.map((value) => (value > 0 ? Math.max(value, least) : NaN)), { tone: "second", size: 4 }),
          note(1, values[0], words.wall, { dx: 12, dy: 5 }),
          note(data.dotted + 1, values[data.dotted], words.dot, { tone: "first", dx: 12, dy: -9 }),
          note(shown + 4, place, `τ = ${pretty(tau)}`, { tone: "first", anchor: "middle", dy: -16 }),
        ],
        { grip },
      );
      const at = taus.map((t) => Math.max(t, least));
      plots.errors.draw(
        { x: { range: [least, 4e5], log: true, label: words.tau }, y: { range: [0, 124], label: words.share, ticks: [0, 50, 100] } },
        [
          band({ x: [least, low] }),
          band({ x: [high, 4e5] }),
          rule({ x: low }, { dash: "" }),
          rule({ x: high }, { dash: "" }),
          note(low, 55, words.low, { anchor: "end", dx: -6 }),
          note(high, 55, words.high, { dx: 6 }),
          rule({ x: place }, { tone: "second", dash: "" }),
          line(at, missed, { tone: "fifth", dash: "" }),
          line(at, wrong, { tone: "first" }),
          points([place], [missed[step]], { tone: "fifth", size: 6 }),
          points([place], [wrong[step]], { tone: "first", size: 6 }),
          note(high, 100, words.cancel, { tone: "fifth", anchor: "end", dx: -6, dy: -8 }),
          note(low, 90, words.missed, { tone: "fifth", dx: 14 }),
          note(4000, 30, words.false, { tone: "first", anchor: "end", dx: -12 }),
        ],
      );
      panels.background.draw(frame(films.background, step));
      panels.anomaly.draw(frame(films.anomaly, step), "signed");
      return told(words, { tau, kept, missed: data.missed[step], false: data.false[step], low, high, few: data.few });
    };
  },
});
