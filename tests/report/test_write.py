"""The page: complete without a network or a script, whatever the files are called."""

import os
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from PIL import Image

from kizu.report.page import ROWS
from kizu.report.panels import LONG_SIDE

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "{{7*7}}{% raw %}",
    "</title><script>alert(1)<",
    "' onmouseover='alert(1)",
    "line\nbreak\x1b[31m",
    "\u202egnp.exe",
    "半導体 #1?&amp;%41",
]
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
LINKS = {"href", "src", "action", "data", "poster", "srcset", "xlink:href", "formaction"}


class Page(HTMLParser):
    """What a reader of the file needs: tags that nest, their attributes, the text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), f"an attribute twice: {tag} {attributes}"
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open, f"closed but not open: {tag}"
        assert self.open.pop() == tag, f"closed out of order: {tag}"

    def handle_data(self, data):
        self.text += data

    def links(self):
        return [value for _, attributes in self.tags for name, value in attributes.items() if name in LINKS]


def page_of(path):
    return Page(path.read_text("utf-8"))


def require_sound(path):
    """Everything that must hold for any report."""
    text = path.read_text("utf-8")
    page = Page(text)
    assert text.lstrip().lower().startswith("<!doctype html>")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert not [(t, a) for t, a in page.tags if any(name.startswith("on") or name == "style" for name in a)]
    assert {t for t, _ in page.tags}.isdisjoint({"style", "iframe", "object", "embed", "base", "form"})
    assert [a["src"] for t, a in page.tags if t == "script"] == ["assets/report.js"]
    assert all("alt" in a for t, a in page.tags if t == "img")
    for link in page.links():
        if link.startswith("#"):
            assert link[1:] in ids
        else:
            target = (path.parent / unquote(link)).resolve()
            assert target.is_relative_to(path.parent.parent.resolve())
            assert target.exists(), link
    return page


def test_a_report_of_a_few_images(make):
    made = make()
    page = require_sound(made.report())
    assert "2 of 6 images have defects" in page.text
    assert "Expected false regions per defect-free image: 0.1" in page.text
    assert page.text.count("wall004") >= 3
    for name, parameter in (("sigma", "measured from neighbouring frames"), ("rank", "stands still")):
        assert name in page.text
        assert parameter in page.text


def test_only_the_worst_frames_are_asked_for(make):
    made = make(count=12, defects=(3, 9))
    made.report(most=4)
    assert sorted(made.asked) == sorted(set(made.asked))
    assert len(made.asked) == 4
    assert set(made.asked[:2]) == {3, 9}


def test_the_same_folder_is_the_same_bytes(make):
    made = make()
    files = [{p.name: p.read_bytes() for p in made.report().parent.rglob("*") if p.is_file()} for _ in range(2)]
    assert files[0] == files[1]


def test_pictures_of_an_earlier_report_are_gone(make):
    made = make()
    made.report()
    before = len(list((made.folder / "report" / "assets").iterdir()))
    made.report(most=2)
    after = {p.name for p in (made.folder / "report" / "assets").iterdir()}
    assert before == 6 * 4 + 2
    assert after == {"report.css", "report.js"} | {
        f"{i:06d}-{kind}" for i in (1, 4) for kind in ("original.webp", "background.webp", "anomaly.png", "outline.png")
    }


def test_nothing_found(make):
    page = require_sound(make(defects=()).report())
    assert "None of the 6 images has a defect" in page.text
    assert "No image has a defect." in page.text


def test_one_image(make):
    page = require_sound(make(count=1, defects=(0,)).report())
    assert "The image has a defect" in page.text
    assert "approximate" in page.text


def test_colour_and_large_images_are_shrunk(make):
    made = make(count=2, defects=(1,), size=(530, 40, 3))
    require_sound(made.report())
    for asset in (made.folder / "report" / "assets").glob("0*"):
        with Image.open(asset) as image:
            assert max(image.size) <= LONG_SIDE


def test_hidden_images_are_counted(make):
    page = require_sound(make(count=9, defects=tuple(range(7))).report(most=5))
    assert "2 more with a defect are not shown here" in page.text


def test_a_thousand_images_stay_one_page(make):
    made = make(count=1100, defects=tuple(range(1050)), size=(8, 8))
    page = require_sound(made.report(most=3))
    assert f"The {ROWS} strongest of 1050" in page.text
    assert made.folder.joinpath("report", "index.html").stat().st_size < 2_000_000


def test_doubts_come_first(make):
    def doubt(run):
        run["converged"] = False
        run["stopped"] = "max_iter"
        run["warnings"] = ["the lamp flickers"]
        run["skipped"] = [{"source": "bad.png", "what": "is damaged", "mend": "Copy it again"}]

    text = require_sound(make(count=20, defects=(), change=doubt).report()).text
    for part in ("the lamp flickers", "1 input left out", "The split is not proven"):
        assert text.index("Read this first") < text.index(part) < text.index("The stack at a glance")
    assert "Copy it again" in text


def test_what_a_run_may_lack(make):
    def strip(run):
        run["certificate"] = None
        run["history"] = []
        run["singular_values"] = {"before": [], "after": []}
        run["registration"] |= {"camera": "still", "shifts": [], "gains": [], "biases": []}

    text = require_sound(make(change=strip).report()).text
    assert "nothing to prove" in text
    assert "stands still" in text


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
def test_hostile_names_are_text(make):
    names = [name.replace("/", "") for name in HOSTILE]

    def spread(run):
        run["warnings"] = [*HOSTILE]
        run["notes"] = [*HOSTILE]
        run["skipped"] = [dict.fromkeys(("source", "what", "mend"), name) for name in HOSTILE]
        run["parameters"] = {name: {"value": name, "why": name} for name in HOSTILE}
        run["certificate"]["bound"] = HOSTILE[0]

    path = make(count=len(names), defects=(0, 1, 2, 7), names=names, change=spread).report()
    page = require_sound(path)
    assert {tag for tag, _ in page.tags}.isdisjoint({"onerror", "onload"})
    assert "{{7*7}}" in page.text
    assert "49{%" not in page.text
    assert "\\u202egnp.exe" in page.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", page.text)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_from_disk(make, browser, scheme):
    made = make(count=len(HOSTILE), defects=(0, 1, 5), names=[name.replace("/", "") for name in HOSTILE])
    path = made.report()
    complaints, requests = [], []
    page = browser.new_page(color_scheme=scheme, viewport={"width": 390, "height": 800})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("requestfailed", lambda request: complaints.append(f"not loaded: {request.url}"))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    page.evaluate("for (const i of document.images) i.loading = 'eager'")
    page.evaluate("Promise.all([...document.images].map(i => i.decode()))")  # fails if one of them is broken
    assert complaints == []
    assert all(url.startswith(made.folder.as_uri()) for url in requests)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] > 128")
    assert light == (scheme == "light")
    page.close()


@pytest.mark.browser
def test_the_table_sorts_by_click_and_by_key(make, browser):
    made = make(count=8, defects=(0, 3, 6))
    page = browser.new_page()
    page.goto(made.report().as_uri())
    names = "[...document.querySelectorAll('.sortable tbody tr')].map(r => r.cells[1].textContent.trim())"
    button = page.get_by_role("button", name="image")
    button.click()
    assert page.evaluate(names) == ["wall006", "wall003", "wall000"]
    button.press("Enter")
    assert page.evaluate(names) == ["wall000", "wall003", "wall006"]
    assert page.locator("[aria-sort=ascending]").inner_text().startswith("image")
    page.close()


@pytest.mark.browser
def test_it_is_whole_without_a_script(make, browser):
    made = make()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(made.report().as_uri())
    assert page.get_by_role("heading", level=1).inner_text() == "2 of 6 images have defects"
    assert page.locator(".sortable tbody tr").count() == 2
    context.close()
