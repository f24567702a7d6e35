// What one proximal step of size 1 makes of a number, for each penalty; number − result is the penalty's pull there.

function proxes({ lam, ratio }, a, gamma) {
  return {
    ridge: (v) => ridgeShrink(v, lam),
    l1: (v) => softThreshold(v, lam),
    elastic: (v) => elasticShrink(v, lam, ratio, 1),
    hard: (v) => hardThreshold(v, lam),
    scad: (v) => scadThreshold(v, lam, a, 1),
    mcp: (v) => mcpThreshold(v, lam, gamma, 1),
  };
}

// Where the result jumps the curve has a gap, not a line across it.
function torn(xs, gap) {
  return xs.map((x, k) => (k > 0 && Math.abs(x - xs[k - 1]) > gap ? NaN : x));
}

function arrow(x, from, to, tone) {
  return (at) => {
    const [px, start, end] = [at.x(x), at.y(from), at.y(to)];
    const size = Math.min(7, Math.abs(end - start)) * Math.sign(end - start);
    return svg("path", { d: `M${px} ${start}V${end}m-4 ${-size}L${px} ${end}l4 ${-size}`, class: `curve ${tone}` });
  };
}

start({
  formulas: { softThreshold, ridgeShrink, elasticShrink, hardThreshold, scadThreshold, mcpThreshold },
  picture({ data, words, plots, set }) {
    const { reach, a, gamma, tones, together } = data;
    const inputs = Array.from({ length: 401 }, (_, k) => -2 * reach + (k * reach) / 100);
    const range = [-reach, reach];
    const beside = { ridge: { anchor: "end", dx: -9, dy: -3 }, l1: { dy: -9 }, elastic: { dx: 16, dy: 24 }, scad: { dx: -14, dy: 22 } };
    const grip = (v, x) => ({
      x, y: v - x, now: v, label: words.input, text: pretty(v),
      move: (px, py) => set("v", px + py),
      nudge: (dx, dy) => set("v", v + (dx + dy) / 10),
    });
    return (values) => {
      const { v, lam } = values;
      const results = proxes(values, a, gamma);
      const x = Object.fromEntries(Object.entries(results).map(([name, prox]) => [name, prox(v)]));
      const side = v < 0 ? v + 2.25 : v - 2.25; // where the line of the data is taken hold of, clear of the crossings
      const left = v < 0 ? side > reach - 3 : side > 3 - reach; // where there is room for its name
      plots.pull.draw(
        { x: { range, label: words.x }, y: { range: [-2.6, 2.6], label: words.force } },
        [
          rule({ x: 0 }), rule({ y: 0 }),
          line([v - 2 * reach, v + 2 * reach], [2 * reach, -2 * reach], { tone: "sixth", dash: "", thin: true }),
          note(side, v - side, words.data, { tone: "sixth", ...(left ? { anchor: "end", dx: -16 } : { dx: 16 }), dy: 5 }),
          ...together.flatMap((name) => {
            const us = inputs.map(results[name]);
            return [line(us, inputs.map((input, k) => input - us[k]), { tone: tones[name] })];
          }),
          ...together.map((name) => points([x[name]], [v - x[name]], { tone: tones[name], size: 6 })),
          ...together.map((name) => {
            const place = Math.min(data.labels[name], 0.7 * results[name](2 * reach));
            const input = inputs.find((one) => results[name](one) >= place);
            const u = results[name](input);
            return note(u, input - u, words[name], { tone: tones[name], anchor: "middle", ...beside[name] });
          }),
        ],
        { grip: grip(v, side) },
      );
      for (const [name, prox] of Object.entries(results)) {
        const us = inputs.map(prox);
        const dead = inputs.filter((input, k) => us[k] === 0);
        plots[name].draw({ x: { range, ticks: [-4, 0, 4] }, y: { range, ticks: [-4, 0, 4] }, same: true }, [
          ...(dead.length > 1 ? [band({ x: [dead[0], dead.at(-1)] }, { tone: tones[name] })] : []),
          rule({ x: 0 }), rule({ y: 0 }),
          line(range, range, { tone: "soft", thin: true }),
          line(inputs, torn(us, reach / 10), { tone: tones[name], dash: "" }),
          arrow(v, v, x[name], tones[name]),
          points([v], [x[name]], { tone: tones[name], size: 5 }),
        ]);
      }
      const said = Object.entries({ v, lam, ...x }).map(([name, number]) => [name, pretty(number)]);
      return fill(Math.abs(v) <= lam ? words.dead : words.alive, Object.fromEntries(said));
    };
  },
});
