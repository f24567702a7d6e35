"""Robust dictionary learning: a few atoms explain each sample, and what they cannot explain is an anomaly or noise.

    minimise over D, X, S   Σ ½‖y_i − x_i D − s_i‖² + lam·‖x_i‖₁ + lam_anomaly·‖s_i‖₁      with ‖d_j‖ ≤ 1

over all samples but the share `trim` that fits worst: Huber dictionary learning (Chen & Wu 2013), trimmed. Without S
it is dictionary learning (Olshausen & Field 1996; Mairal, Bach, Ponce & Sapiro 2010).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from kizu.arrays import like
from kizu.engines.blas import one_thread
from kizu.errors import ParameterError
from kizu.models import dictionary_check, dictionary_data, dictionary_fit
from kizu.models.dictionary_check import Center
from kizu.models.dictionary_data import Samples
from kizu.models.dictionary_fit import Learned, Round, Task
from kizu.parameters import Parameter
from kizu.solvers import huber_codes, l1_fit
from kizu.solvers.huber_codes import Coding, Proofs
from kizu.typing import Array, Bools, Floats

Form = Literal["noisy", "exact", "rows"]
MAX_ITER = 300
STILL = 1e-4
"""Learning ends when a round lowers the objective by less than that share."""
TRIM, STARTS = 0.15, 3
RATIO = 0.8
"""lam at most that share of √features · lam_anomaly: above it the anomaly is cheaper than the atom that explains it."""
SMOOTH = 0.1
"""The exact form's atoms are learned with noise worth that share of the data's mean size: with less they are slow."""


@dataclass(frozen=True, eq=False)
class LearnedDictionary:
    """Y = background + anomaly + noise, with background = level + codes @ atoms; and the proof of each code.

    `atoms` (atoms, features) have length 1. `codes` (samples, atoms), `anomaly` and `noise` (samples, features) and
    `level` (broadcasting against Y) are arrays of the library of Y. `objective` and `relative_gap` (samples,): given
    the atoms, a sample's optimum is at most that far below. Atoms are a local optimum, without a proof. `used`
    (samples,) says which samples the atoms were learned from, `usage` (atoms,) which share of those uses each.
    `stopped` is "still" or "max_iter". `history` holds the trimmed objective of every round, which never rises: with
    many samples, of the rounds after the first pass; in the exact form, of the problem with a little noise that atoms
    are learned with. `parameters`: every choice with its reason.
    """

    atoms: Array
    codes: Array
    level: Array
    anomaly: Array
    noise: Array
    objective: Floats
    relative_gap: Floats
    used: Bools
    usage: Floats
    history: tuple[Round, ...]
    stopped: Literal["still", "max_iter"]
    parameters: dict[str, Parameter]

    @property
    def converged(self) -> bool:
        """Whether learning stood still and every sample's gap is at most `tol`."""
        return self.stopped == "still" and bool(np.all(self.relative_gap <= self.parameters["tol"].value))

    @property
    def sigma(self) -> float:
        """Noise scale in the units of Y; 0 in the exact form."""
        return float(self.parameters["sigma"].value)

    @cached_property
    def background(self) -> Array:
        """Level and atoms together (samples, features)."""
        return self.level + self.codes @ self.atoms

    @cached_property
    def residual(self) -> Array:
        """Y − background (samples, features): what decisions are made on."""
        return self.anomaly + self.noise


