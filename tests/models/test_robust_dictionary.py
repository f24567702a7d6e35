"""Robust dictionaries: the objective only falls, flaws are not learned, and what is said of the result is so."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kizu
from kizu.errors import ParameterError, ShapeError
from kizu.models import dictionary_fit, dictionary_online
from kizu.models.dictionary_fit import Task, advance, begin, first_atoms, first_samples, mend
from kizu.solvers.huber_codes import Coding

FORMS = ["noisy", "rows", "exact"]


def load_bench(name):
    path = Path(__file__).parents[2] / "bench" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"bench_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(seed=0, *, samples=300, features=16, atoms=5, flaws=0.05, sigma=0.05):
    """Samples of a few true atoms, noise, and rows with flaws: (Y, atoms, flawed rows)."""
    rng = np.random.default_rng(seed)
    D = rng.standard_normal((atoms, features))
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    codes = np.where(rng.random((samples, atoms)) < 0.4, 2 * rng.standard_normal((samples, atoms)), 0.0)
    flawed = rng.random(samples) < flaws
    Y = codes @ D + sigma * rng.standard_normal((samples, features))
    Y[flawed, :3] += 3.0
    return Y, D, flawed


def recovered(found, true):
    """The worst cosine of a true atom with the learned one nearest to it."""
    return float(np.abs(true @ found.T).max(axis=1).min())


@pytest.mark.parametrize("form", FORMS)
def test_the_parts_add_up_and_every_code_is_proven(form):
    Y, _, _ = drawn()
    found = kizu.robust_dictionary(Y, form=form, center="global")
    np.testing.assert_allclose(found.background + found.anomaly + found.noise, Y, atol=1e-12)
    np.testing.assert_allclose(found.level + found.codes @ found.atoms, found.background)
    np.testing.assert_allclose(np.linalg.norm(found.atoms, axis=1), 1)
    assert found.relative_gap.max() <= found.parameters["tol"].value
    assert found.converged
    assert all(why for _, why in found.parameters.values())
    assert found.used.sum() == 300 - 45
    assert found.usage.shape == (8,)
    if form == "exact":
        assert not found.noise.any()
        assert found.sigma == 0
    else:
        assert 0.04 < found.sigma < 0.12


def test_true_atoms_are_found_beside_flaws():
    Y, true, flawed = drawn(flaws=0.1)
    found = kizu.robust_dictionary(Y, atoms=5, center=None)
    assert recovered(found.atoms, true) > 0.99
    assert not found.used[flawed].any()
    assert 0.045 < found.sigma < 0.08  # what the short pilot has not learned yet counts as noise
    worst = np.argsort(np.abs(found.anomaly).sum(1))[-int(flawed.sum()) :]
    assert flawed[worst].mean() > 0.9


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    trim=st.floats(0, 0.5),
    form=st.sampled_from(["noisy", "rows"]),
    positive=st.sampled_from([False, True, "codes"]),
    atoms=st.integers(1, 20),
)
def test_the_trimmed_objective_never_rises(seed, trim, form, positive, atoms):
    Y, _, _ = drawn(seed, samples=60)
    options = {"lam": 0.15, "lam_anomaly": 0.2, "form": form, "trim": trim, "positive": positive}
    found = kizu.robust_dictionary(Y, atoms=atoms, starts=2, max_iter=12, random_state=seed, **options)
    objective = [r.objective for r in found.history]
    assert (np.diff(objective) <= 0).all()
    assert objective[-1] == pytest.approx(np.sort(found.objective)[: found.used.sum()].sum())
    assert not positive or found.codes.min() >= 0
    assert positive is not True or found.atoms.min() >= 0


def test_dead_atoms_and_duplicates_are_replaced_by_what_is_usual():
    Y, true, flawed = drawn(flaws=0.1)
    task = Task(Y, Coding(0.15, 0.15), 0.15)
    atoms = np.vstack([true, true[:1], np.full((1, 16), 1e-3)])
    state = begin(task, atoms)
    new, codes, count = mend(task, state, np.random.default_rng(0))
    assert count == 2
    np.testing.assert_array_equal(new[:5], true)
    assert not codes[:, 5:].any()
    np.testing.assert_allclose(codes[:, 0], state.codes[:, 0] + state.codes[:, 5])
    for atom in new[5:]:
        source = int(np.argmax(Y @ atom / np.linalg.norm(Y, axis=1)))
        assert state.used[source]
        assert not flawed[source]
    after, replaced = advance(task, state, np.random.default_rng(0))
    assert after.value <= state.value
    assert replaced in (0, 2)


def test_first_atoms_are_usual_samples_and_differ():
    Y, _, flawed = drawn(flaws=0.1)
    good = first_samples(Y)
    assert flawed[good].mean() < flawed.mean()
    atoms = first_atoms(np.vstack([Y[:3]] * 5), np.arange(15), 5, np.random.default_rng(0), False)
    assert atoms.shape == (5, 16)
    alike = np.abs(atoms @ atoms.T)
    assert (np.sort(alike[np.triu_indices(5, 1)]) > 0.99).sum() <= 4  # 3 that differ, then what there is


def test_without_an_anomaly_it_is_dictionary_learning():
    Y, true, _ = drawn(flaws=0.0)
    found = kizu.robust_dictionary(Y, atoms=5, lam=0.1, lam_anomaly=np.inf, trim=0.0, center=None)
    assert not found.anomaly.any()
    assert found.used.all()
    assert recovered(found.atoms, true) > 0.98


def test_many_samples_begin_with_a_pass(monkeypatch):
    Y, true, _ = drawn(samples=6000)
    monkeypatch.setattr(dictionary_fit, "MANY", 3000)
    monkeypatch.setattr(dictionary_fit, "FEW", 1000)
    options = {"lam": 0.15, "lam_anomaly": 0.15, "atoms": 5, "center": None}
    passed = kizu.robust_dictionary(Y, max_iter=0, **options)
    assert passed.history == ()
    value = np.sort(passed.objective)[: passed.used.sum()].sum()
    found = kizu.robust_dictionary(Y, **options)
    assert recovered(found.atoms, true) > 0.98
    assert found.history[-1].objective < found.history[0].objective <= value


def test_a_batch_counts_by_its_samples():
    Y, _, _ = drawn(samples=2000)
    going = dictionary_online.Going(Coding(0.15, 0.15), 0.15, False, None)
    atoms = first_atoms(Y, first_samples(Y), 5, np.random.default_rng(0), False)
    first = begin(Task(Y, going.problem, going.trim), atoms).value
    for size in (50, 500):
        seen = dictionary_online.begin(atoms)
        for start in range(0, 2000, size):
            seen, _, used = dictionary_online.advance(Y[start : start + size], seen, going)
            assert used.sum() == size - int(0.15 * size)
        assert seen.samples == 2000
        ends = np.arange(size, 2001, size)
        kept = size - int(0.15 * size)
        assert seen.sums.weight == pytest.approx(kept * ((ends / 2000) ** 3).sum())
        assert begin(Task(Y, going.problem, going.trim), seen.atoms).value < 0.9 * first


# --- numbers in


@pytest.mark.parametrize("power", [-60, -3, 40])
@pytest.mark.parametrize("form", FORMS)
def test_a_power_of_two_changes_no_digit(power, form):
    Y, _, _ = drawn(samples=80)
    one, other = (kizu.robust_dictionary(Y * scale, form=form, max_iter=6) for scale in (1.0, 2.0**power))
    np.testing.assert_array_equal(other.atoms, one.atoms)
    np.testing.assert_array_equal(other.codes, one.codes * 2.0**power)
    np.testing.assert_array_equal(other.anomaly, one.anomaly * 2.0**power)
    np.testing.assert_array_equal(other.relative_gap, one.relative_gap)
    assert other.sigma == one.sigma * 2.0**power


def test_the_same_seed_gives_the_same_bits_and_the_data_are_not_changed():
    Y, _, _ = drawn()
    kept = Y.copy()
    Y.flags.writeable = False
    one, two = (kizu.robust_dictionary(Y, max_iter=5) for _ in range(2))
    np.testing.assert_array_equal(one.codes, two.codes)
    np.testing.assert_array_equal(one.atoms, two.atoms)
    np.testing.assert_array_equal(Y, kept)
    assert (kizu.robust_dictionary(Y, max_iter=5, random_state=1).atoms != one.atoms).any()


def test_float32_stays_and_whole_numbers_are_their_floats():
    Y, _, _ = drawn()
    found = kizu.robust_dictionary(Y.astype("f4"))
    assert {found.atoms.dtype, found.codes.dtype, found.anomaly.dtype} == {np.dtype("f4")}
    assert found.relative_gap.max() <= 1e-4
    whole = np.clip(np.round(20 * Y + 128), 0, 255)
    one, other = (kizu.robust_dictionary(whole.astype(dtype), max_iter=5) for dtype in ("u1", "f4"))
    np.testing.assert_array_equal(one.atoms, other.atoms)


def test_without_noise_the_exact_form_is_taken():
    Y, _, _ = drawn(sigma=0.0, flaws=0.0, features=40)
    found = kizu.robust_dictionary(Y, atoms=5, center=None)
    assert found.parameters["form"].value == "exact"
    assert "no noise" in found.parameters["form"].why
    zeros = kizu.robust_dictionary(np.zeros((9, 4)))
    assert not zeros.codes.any()


def test_arrays_of_torch_come_back_as_such():
    torch = pytest.importorskip("torch")
    Y, _, _ = drawn(samples=60)
    found = kizu.robust_dictionary(torch.as_tensor(Y), max_iter=2)
    assert isinstance(found.codes, torch.Tensor)
    assert isinstance(found.background, torch.Tensor)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"atoms": 0}, "atoms: got 0"),
        ({"lam": -1.0}, "lam: got -1"),
        ({"lam": 9.0, "lam_anomaly": 1.0}, r"lam: got 9.0. Use at most 3.2 for 16 features"),
        ({"lam_anomaly": 0.0}, "lam_anomaly: got 0"),
        ({"noise": "some"}, "noise: got 'some'"),
        ({"noise": -0.1}, "noise: got -0.1"),
        ({"form": "sparse"}, "form: got 'sparse'"),
        ({"trim": 0.6}, "trim: got 0.6"),
        ({"center": "patch"}, "center: got 'patch'"),
        ({"positive": "atoms"}, "positive: got 'atoms'"),
        ({"starts": 0}, "starts: got 0"),
        ({"max_iter": -1}, "max_iter: got -1"),
        ({"random_state": None}, "random_state: got None"),
        ({"tol": 0}, "tol: got 0"),
    ],
)
def test_what_no_problem_can_have_is_refused(options, message):
    with pytest.raises(ParameterError, match=rf"^{message}"):
        kizu.robust_dictionary(drawn(samples=30)[0], **options)


def test_data_that_cannot_be_used_are_refused():
    Y, _, _ = drawn(samples=30)
    with pytest.raises(ShapeError, match=r"^Y: Y has 30 samples for 31 atoms"):
        kizu.robust_dictionary(Y, atoms=31)
    Y[3, 4] = np.nan
    with pytest.raises(ShapeError, match=r"^Y: Y has entries that are not finite"):
        kizu.robust_dictionary(Y)
    with pytest.raises(ShapeError, match=r"^Y: Y has shape \(16,\)"):
        kizu.robust_dictionary(Y[0])


# --- the trap


@pytest.mark.parametrize("seed", [0, 100])
def test_flaws_on_a_weave_are_learned_without_trimming_and_found_with_it(seed):
    weave = load_bench("weave")
    trimmed, naive = (weave.aurocs(seed, trim=trim, starts=1, max_iter=10, noise=0.12) for trim in (0.15, 0.0))
    assert trimmed[1] >= 0.995
    assert naive[1] < trimmed[1]
    assert naive[0] < 0.9 < trimmed[0]
