// Where every contestant is at a moment of the race: histories and times come from Python.

// How many iterations a run has done at a time in milliseconds.
function done(run, time) {
  const next = run.time.findIndex((at) => at > time);
  return next < 0 ? run.time.length : next;
}

function told(words, runs, { refused, time, most, least }) {
  const list = (names) => names.map((name) => words[name]).join(words.and);
  const places = Object.entries(runs)
    .map(([name, run]) => ({ name: words[name], gap: run.gap[done(run, time) - 1] ?? Infinity }))
    .sort((one, other) => one.gap - other.gap)
    .map(({ name, gap }) => fill(gap < Infinity ? words.place : words.waiting, { name, gap: pretty(gap, 1) }));
  const now = fill(words.now, { time: Number(time.toPrecision(2)), places: places.join(words.and) });
  const stopped = Object.keys(runs).filter((name) => done(runs[name], time) === most && runs[name].gap.at(-1) > least);
  return [
    now,
    stopped.length ? fill(words.stopped, { names: list(stopped), most }) : "",
    refused.length ? fill(words.refused, { names: list(refused) }) : "",
  ].join("");
}

start({
  formulas: {},
  picture({ data, words, plots, name: call }) {
    const { heats, tones, goal, least, most } = data;
    const steps = Array.from({ length: most }, (_, k) => k + 1);
    const times = Object.values(heats).flatMap((runs) => Object.values(runs).flatMap((run) => [run.time[0], run.time.at(-1)]));
    const clocks = [Math.min(...times) * 0.7, Math.max(...times) * 1.4];
    return ({ heat, moment }) => {
      const [runs, moments] = [Object.values(heats)[heat], Object.values(data.moments)[heat]];
      const time = moments[moment];
      call("moment", moments.map((at) => fill(words.moment, { time: Number(at.toPrecision(2)) })));
      const refused = Object.keys(tones).filter((name) => !(name in runs));
      for (const [place, plot] of Object.entries(plots)) {
        const [what, against] = place.split("_");
        const clock = against === "time";
        const drawn = Object.entries(runs).map(([name, run]) => {
          const [xs, k] = [clock ? run.time : steps.slice(0, run.gap.length), done(run, time)];
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
            ...(clock ? [rule({ x: time }, { tone: "soft", dash: "" })] : []),
            ...drawn.map(({ xs, ys }) => line(xs, ys, { tone: "soft", dash: "", thin: true })),
            ...drawn.map(({ xs, ys, k, tone }) => line(xs.slice(0, k), ys.slice(0, k), { tone, dash: tone === "fourth" ? "9 7" : "" })),
            ...drawn.filter(({ k }) => k > 0).map(({ xs, ys, k, tone }) => points([xs[k - 1]], [Math.max(ys[k - 1], least)], { tone, size: 6 })),
            names(drawn.map(({ xs, ys, text, tone }) => ({ x: xs.at(-1), y: Math.max(ys.at(-1), least), text, tone }))),
          ],
        );
      }
      return told(words, runs, { refused, time, most, least });
    };
  },
});
