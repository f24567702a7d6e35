"""The whole gallery, written once, and pages of it opened in the browser."""

import itertools
from pathlib import Path

import pytest

from kizu.engines.blas import one_thread
from kizu.explain.lessons import race
from kizu.explain.write import write_gallery


@pytest.fixture(scope="session", autouse=True)
def alone():
    """BLAS on one thread, as pages are built: with more, tests on a busy machine wait for each other."""
    with one_thread():
        yield


@pytest.fixture(scope="session", autouse=True)
def ticking():
    """A clock that ticks whenever it is read: the race is then the same whenever it is run."""
    ticks = itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(race, "perf_counter", lambda: next(ticks) / 2**13)
        race.heats.cache_clear()  # other tests may have run it by a real clock
        yield


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every page in both languages."""
    folder = tmp_path_factory.mktemp("gallery")
    write_gallery(folder)
    return folder


@pytest.fixture
def opened(browser, gallery):
    """Open a page of the gallery; at the end it must not have complained, nor asked for anything but itself."""
    complaints, asked, pages = [], [], []

    def open_page(name: str, **options):
        page = browser.new_page(**options)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((gallery / name).as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []
    assert {url for url in asked if not url.startswith(gallery.as_uri())} == set()