def robust_dictionary(
    Y: Array,
    *,
    atoms: int | None = None,
    lam: float | None = None,
    lam_anomaly: float | None = None,
    noise: float | Literal["auto"] | None = "auto",
    form: Form = "noisy",
    trim: float = TRIM,
    center: Center | None = "auto",
    positive: bool | Literal["codes"] = False,
    starts: int = STARTS,
    tol: float | None = None,
    max_iter: int = MAX_ITER,
    random_state: int = 0,
) -> LearnedDictionary:
    """Learn what is usual in the rows of Y, and say what is not.

    Parameters
    ----------
    Y : array (samples, features), such as patches; never changed. Missing entries are refused.
    atoms : how many. Default half the features, at most a quarter of the samples: few atoms have no room for flaws.
    lam : weight of the codes, default 3·sigma: noise alone reaches an atom of length 1 so far once in 400 times
    lam_anomaly : weight of the anomaly, default 3·sigma; by rows (√features + 3/√2)·sigma. ∞ is dictionary learning.
    noise : "auto" measures sigma and takes the exact form where there is none; a number is sigma; None is no noise
    form : "noisy", or "exact" (lam·‖x‖₁ + lam_anomaly·‖y − xD‖₁ with no noise, weights 1 by default), or "rows"
        (lam_anomaly·‖s_i‖₂: samples are outliers as a whole)
    trim : share of the samples that atoms are not learned from, at least the share of those that see a flaw. Default
        0.15: flaws on 2 % of an image are seen by 10 % of its patches, and 0 learns them.
    center : level to take off first, unpenalised: the median of each "sample" or of each feature ("global"), or None.
        "auto" is "sample", which suits patches, and None where atoms are positive.
    positive : True for codes and atoms ≥ 0, "codes" for codes alone
    starts : how many sets of first atoms race over the first rounds; the lowest objective goes on
    tol : relative duality gap of every sample's code; 1e-5, for float32 1e-4
    max_iter : rounds at most
    random_state : seed of the first atoms; the result is the same bits for the same seed, on any number of threads

    Raises
    ------
    ParameterError, ShapeError : one line that says what to do
    """
    dictionary_check.check(
        atoms, lam, lam_anomaly, noise, form, trim, center, positive, starts, tol, max_iter, random_state
    )
    with one_thread():  # sums in one order: the same bits on any number of threads
        values = dictionary_data.matrix(Y)
        count = dictionary_check.count_of(atoms, *values.shape)
        where = dictionary_check.center_of(center, positive)
        samples = dictionary_data.centred(values, where.value)
        why = "more than the share of samples that flaws on 2 % of a picture reach" if trim == TRIM else "given"
        trimmed = Parameter(float(trim), why)
        parameters = {"atoms": count, "center": where, "trim": trimmed}
        parameters |= weights(samples, count.value, lam, lam_anomaly, noise, form, trim, positive)
        parameters |= {"tol": dictionary_check.tolerance(tol, values)}
        learned = _learned(samples, parameters, positive, starts, max_iter, random_state)
        return _result(Y, samples, learned, parameters, positive)


def weights(
    samples: Samples,
    atoms: int,
    lam: float | None,
    lam_anomaly: float | None,
    noise: float | Literal["auto"] | None,
    form: Form,
    trim: float,
    positive: bool | Literal["codes"],
) -> dict[str, Parameter]:
    """form, sigma, lam and lam_anomaly, in the units of the data."""
    features = samples.rows.shape[1]
    shape: huber_codes.Shape = "rows" if form == "rows" else "entries"
    sigma = _sigma(samples, atoms, noise, form, trim, positive, needed=lam is None or lam_anomaly is None)
    chosen = Parameter(form, "given" if form != "noisy" else "with noise")
    if sigma.value == 0 and lam is None and lam_anomaly == np.inf:
        raise ParameterError("lam", lam, "a number: there is no noise to weigh the codes by")
    if sigma.value == 0 and form == "noisy" and (lam is None or lam_anomaly is None):
        chosen = Parameter("exact", f"no noise: {sigma.why}")
    if sigma.value == 0:
        first, second = Parameter(1.0, "only the ratio of the two counts"), Parameter(1.0, "as much as a code's")
        if form == "rows":
            second = Parameter(float(np.sqrt(features)), "as much as the codes of a sample")
    else:
        first = Parameter(dictionary_data.WEIGHT * sigma.value, "3·sigma: keeps noise out of the codes")
        tau = dictionary_data.default_tau(sigma.value, features, shape)
        second = Parameter(tau, "3·sigma" if shape == "entries" else "(√features + 3/√2)·sigma, the length of noise")
    anomaly = second if lam_anomaly is None else Parameter(float(lam_anomaly), "given")
    code = first if lam is None else Parameter(float(lam), "given")
    most = RATIO * anomaly.value * (np.sqrt(features) if shape == "entries" else 1.0)
    if code.value > most:
        if lam is not None:
            allowed = f"at most {most:.4g} for {features} features and lam_anomaly {anomaly.value:.4g}: "
            raise ParameterError("lam", lam, allowed + "beyond, all is anomaly and the codes are 0")
        code = Parameter(most, f"{RATIO:g}·√features·lam_anomaly: beyond, all is anomaly")
    return {"form": chosen, "sigma": sigma, "lam": code, "lam_anomaly": anomaly}


