"""What all tests share: hypothesis profiles, real data by KIZU_DATA, array libraries, a browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes: a thread each
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")

settings.register_profile("ci", max_examples=100, derandomize=True, deadline=None)
settings.register_profile("nightly", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("KIZU_HYPOTHESIS", "ci"))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data sets."""
    if not os.environ.get("KIZU_DATA"):
        pytest.skip("needs real data: set KIZU_DATA to their folder")
    return Path(os.environ["KIZU_DATA"])


@pytest.fixture(params=["numpy", "array_api_strict", "torch"])
def xp(request: pytest.FixtureRequest) -> Any:
    """An array library; its `asarray` makes its arrays."""
    return pytest.importorskip(request.param)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real Chromium, one for all: a second Playwright in the same process is refused."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        reason = "needs Chromium, for example: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") == "1" else pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()
