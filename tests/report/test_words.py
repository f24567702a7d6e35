"""Sentences: the right number, the right plural, and no proof claimed where there is none."""

import copy

import pytest

from kizu.report import words

RUN = {
    "frames": {"declared": 100, "decoded": 100, "used": 100},
    "summary": {"anomalous": 3, "regions": 4},
    "decision": {"rule": "false_alarms", "value": 0.1, "approximate": False},
    "warnings": [],
    "skipped": [],
    "converged": True,
    "stopped": "gap",
    "parameters": {},
    "certificate": {"primal": 1.0, "dual": 0.999, "relative_gap": 1e-5, "tol": 1e-4, "bound": "full Gram matrix"},
}


def changed(**parts):
    run = copy.deepcopy(RUN)
    for name, value in parts.items():
        run[name] = {**run[name], **value} if isinstance(value, dict) else value
    return run


@pytest.mark.parametrize(
    ("used", "anomalous", "text"),
    [
        (100, 3, "3 of 100 images have defects"),
        (100, 1, "1 of 100 images has a defect"),
        (100, 0, "None of the 100 images has a defect"),
        (1, 1, "The image has a defect"),
        (1, 0, "The image has no defect"),
    ],
)
def test_headline(used, anomalous, text):
    assert words.headline(changed(frames={"used": used}, summary={"anomalous": anomalous})) == text


@pytest.mark.parametrize("rule", ["false_alarms", "fdr", "z"])
def test_every_rule_says_its_number(rule):
    assert "0.25" in words.promise({"decision": {"rule": rule, "value": 0.25}, "frames": {"used": 8}})


def test_nothing_to_warn_of():
    assert words.warnings(RUN) == []


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"frames": {"decoded": 97}}, "3 of 100 images could not be read"),
        ({"skipped": [{"source": "a", "what": "b", "mend": "c"}]}, "1 input left out"),
        ({"decision": {"approximate": True}}, "approximate"),
        ({"converged": False}, "not proven"),
        ({"warnings": ["the lamp flickered"]}, "the lamp flickered"),
    ],
)
def test_every_reason_to_doubt_is_a_warning(parts, text):
    (warning,) = words.warnings(changed(**parts))
    assert text in warning


def test_a_proof_states_its_gap():
    assert words.proof(RUN).startswith("Proven: ")
    assert "0.001 %" in words.proof(RUN)


@pytest.mark.parametrize("stopped", ["max_iter", "feasible", "something new"])
def test_no_proof_is_claimed_without_one(stopped):
    text = words.proof(changed(converged=False, stopped=stopped, certificate={"relative_gap": 0.31}))
    assert text.startswith("Not proven")
    assert "31 %" in text


def test_without_a_certificate_nothing_is_proven():
    assert "nothing to prove" in words.proof({**RUN, "certificate": None})
    assert "unknown amount" in words.proof(changed(certificate={"relative_gap": None}))


def test_the_proof_of_an_earlier_run_is_not_claimed_for_these_images():
    text = words.proof({**RUN, "parameters": {"background": {"value": "ab12", "why": "earlier"}}})
    assert "earlier run" in text and "0.001 %" in text
    assert not text.startswith("Proven")


def test_camera():
    assert "stands still" in words.camera({"camera": "still", "shifts": []})
    assert "2.5 pixels" in words.camera({"camera": "moving", "shifts": [[0, 1.0], [-2.5, 0]]})


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "none"), (3, "3"), (0.123456789, "0.12346"), ("auto", "auto"), ([1, 2.5], "1, 2.5"), (True, "True")],
)
def test_values(value, text):
    assert words.value_of(value) == text