def _sigma(
    samples: Samples,
    atoms: int,
    noise: float | Literal["auto"] | None,
    form: Form,
    trim: float,
    positive: bool | Literal["codes"],
    *,
    needed: bool,
) -> Parameter:
    if noise is None or form == "exact":
        return Parameter(0.0, "given: no dense noise")
    if noise != "auto":
        return Parameter(float(noise), "given")
    if not needed:
        return Parameter(0.0, "not needed: both weights are given")
    shape: huber_codes.Shape = "rows" if form == "rows" else "entries"
    found = dictionary_data.noise_scale(samples.rows, atoms, shape, trim, bool(positive), positive is True)
    return Parameter(float(np.ldexp(found.value, samples.exponent)), found.why)


def problem(parameters: dict[str, Parameter], exponent: int, positive: bool | Literal["codes"]) -> Coding:
    """What is solved, in the scale of samples over 2**exponent."""
    exact, rows = (parameters["form"].value == name for name in ("exact", "rows"))
    scale = 0 if exact else -exponent
    lam, tau = (float(np.ldexp(parameters[name].value, scale)) for name in ("lam", "lam_anomaly"))
    return Coding(lam, tau, "rows" if rows else "entries", bool(positive), parameters["tol"].value)


def learning_problem(parameters: dict[str, Parameter], samples: Samples, positive: bool | Literal["codes"]) -> Coding:
    """What atoms are learned by: in the exact form that with a little noise, whose codes are found so much sooner."""
    wanted = problem(parameters, samples.exponent, positive)
    if parameters["form"].value != "exact":
        return wanted
    price = SMOOTH * float(np.abs(samples.rows).mean()) / wanted.tau or 1.0
    return wanted._replace(lam=wanted.lam * price, tau=wanted.tau * price)


def encode(rows: Floats, atoms: Floats, codes: Floats, wanted: Coding, form: Form) -> Proofs:
    """Codes of centred rows, in place, by the solver of the form."""
    solver = l1_fit.encode if form == "exact" else huber_codes.encode
    return solver(rows, atoms, codes, wanted)


def split(rest: Floats, wanted: Coding, form: Form) -> tuple[Floats, Floats]:
    """Anomaly and noise of a residual (samples, features)."""
    noise = np.zeros_like(rest) if form == "exact" else huber_codes.bounded(rest, wanted)
    return rest - noise, noise


def _learned(
    samples: Samples,
    parameters: dict[str, Parameter],
    positive: bool | Literal["codes"],
    starts: int,
    max_iter: int,
    seed: int,
) -> Learned:
    wanted = learning_problem(parameters, samples, positive)
    task = Task(samples.rows, wanted, parameters["trim"].value, positive is True)
    return dictionary_fit.learn(task, parameters["atoms"].value, starts=starts, tol=STILL, max_iter=max_iter, seed=seed)


def _result(
    Y: Array,
    samples: Samples,
    learned: Learned,
    parameters: dict[str, Parameter],
    positive: bool | Literal["codes"],
) -> LearnedDictionary:
    state, form, up = learned.state, parameters["form"].value, samples.exponent
    wanted, codes, proofs = problem(parameters, up, positive), state.codes, state.proofs
    if form == "exact":
        proofs = encode(samples.rows, state.atoms, codes, wanted, form)
    parts = split(huber_codes.residual(samples.rows, state.atoms, codes), wanted, form)
    anomaly, noise = (like(np.ldexp(part, up), Y) for part in parts)
    return LearnedDictionary(
        atoms=like(state.atoms, Y),
        codes=like(np.ldexp(codes, up), Y),
        level=like(np.ldexp(samples.level, up), Y),
        anomaly=anomaly,
        noise=noise,
        objective=np.ldexp(proofs.objective, up if form == "exact" else 2 * up),
        relative_gap=proofs.relative_gap,
        used=state.used,
        usage=(codes[state.used] != 0).mean(axis=0),
        history=tuple(r._replace(objective=float(np.ldexp(r.objective, 2 * up))) for r in learned.history),
        stopped="still" if learned.settled else "max_iter",
        parameters=parameters,
    )
