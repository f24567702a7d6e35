// Where contours of ½(x − c)ᵀH(x − c), H = [[1, ρ], [ρ, 1]], first meet the ball that goes through (1, 0):
// ratio·‖x‖₁ + ½(1 − ratio)·‖x‖² is no larger there than at (1, 0).

// The minimiser of ½(x − c)ᵀH(x − c) + lam·(ratio·‖x‖₁ + ½(1 − ratio)·‖x‖²), by trying which entries are zero.
function penalised([c1, c2], lam, ratio, rho) {
  const [b1, b2] = [c1 + rho * c2, rho * c1 + c2];
  const [flat, diagonal] = [lam * ratio, 1 + lam * (1 - ratio)];
  const [alone1, alone2] = [softThreshold(b1, flat) / diagonal, softThreshold(b2, flat) / diagonal];
  if (ratio > 0 && Math.abs(b2 - rho * alone1) <= flat) return [alone1, 0];
  if (ratio > 0 && Math.abs(b1 - rho * alone2) <= flat) return [0, alone2];
  const determinant = diagonal * diagonal - rho * rho;
  for (const [s1, s2] of [[1, 1], [1, -1], [-1, 1], [-1, -1]]) {
    const [r1, r2] = [b1 - flat * s1, b2 - flat * s2];
    const x = [(diagonal * r1 - rho * r2) / determinant, (diagonal * r2 - rho * r1) / determinant];
    if (flat === 0 || (x[0] * s1 > 0 && x[1] * s2 > 0)) return x;
  }
  return [alone1, alone2];
}

function size([x1, x2], ratio) {
  return ratio * (Math.abs(x1) + Math.abs(x2)) + 0.5 * (1 - ratio) * (x1 * x1 + x2 * x2);
}

function touch(c1, c2, ratio, rho) {
  let [low, high] = [0, 16];
  for (let k = 0; k < 60; k += 1) {
    const lam = (low + high) / 2;
    if (size(penalised([c1, c2], lam, ratio, rho), ratio) > size([1, 0], ratio)) low = lam;
    else high = lam;
  }
  return penalised([c1, c2], (low + high) / 2, ratio, rho);
}

// The outline of a ball: in every direction as far as it reaches.
function outline(ratio) {
  const angles = Array.from({ length: 241 }, (_, k) => (k * Math.PI) / 120);
  const reach = (t) => {
    const [flat, round] = [ratio * (Math.abs(Math.cos(t)) + Math.abs(Math.sin(t))), 0.5 * (1 - ratio)];
    const whole = size([1, 0], ratio);
    return round === 0 ? whole / flat : (Math.sqrt(flat * flat + 4 * round * whole) - flat) / (2 * round);
  };
  return [angles.map((t) => reach(t) * Math.cos(t)), angles.map((t) => reach(t) * Math.sin(t))];
}

// The contour of the datafit around c on which the squared distance is `level`: an ellipse along the diagonals.
function contour([c1, c2], level, rho) {
  const angles = Array.from({ length: 121 }, (_, k) => (k * Math.PI) / 60);
  const [along, across] = [Math.sqrt(level / (1 + rho)), Math.sqrt(level / (1 - rho))];
  const at = (sign) => (t) => (along * Math.cos(t) + sign * across * Math.sin(t)) / Math.SQRT2;
  return [angles.map((t) => c1 + at(1)(t)), angles.map((t) => c2 + at(-1)(t))];
}

const onAxis = ([x1, x2]) => x1 === 0 || x2 === 0;

start({
  formulas: { touch },
  picture({ data, words, plots, setAll }) {
    const balls = Object.entries(data.balls).map(([name, ball]) => ({ name, ...ball, outline: outline(ball.ratio) }));
    const range = [-data.reach, data.reach];
    let landed = { rho: NaN };
    const landing = (rho) => {
      if (rho !== landed.rho) {
        landed = { rho };
        for (const { name, ratio } of balls) {
          landed[name] = data.optima.map(([c1, c2]) => onAxis(touch(c1, c2, ratio, rho)));
        }
      }
      return landed;
    };
    return ({ c1, c2, rho }) => {
      const fates = { axis: [], between: [], inside: [] };
      const grip = {
        x: c1, y: c2, label: words.optimum, text: `x₁ ${pretty(c1)}, x₂ ${pretty(c2)}`,
        move: (x, y) => setAll({ c1: x, c2: y }),
        nudge: (dx, dy) => setAll({ c1: c1 + dx / 20, c2: c2 + dy / 20 }),
      };
      for (const { name, ratio, tone, outline: [xs, ys] } of balls) {
        const on = landing(rho)[name];
        const some = (flag) => data.optima.filter((_, k) => on[k] === flag);
        const [x1, x2] = touch(c1, c2, ratio, rho);
        const [d1, d2] = [x1 - c1, x2 - c2];
        const level = d1 * d1 + 2 * rho * d1 * d2 + d2 * d2;
        const share = `${Math.round((100 * some(true).length) / on.length)}\u00a0%`;
        const inside = size([c1, c2], ratio) <= size([1, 0], ratio);
        fates[inside ? "inside" : onAxis([x1, x2]) ? "axis" : "between"].push(words[name]);
        const columns = (dots) => [dots.map((c) => c[0]), dots.map((c) => c[1])];
        const axis = (label) => ({ range, ticks: [-2, -1, 0, 1, 2], label });
        const anchor = x1 > 0.2 ? "end" : x1 < -0.2 ? "start" : "middle";
        const dy = x1 === 0 ? 24 * Math.sign(x2) + 4 : 5;
        plots[name].draw({ x: axis("x₁"), y: axis("x₂"), same: true }, [
          rule({ x: 0 }, { dash: "" }), rule({ y: 0 }, { dash: "" }),
          points(...columns(some(false)), { size: 2, faint: true, tone: "soft" }),
          points(...columns(some(true)), { size: 2.4, tone }),
          line(xs, ys, { tone, dash: "", closed: true, filled: true }),
          ...[0.11, 0.44, 1].map((part) =>
            line(...contour([c1, c2], part * level, rho), { tone: "sixth", dash: "", thin: part < 1 }),
          ),
          points([x1], [x2], { tone, size: 7 }),
          note(x1, x2, `(${pretty(x1, 2)}, ${pretty(x2, 2)})`, { tone, anchor, dx: -14 * Math.sign(x1), dy }),
          note(range[0], range[1], fill(words.share, { share }), { tone, dx: 4, dy: 14 }),
        ], { grip });
      }
      const groups = Object.entries(fates).filter(([, names]) => names.length);
      const parts = groups.map(([fate, names]) => fill(words[fate], { balls: names.join(words.and) }));
      return fill(words.now, { c1: pretty(c1), c2: pretty(c2) }) + parts.join("");
    };
  },
});
