// x after every iteration on ½(x − target)²: ISTA with λ|x|, gradient descent with λx².

function ista(start, target, step, lam, iterations) {
  const xs = [start];
  for (let k = 0; k < iterations; k += 1) xs.push(softThreshold(xs[k] - step * (xs[k] - target), step * lam));
  return xs;
}

function descent(start, target, step, lam, iterations) {
  const xs = [start];
  for (let k = 0; k < iterations; k += 1) xs.push(xs[k] - step * (xs[k] - target) - step * (2 * lam * xs[k]));
  return xs;
}

function told(words, { target, lam }, l1, l2) {
  const last = l1.length - 1;
  const hit = l1.findIndex((_, k) => l1.slice(k).every((x) => x === 0));
  const rest = { k: last, x: pretty(l1[last]) };
  const short = Math.abs(target) > lam ? words.pulled : words.underway;
  const first = hit >= 0 ? fill(words.reaches, { k: hit }) : fill(short, rest);
  const left = fill(l2[last] === 0 ? words.ridge_zero : words.ridge, { k: last, x: pretty(l2[last]) });
  return { hit, text: `${first} ${left}` };
}

start({
  formulas: { ista, descent },
  picture({ data, words, plots }) {
    const { iterations, near } = data;
    const ks = Array.from({ length: iterations + 1 }, (_, k) => k);
    return (values) => {
      const given = [values.start, values.target, values.step_size, values.lam, iterations];
      const [l1, l2] = [ista(...given), descent(...given)];
      const { hit, text } = told(words, values, l1, l2);
      const curves = (from) => [
        rule({ y: 0 }, { dash: "" }),
        line(ks.slice(from), l2.slice(from), { tone: "second", dots: true }),
        line(ks.slice(from), l1.slice(from), { tone: "first", dots: true }),
      ];
      const whole = { range: extent([0, ...l1, ...l2]), label: words.value };
      const [early, late] = [Math.round(iterations / 12), Math.round(iterations / 2)];
      const above = values.start >= values.target ? 1 : -1;
      const goal = [rule({ y: values.target }), note(iterations, values.target, words.target, { anchor: "end", dy: -5 })];
      const zero = note(hit, whole.range[1], fill(words.zero, { k: hit }), { tone: "first", dx: 7, dy: 14 });
      plots.steps.draw({ x: { range: [0, iterations], label: words.iteration }, y: whole }, [
        ...(values.target === 0 ? [] : goal),
        ...(hit > 0 ? [rule({ x: hit }, { tone: "first" }), zero] : []),
        ...curves(0),
        note(early, l1[early], words.l1, { tone: "first", dx: 12 }),
        note(late, l2[late], words.l2, { tone: "second", dy: above > 0 ? -14 : 24 }),
      ]);
      const from = iterations - near;
      const close = { range: extent([0, ...l1.slice(from), ...l2.slice(from)], 0.12), label: words.value };
      plots.near.draw({ x: { range: [from, iterations], label: words.iteration }, y: close }, [
        ...curves(from),
        note(from + 2, l2[from + 2], words.l2, { tone: "second", dx: 10, dy: -4 }),
        note(from + 2, l1[from + 2], words.l1, { tone: "first", dx: 10, dy: -8 }),
      ]);
      return text;
    };
  },
});
