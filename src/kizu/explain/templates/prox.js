// Proximal operators of one number, as kizu.prox has them: argmin_u  step·g(u) + ½(u − x)².

function softThreshold(x, threshold) {
  return Math.sign(x) * Math.max(Math.abs(x) - threshold, 0);
}

function ridgeShrink(x, weight) {
  return x / (1 + weight);
}

function elasticShrink(x, lam, ratio, step) {
  return ridgeShrink(softThreshold(x, step * lam * ratio), step * lam * (1 - ratio));
}

function hardThreshold(x, threshold) {
  return Math.abs(x) <= threshold ? 0 : x;
}

function mcpThreshold(x, lam, gamma, step) {
  if (step >= gamma) return hardThreshold(x, lam * Math.sqrt(gamma * step));
  return Math.abs(x) > gamma * lam ? x : softThreshold(x, step * lam) / (1 - step / gamma);
}

function scadThreshold(x, lam, a, step) {
  const [size, soft] = [Math.abs(x), softThreshold(x, step * lam)];
  if (step >= a - 1) {
    const jump = step < a + 1 ? 0.5 * (a + 1 + step) : Math.sqrt(step * (a + 1));
    return size > jump * lam ? x : soft;
  }
  const line = ((a - 1) * x - Math.sign(x) * (a * step * lam)) / (a - 1 - step);
  return size > a * lam ? x : size > (1 + step) * lam ? line : soft;
}
