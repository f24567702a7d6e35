"""The pages in a real browser: by mouse, by keyboard, on a phone, read aloud, in the dark."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from kizu.explain.lesson import LANGS, Choice, Film
from kizu.explain.table import TOPICS, lesson

PAGES = [f"{name}.{lang}.html" for name in (*TOPICS, "index") for lang in LANGS]
PICTURE = "[...document.querySelectorAll('figure svg, #said')].map((n) => n.outerHTML).join('')"
PIXELS = "[...document.querySelectorAll('canvas')].map((c) => c.toDataURL()).join('')"

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", PAGES)
def test_no_serious_violation_and_no_sideways_scrolling(opened, name):
    scheme = "dark" if ".ja." in name else "light"
    page = opened(name, color_scheme=scheme, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] > 128")
    assert light == (scheme == "light")
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in violations if v["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("topic", TOPICS)
def test_every_control_changes_the_picture_by_key_and_reset_brings_it_back(opened, topic):
    page = opened(f"{topic}.en.html")
    at_first = page.evaluate(PICTURE + " + " + PIXELS)
    for control in lesson(topic).controls:
        before = page.evaluate(PICTURE + " + " + PIXELS)
        if isinstance(control, Choice):
            page.locator(f"#controls [name={control.name}]:checked").press("ArrowRight")
            assert page.evaluate(PICTURE + " + " + PIXELS) != before, control.name
            continue
        slider = page.locator(f"#controls #{control.name}")
        assert page.locator(f"label[for={control.name}]").inner_text() == lesson(topic).words["en"].labels[control.name]
        slider.press("ArrowLeft" if isinstance(control, Film) and control.start == control.count - 1 else "ArrowRight")
        assert page.evaluate(PICTURE + " + " + PIXELS) != before, control.name
        assert slider.get_attribute("aria-valuetext") == page.locator(f"output[for={control.name}]").inner_text()
    page.get_by_role("button", name="Reset").click()
    assert page.evaluate(PICTURE + " + " + PIXELS) == at_first


@pytest.mark.parametrize("topic", TOPICS)
def test_every_corner_of_the_sliders_is_drawn_and_said(opened, topic):
    page = opened(f"{topic}.ja.html", viewport={"width": 1200, "height": 900})
    for ends in ("min", "max"):
        for node in page.locator("#controls input").all():
            if node.get_attribute("type") == "radio":
                node.check()
            else:
                node.evaluate(f"(n) => {{ n.value = n.{ends}; n.dispatchEvent(new Event('input')); }}")
            said = page.locator("#said").inner_text()
            assert said
            assert not re.search(r"NaN|undefined|Infinity|\{", said + page.evaluate(PICTURE))


@pytest.mark.parametrize(("topic", "count"), [("pull", 1), ("corner", 3), ("svt", 1)])
def test_a_handle_is_moved_by_mouse_and_by_key(opened, topic, count):
    page = opened(f"{topic}.en.html", viewport={"width": 1200, "height": 900})
    handles = page.locator("svg [role=slider]")
    assert handles.count() == count
    handle = handles.first
    before = handle.get_attribute("aria-valuetext")
    handle.press("ArrowDown")
    moved = handle.get_attribute("aria-valuetext")
    assert moved != before
    assert page.evaluate("document.activeElement.getAttribute('role')") == "slider"
    box = handle.locator("circle").last.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 40, box["y"] - 40, steps=4)
    page.mouse.up()
    assert handle.get_attribute("aria-valuetext") not in (before, moved)


def test_a_finger_drags_a_handle_and_not_the_page(browser, gallery):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto((gallery / "corner.en.html").as_uri())
    box = page.locator("svg [role=slider]").first.locator("circle").last.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    finger = context.new_cdp_session(page)
    for kind, moves in (("touchStart", [0]), ("touchMove", range(1, 11)), ("touchEnd", [])):
        for k in moves or [None]:
            points = [] if k is None else [{"x": x - 8 * k, "y": y - 6 * k}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    c1, c2 = (float(page.locator(name).input_value()) for name in ("#c1", "#c2"))
    assert (c1 < 0.7, c2 > 1.0, page.evaluate("window.scrollY")) == (True, True, 0)
    context.close()


def test_a_film_plays_to_its_end_stops_and_plays_again(opened):
    page = opened("svt.en.html")
    page.clock.install()
    slider, button = page.locator("#step"), page.locator(".film button")
    last = int(slider.get_attribute("max"))
    button.click()
    assert button.get_attribute("aria-label") == "Pause"
    assert page.locator("#said").get_attribute("aria-live") == "off"
    page.clock.run_for(60_000)
    assert slider.input_value() == str(last)
    assert button.get_attribute("aria-label") == "Play"
    assert page.locator("#said").get_attribute("aria-live") == "polite"
    button.click()
    page.clock.run_for(1_000)
    assert 0 < int(slider.input_value()) < last
    button.click()
    stopped = slider.input_value()
    page.clock.run_for(5_000)
    assert slider.input_value() == stopped


def test_a_choice_is_a_group_of_radio_buttons_with_a_name(opened):
    page = opened("race.en.html")
    group = page.get_by_role("group", name="heat: penalty")
    assert [(one.is_checked(), one.input_value()) for one in group.get_by_role("radio").all()] == [
        (True, "0"),
        (False, "1"),
    ]
    said = page.locator("#said").inner_text()
    group.get_by_label("L2").check()
    assert page.locator("#said").inner_text() != said
    page.get_by_role("button", name="Reset").click()
    assert group.get_by_label("L1").is_checked()
    assert page.locator("#said").inner_text() == said


def test_the_names_in_the_race_lie_on_no_other(opened):
    overlaps = """() => {
      const boxes = (svg) => [...svg.querySelectorAll('g > g > text.note')].map((node) => node.getBBox());
      const meet = (a, b) =>
        a.x < b.x + b.width && b.x < a.x + a.width && a.y + 4 < b.y + b.height && b.y + 4 < a.y + a.height;
      return [...document.querySelectorAll('figure svg')].some((svg) => {
        const all = boxes(svg);
        return all.some((a, k) => all.slice(k + 1).some((b) => meet(a, b)));
      });
    }"""
    for lang, width in (("en", 1200), ("ja", 1200), ("en", 390)):
        page = opened(f"race.{lang}.html", viewport={"width": width, "height": 900})
        for heat in ("L1", "L2"):
            page.get_by_label(heat).check()
            assert not page.evaluate(overlaps), (lang, width, heat)


@pytest.mark.parametrize(
    ("c1", "c2", "said"),
    [
        (
            1.7,
            0.4,
            "one coordinate is exactly 0: diamond. Met between the axes, no coordinate is 0: elastic net, circle.",
        ),
        (
            0.7,
            0.6,
            "no coordinate is 0: diamond, elastic net. The optimum is inside and is the solution itself: circle.",
        ),
        (0.2, 0.1, "(0.2, 0.1). The optimum is inside and is the solution itself: diamond, elastic net, circle."),
    ],
)
def test_every_ball_is_judged_on_its_own(opened, c1, c2, said):
    page = opened("corner.en.html")
    page.evaluate(f"kizu.stage.setAll({{ c1: {c1}, c2: {c2} }})")
    assert page.locator("#said").inner_text().endswith(said)


def test_a_film_takes_its_time_where_motion_is_unwelcome(opened):
    page = opened("svt.en.html", reduced_motion="reduce")
    page.clock.install()
    page.locator(".film button").click()
    start = lesson("svt").controls[0].start
    page.clock.run_for(3_100)
    assert page.locator("#step").input_value() == str(start + 3)


def test_links_lead_to_pages_that_are_there(gallery):
    for name in PAGES:
        for link in re.findall(r'href="([^"]*)"', (gallery / name).read_text("utf-8")):
            assert link == "#picture" or (gallery / link).is_file(), (name, link)


def test_the_other_language_is_one_click_away(opened):
    page = opened("shrink.en.html")
    page.get_by_role("link", name="日本語").click()
    assert page.evaluate("document.documentElement.lang") == "ja"


def test_nothing_but_what_is_inside_may_run_or_load(browser, gallery):
    page = browser.new_page()
    page.goto((gallery / "shrink.en.html").as_uri())
    script = "Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'})"
    assert page.evaluate(f"(document.body.append({script}), window.ran)") is None
    assert page.evaluate("fetch('data:text/plain,x').then(() => 'loaded', () => 'refused')") == "refused"
    policy = page.locator("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    page.close()


def test_without_scripts_the_words_are_there_and_say_what_is_missing(browser, gallery):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((gallery / "shrink.en.html").as_uri())
    assert "allow scripts" in page.locator("noscript").inner_text()
    assert "exactly zero" in page.get_by_role("heading", level=1).inner_text()
    context.close()
