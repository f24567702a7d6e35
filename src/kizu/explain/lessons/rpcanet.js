// The parts of a picture after each stage, by robust PCA and by the exact network, and what both networks were measured
// to do: all of it computed in Python.

function told(words, now, { k, name, published }) {
  const numbers = {
    k: k + 1,
    name,
    nonzero: now.nonzero,
    low: pretty(now.low),
    high: pretty(now.high),
    left: `${pretty(100 * now.left, 2)}\u00a0%`,
    iou: pretty(now.iou, 2),
    published: pretty(published, 2),
  };
  return fill(now.nonzero ? words.now : words.nothing, numbers) + (published > 0 ? fill(words.theirs, numbers) : "");
}

start({
  formulas: {},
  picture({ data, words, plots, panels }) {
    const methods = Object.entries(data.methods);
    const [scenes, height, width] = data.picture.shape;
    const size = height * width;
    const pictures = bytes(data.picture);
    const masks = bytes(data.mask);
    const films = methods.map(([, { parts }]) => Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, bytes(part)])));
    const stages = methods[0][1].parts.background.shape[1];
    const { published, exact } = data;
    const x = { range: [0.7, published.left.length + 0.3], label: words.stage, ticks: published.left.map((_, k) => k + 1) };
    const course = (values, tone, k) => {
      const at = values.map((_, j) => j + 1);
      const here = k < values.length ? [points([k + 1], [values[k]], { tone, size: 6 })] : [];
      return [line(at, values, { tone, dash: tone === "fourth" ? "9 7" : "", dots: true }), ...here];
    };
    const ends = (curves) => names(curves.map(([values, tone, text]) => ({ x: values.length, y: values.at(-1), text, tone })));
    return ({ stage: k, scene, method }) => {
      const [name, { measured }] = methods[method];
      const film = films[method];
      const from = (scene * stages + k) * size;
      const shown = (part) => film[part].subarray(from, from + size);
      const picture = pictures.subarray(scene * size, (scene + 1) * size);
      const mask = masks.subarray(scene * size, (scene + 1) * size);
      panels.picture.draw(picture, "grey", mask);
      panels.background.draw(shown("background"));
      panels.anomaly.draw(shown("anomaly"), "signed");
      panels.noise.draw(shown("noise"), "signed");
      panels.logit.draw(shown("logit"), "signed");
      panels.found.draw(picture, "grey", shown("anomaly").map((value) => (value === 127 ? 0 : 1)));
      const now = rule({ x: k + 1 }, { tone: "soft", dash: "" });
      const axes = (range, label) => ({ x, y: { range, log: true, label } });
      const draw = (plot, range, label, curves) =>
        plot.draw(axes(range, label), [now, ...curves.flatMap(([values, tone]) => course(values, tone, k)), ends(curves)]);
      draw(plots.left, [1e-3, 1e4], words.ratio, [[published.left, "first", words.published], [exact.left, "third", words.exact]]);
      draw(plots.span, [0.03, 1e4], words.grey, [
        [published.target, "first", words.published_t], [published.background, "fourth", words.published_b],
        [exact.background, "second", words.exact_b], [exact.target, "third", words.exact_s],
      ]);
      draw(plots.share, [0.01, 1000], words.percent, [[published.share, "first", words.published], [exact.share, "third", words.exact]]);
      const seen = Object.fromEntries(Object.entries(measured).map(([key, values]) => [key, values[scene][k]]));
      return told(words, seen, { k, name: words[name], published: published.left[k] ?? 0 });
    };
  },
});
