"""How long a reviewer waits for the next picture: from the key to the frame that shows it, and to the same without preloading."""

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.api.console.chromium import running_chromium, serving, signed_in
from tests.api.console.scenes import scenes

# From the key's own time stamp to after the first frame that shows another case, whose picture is decoded.
_MEASURE = """() => {
    window.waited = [];
    addEventListener("keydown", (event) => {
        const before = document.querySelector(".looked:not([hidden])");
        const look = () => requestAnimationFrame(() => {
            const now = document.querySelector(".looked:not([hidden])");
            if (!now || now === before) return look();
            now.querySelector("[data-picture]").decode().then(() => {
                const channel = new MessageChannel();
                channel.port1.onmessage = () => window.waited.push(performance.now() - event.timeStamp);
                requestAnimationFrame(() => channel.port2.postMessage(0));
            });
        });
        look();
    }, { capture: true });
}"""


@dataclass(frozen=True)
class Waits:
    """Milliseconds from key to next picture: by preloading, and by loading the page of the next case (the baseline)."""

    preloaded: list[float]
    reloaded: list[float]

    @property
    def p95_ms(self) -> float:
        return _p95(self.preloaded)

    @property
    def baseline_p95_ms(self) -> float:
        return _p95(self.reloaded)


def measure(cases: int) -> Waits:
    """Raises ChromiumMissing."""
    with (
        running_chromium() as browser, tempfile.TemporaryDirectory(prefix="sunshine-bench-") as folder,
        serving(Path(folder)) as centre,
    ):
        pictures = scenes()
        for number in range(2 * cases + 2):
            scene = pictures[number % len(pictures)]
            # One rule and one camera would join to one case; a report of long ago is another one.
            centre.hand_in(scene.rule, picture=scene.picture, boxes=scene.boxes, ago_s=7200 * (number + 1))
        context, page = signed_in(browser, centre, "reviewer", "/review")
        preloaded = _by_keys(page, cases)
        context.close()
        context, page = signed_in(browser, centre, "reviewer", "/review", java_script_enabled=False)
        reloaded = _by_pages(page, cases)
        context.close()
    return Waits(preloaded, reloaded)


def _by_keys(page: Page, cases: int) -> list[float]:
    page.wait_for_selector("[data-review][data-ready]")
    page.wait_for_load_state("networkidle")
    page.evaluate(_MEASURE)
    for number in range(cases):
        # A reviewer looks at each picture; two seconds is a fast one.
        page.wait_for_timeout(2000)
        page.keyboard.press("123"[number % 3])
        page.wait_for_function("count => window.waited.length === count", arg=number + 1)
    waited: list[float] = page.evaluate("window.waited")
    return waited


def _by_pages(page: Page, cases: int) -> list[float]:
    """The same page without a script: a form, an answer, a new page with its picture."""
    waited = []
    for number in range(cases):
        button = page.locator("[data-verdicts] button").nth(number % 3)
        button.wait_for()
        begun = time.perf_counter()
        button.click()
        page.wait_for_load_state("load")
        waited.append((time.perf_counter() - begun) * 1000)
    return waited


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]
