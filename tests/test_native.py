"""The loader of the kernels: what it finds, and that nothing it does not find is an error."""

import ctypes
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

import kizu.native as native

SPEC = find_spec("kizu.kizu_kernels")
LIBRARY = SPEC.origin if SPEC else None
AVX2_IS_MISSING = "this processor has no AVX2"
needs_library = pytest.mark.skipif(native.library() is None, reason=f"kernels: {native.why()}")


def in_a_process(**environment):
    code = "import kizu.native as n; print(n.library() is None, n.level(), n.instructions(), n.why(), sep='|')"
    environment = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip().split("|"), done.stderr


def test_the_facts_agree():
    assert native.instructions() == native.NAMES[native.level()]
    assert (native.library() is None) == (native.level() == 0)
    assert native.level() > 0 or native.why()


@pytest.mark.skipif(os.environ.get("KIZU_REQUIRE_KERNEL") != "1", reason="kernels need not be there")
def test_kernels_are_there_where_they_must_be():
    assert native.load(LIBRARY, "").level > 0 or native.load(LIBRARY, "").why == AVX2_IS_MISSING


def test_numpy_can_be_chosen_from_outside():
    assert in_a_process(KIZU_KERNELS="numpy") == (["True", "0", "NumPy", "KIZU_KERNELS=numpy"], "")


def test_a_function_is_none_where_its_twin_has_to_do(monkeypatch):
    monkeypatch.setattr(native, "library", lambda: None)
    assert native.function.__wrapped__("kizu_level", result=ctypes.c_int) is None


def test_no_library_says_why():
    assert native.load(None, "") == (
        None,
        0,
        "none were built: no C compiler was found, or it failed, when kizu was installed",
    )


@pytest.mark.parametrize("content", [b"", b"no library", b"\x7fELF" + bytes(60)], ids=["empty", "text", "header only"])
def test_a_damaged_library_says_why(tmp_path, content):
    path = tmp_path / "kizu_kernels.so"
    path.write_bytes(content)
    library, level, why = native.load(str(path), "")
    assert (library, level) == (None, 0)
    assert why.startswith("the library cannot be loaded: ")


def test_a_library_that_is_gone_says_why(tmp_path):
    assert native.load(str(tmp_path / "gone.so"), "").why.startswith("the library cannot be loaded: ")


@needs_library
def test_another_library_says_why():
    other = find_spec("_ctypes").origin  # loads, but has none of our functions
    assert "kizu_level" in native.load(other, "").why


@needs_library
def test_a_function_that_the_library_lacks_is_none():
    assert native.function("kizu_there_is_none") is None


@needs_library
def test_a_function_is_declared_once():
    level = native.function("kizu_level", result=ctypes.c_int)
    assert level is native.function("kizu_level", result=ctypes.c_int)
    assert level.argtypes == ()
    assert level() >= native.level()


@needs_library
def test_older_instructions_can_be_chosen():
    assert native.load(LIBRARY, "avx2").level == 1
    assert native.load(LIBRARY, "AVX2").library is not None
    assert native.load(LIBRARY, "numpy") == native.load(LIBRARY, "NumPy")


@needs_library
def test_loading_leaves_denormals_alone():
    # A library linked with -ffast-math makes them zero in the whole process.
    code = "import kizu.native as n, numpy as np; n.library(); print((np.array([1e-40], 'f4') / 2 > 0).all())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"
