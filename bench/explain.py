"""How long a page of `kizu explain` takes to load, and a slider to answer, in a real browser.

    python bench/explain.py [TOPIC ...]

A page has loaded when its picture has been drawn. A slider answers when the picture of its new value has been drawn
and laid out: from the event until the browser has nothing left to lay out. Limits: 1 s, and 50 ms in 95 of 100 cases;
the worst of them is what the browser, or a machine with other work, does in between.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Page, sync_playwright

from kizu.explain.table import TOPICS
from kizu.explain.write import write_gallery

LOAD_LIMIT, ANSWER_LIMIT = 1000.0, 50.0  # ms
REPEATS = 5
LOADED = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"  # modules have run by then
ANSWERS = """(input) => {
  const times = [];
  const [low, high] = [input.min, input.max].map(Number);
  for (let k = 0; k <= 40; k += 1) {
    input.value = low + ((high - low) * ((k * 17) % 41)) / 40;
    const start = performance.now();
    input.dispatchEvent(new Event("input"));
    document.body.getBoundingClientRect();
    times.push(performance.now() - start);
  }
  return times;
}"""


def measure(page: Page, address: str) -> tuple[float, float, float, float]:
    """Median of the loading times; median, 95 % quantile and worst answer of all sliders of one page; in ms."""
    loads = []
    for _ in range(REPEATS):
        page.goto(address)
        loads.append(page.evaluate(LOADED))
    answers = [time for slider in page.locator("#controls [type=range]").all() for time in slider.evaluate(ANSWERS)]
    return median(loads), median(answers), quantiles(answers, n=20)[-1], max(answers)


def main(topics: list[str]) -> int:
    """Measure every page; 1 where one misses its limit."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    slow = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_gallery(Path(folder))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        print(f"{'page':<14}{'kB':>6}{'loads, ms':>12}{'answers, ms':>13}{'95 %':>7}{'worst':>7}")
        for path in sorted(Path(folder).iterdir()):
            if path.name.split(".")[0] not in topics:
                continue
            load, answer, most, worst = measure(page, path.as_uri())
            slow |= load > LOAD_LIMIT or most > ANSWER_LIMIT
            size = path.stat().st_size / 1000
            print(f"{path.stem:<14}{size:>6.0f}{load:>12.0f}{answer:>13.1f}{most:>7.1f}{worst:>7.1f}")
        browser.close()
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(TOPICS)))
