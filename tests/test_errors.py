"""Errors are one printable line, keep their fields in another process, and know their exit code."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizu.errors import (
    IncompatibleError,
    KizuError,
    NotConvergedError,
    NothingUsableError,
    ParameterError,
    ReadError,
    ResourceError,
    ShapeError,
    UsageError,
    printable,
)

EXAMPLES = [
    (KizuError("is wrong", "Mend it"), 1, "is wrong. Mend it."),
    (ParameterError("lam", -1.0, "a number above 0"), 2, "lam: got -1.0. Use a number above 0."),
    (ShapeError("has 3 axes", "Give 2", where="X"), 2, "X: has 3 axes. Give 2."),
    (IncompatibleError("no prox", "Choose another"), 2, "no prox. Choose another."),
    (UsageError("is not empty.", "Add --resume.", where="out"), 2, "out: is not empty. Add --resume."),
    (ReadError("a.tif", "cut short", "Copy it again", frame=3), 3, "a.tif: frame 3: cut short. Copy it again."),
    (NothingUsableError("0 of 3 files", "Give others"), 3, "0 of 3 files. Give others."),
    (ResourceError("disk full", "Free some space"), 5, "disk full. Free some space."),
    (NotConvergedError("gap 1e-3", "Raise max_iter"), 6, "gap 1e-3. Raise max_iter."),
]

texts = st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"]))


def test_every_error_is_in_the_tree_and_in_these_tests():
    assert {type(error) for error, _, _ in EXAMPLES} == {KizuError, *KizuError.__subclasses__()}


@pytest.mark.parametrize(("error", "code", "line"), EXAMPLES)
def test_message_and_exit_code(error, code, line):
    assert (str(error), error.exit_code) == (line, code)


@pytest.mark.parametrize("error", [error for error, _, _ in EXAMPLES])
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_are_whole(error, again):
    twin = again(error)
    assert type(twin) is type(error)
    assert twin.__dict__ == error.__dict__
    assert (str(twin), twin.args) == (str(error), error.args)


def test_the_usual_except_clauses_catch_them():
    for kind in (ParameterError, ShapeError, IncompatibleError):
        assert issubclass(kind, ValueError)
    assert issubclass(ReadError, OSError)


@given(path=texts, what=texts, mend=texts)
def test_any_name_makes_one_printable_line(path, what, mend):
    line = str(ReadError(path, what, mend))
    assert line.isprintable()
    assert line.endswith(".")
    assert len(line.splitlines()) == 1


@given(text=texts)
def test_printable_keeps_what_can_be_printed(text):
    assert printable(text).isprintable()
    assert printable(text) == text or not text.isprintable()


@given(value=st.integers() | st.floats() | texts | st.none())
def test_a_parameter_error_says_what_was_got(value):
    error = ParameterError("rank", value, "1 to 10")
    assert error.got is value
    assert str(error) == f"rank: got {printable(repr(value)).rstrip('.')}. Use 1 to 10."
