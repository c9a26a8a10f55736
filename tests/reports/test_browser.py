"""The pages in a real browser: on a phone and on a desk, by day and by night, with no script."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cli

api = pytest.importorskip(
    "playwright.sync_api", reason="needs the extra browser: pip install playwright"
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"needs one of {', '.join(NAMES)}")

RUNS = {
    "pairs": "--models conv-shared,conv-shared-aux --epochs 2 --train-pairs 60 --test-pairs 60 --rounds 2",
    "sweep": "train-pairs --values 20,40 --models conv-shared,conv-shared-aux --epochs 1 --test-pairs 20 --rounds 2",
    "framework": "--points 60 --epochs 12 --rounds 3",
}

# What the page looks like where it is: sizes, overflow, colours.
LOOK = """() => {
  for (const more of document.querySelectorAll('details')) more.open = true;
  const rgb = (element, what) => getComputedStyle(element)[what].match(/[\\d.]+/g).map(Number);
  const page = document.documentElement;
  const texts = [...document.querySelectorAll('figure svg text')];
  return {
    overflow: page.scrollWidth - page.clientWidth,
    figures: [...document.querySelectorAll('figure')].map(
      figure => figure.querySelectorAll('svg[role=img]').length),
    pictures: [...document.querySelectorAll('svg[role=img]')].map(svg => {
      const box = svg.getBoundingClientRect();
      return [box.width, box.height, box.left, box.right - page.clientWidth];
    }),
    cut: texts.filter(text => {
      const [inner, outer] = [text, text.closest('svg')].map(e => e.getBoundingClientRect());
      return inner.left < outer.left - 1 || inner.right > outer.right + 1
        || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
    }).map(text => text.textContent),
    paper: rgb(document.body, 'backgroundColor'),
    inks: [rgb(document.body, 'color'), ...[...document.querySelectorAll('figcaption, caption')]
      .map(e => rgb(e, 'color')), ...texts.map(e => rgb(e, 'fill'))],
  };
}"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """What the commands themselves make of a small run each, in one process."""
    found = {name: tmp_path_factory.mktemp(name) for name in RUNS}
    calls = [[name, *RUNS[name].split(), "--out", str(found[name])] for name in RUNS]
    calls += [["report", str(folder)] for folder in found.values()]
    script = f"import cli\nfor args in {calls}: cli.app(args, standalone_mode=False)"
    root = str(Path(cli.__file__).parent)
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as playwright:
        # As root, which a container's user is, Chromium starts without its sandbox only.
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("name", RUNS)
def test_the_page_is_whole_in_a_browser(browser, folders, name, script):
    address = (folders[name] / "report.html").as_uri()
    page, complaints, requests = browser.new_page(java_script_enabled=script), [], []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    for scheme in ("light", "dark"):
        for width in (360, 1200):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 800})
            check(page.evaluate(LOOK), scheme)
    assert len(names(page)) == page.locator("svg[role=img]").count()
    assert all(re.search(r"\w", name) for name in names(page))
    assert page.title() == page.inner_text("h1")
    assert requests == [address]
    assert complaints == []
    page.close()


def check(look, scheme):
    assert look["overflow"] <= 0
    assert look["cut"] == []
    assert min(look["figures"]) >= 1
    for wide, high, left, right in look["pictures"]:
        assert min(wide, high) >= 20
        assert left >= 0 >= right
    assert (luminance(look["paper"]) < 0.1) == (scheme == "dark")
    for ink in look["inks"]:
        assert contrast(ink, look["paper"]) >= 4.5, ink


def names(page):
    """What the browser itself calls the pictures, for those who do not see them."""
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")
    return [
        node.get("name", {}).get("value", "")
        for node in tree["nodes"]
        if not node["ignored"] and node["role"]["value"] in ("img", "image")
    ]


def luminance(colour):
    """Relative luminance of an sRGB colour, as WCAG 2.2 has it."""
    parts = [c / 255 for c in colour[:3]]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_checks_can_fail(browser, tmp_path):
    """A page with all the faults that are looked for, and the policy that stops a script."""
    path = tmp_path / "bad.html"
    path.write_text(
        "<!DOCTYPE html><meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\">"
        "<title>a</title><body style='background: white'><div style='width: 3000px'></div>"
        "<script>document.title = 'b'</script><img src='nowhere.png'>"
        "<figure><svg role='img' width='50' height='10'><text x='40' y='60'>long words</text></svg></figure>"
    )
    page, complaints = browser.new_page(), []
    page.on("console", lambda said: complaints.append(said.text))
    page.goto(path.as_uri())
    look = page.evaluate(LOOK)
    assert page.title() == "a"
    assert complaints
    assert look["cut"] == ["long words"]
    assert look["pictures"][0][1] == 10
    assert "" in names(page)
    page.close()
