"""The page of a trace in a real browser: on a phone and on a desk, by day and by night."""

import re
import shutil

import pytest
import torch
from helpers import seeded

import funcdl as f

api = pytest.importorskip(
    "playwright.sync_api", reason="needs the extra browser: pip install playwright"
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"needs one of {', '.join(NAMES)}")


def pictures():
    """A network of images with a shortcut, a second output and losses for both."""
    net = f.serial(
        *(f.conv2d(4, 3), f.relu, f.max_pool2d(2), f.flatten(3)),
        f.residual(f.serial(f.linear(144), f.tanh)),
        f.tap(f.linear(2), side=f.linear(3)),
    )
    losses = f.weighted_sum((1.0, f.cross_entropy()), (0.5, f.cross_entropy()))
    x = torch.randn(3, 14, 14, 2, generator=seeded(1))
    targets = torch.tensor([0, 1, 1]), torch.tensor([0, 2, 1])
    return f.supervised(net, losses), ((14, 14, 2), ((), ())), (x, targets)


def decoder():
    x, others = (torch.randn(2, n, 4, generator=seeded(n)) for n in (5, 7))
    return f.decoder_blocks(2, 2, 6, 4), ((5, 4), (7, 4)), (x, others)


def steps():
    x = torch.randn(2, 50, 3, generator=seeded(1))
    return f.scan(f.serial(f.join(), f.linear(4), f.tanh), 4), (50, 3), x


def broken():
    def wrong(params, x):
        return x**3, lambda dy: ((), dy)

    x = torch.randn(4, 9, generator=seeded(1))
    nan = x.clone()
    nan[0, 0] = float("nan")
    net = f.parallel(f.serial(f.tanh, wrong), f.serial(f.tanh, f.linear(9)), f.identity)
    return net, ((9,),) * 3, (x, x, nan)


PAGES = {make.__name__: make for make in (pictures, decoder, steps, broken)}

LOOK = """() => {
  const rgb = (element, what) => getComputedStyle(element)[what].match(/[\\d.]+/g).map(Number);
  const page = document.documentElement;
  const seen = e => e.getClientRects().length > 0;
  const inner = e => {
    for (let up = e.parentElement; up; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== 'visible' && up !== page && up !== document.body)
        return true;
    return false;
  };
  const all = [...document.querySelectorAll('body *')].filter(seen);
  return {
    overflow: page.scrollWidth - page.clientWidth,
    out: all.filter(e => !inner(e) && e.getBoundingClientRect().right > page.clientWidth + 1)
      .map(e => e.outerHTML.slice(0, 80)),
    shown: [...document.querySelectorAll('article')].filter(seen).length,
    lit: [...document.querySelectorAll('.box')].filter(e => getComputedStyle(e).boxShadow !== 'none')
      .map(e => e.id),
    targets: [...document.querySelectorAll('nav label')].filter(seen)
      .map(e => e.getBoundingClientRect().height),
    thin: [...document.querySelectorAll('article img')].filter(seen)
      .map(e => [e.getBoundingClientRect().width, e.getBoundingClientRect().height]),
    paper: rgb(document.body, 'backgroundColor'),
    inks: all.filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
      .filter(e => getComputedStyle(e).visibility === 'visible' && e.tagName !== 'LEGEND')
      .map(e => [e.outerHTML.slice(0, 60), rgb(e, 'color')]),
  };
}"""


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as playwright:
        # As root, which a container's user is, Chromium starts without its sandbox only.
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("traces")
    for name, make in PAGES.items():
        net, shape, x = make()
        f.trace(net, net.init(seeded(), shape)[0], x).save(made / f"{name}.html")
    return made


def opened(browser, path, script=True):
    page, complaints = browser.new_page(java_script_enabled=script), []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request", lambda request: complaints.extend([request.url][: request.url[:5] == "http:"])
    )
    page.goto(path.as_uri())
    return page, complaints


@pytest.mark.parametrize("name", PAGES)
def test_the_page_fits_and_can_be_read(browser, folder, name):
    page, complaints = opened(browser, folder / f"{name}.html")
    for scheme in ("light", "dark"):
        for width in (360, 390, 1200):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 800})
            look = page.evaluate(LOOK)
            assert look["overflow"] <= 0
            assert look["out"] == []
            assert look["shown"] == len(look["lit"]) == 1
            assert min(look["targets"]) >= 24
            assert all(min(size) >= 2 for size in look["thin"])
            assert (luminance(look["paper"]) < 0.1) == (scheme == "dark")
            for what, ink in look["inks"]:
                assert contrast(ink, look["paper"]) >= 4.5, what
    assert complaints == []
    page.close()


def steps_of(page):
    return page.locator("fieldset > input").evaluate_all("all => all.map(e => e.id)")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_one_goes_step_by_step_to_the_end_and_back(browser, folder, script):
    page, _ = opened(browser, folder / "pictures.html", script)
    heads = [page.locator("article:visible h3").inner_text()]
    while page.locator("article:visible nav label", has_text="next").count():
        page.locator("article:visible nav label", has_text="next").click()
        assert page.locator("article:visible").count() == 1
        heads.append(page.locator("article:visible h3").inner_text())
    steps = page.locator("fieldset > input").count()
    assert len(heads) == steps
    assert heads[0].endswith("conv2d(4, 3)")
    assert heads[-1] == heads[steps // 2 - 1] == "supervised"
    assert sorted(heads[: steps // 2]) == sorted(heads[steps // 2 :])
    page.locator("article:visible nav label", has_text="back").click()
    assert page.locator("article:visible h3").inner_text() == heads[-2]
    page.locator("article:visible label.other").click()
    assert page.locator("article:visible nav b").inner_text() == "forward"
    page.locator("#all").check()
    assert page.locator("article:visible").count() == steps
    page.close()


def test_arrow_keys_and_boxes_lead_to_a_step(browser, folder):
    page, _ = opened(browser, folder / "pictures.html")
    page.set_viewport_size({"width": 390, "height": 700})
    page.locator(".picture label", has_text="max_pool2d").click()
    assert page.locator("article:visible h3").inner_text().endswith("max_pool2d(2)")
    box = page.locator("article:visible h3").bounding_box()
    assert 0 <= box["y"] < 700  # the page has scrolled to what was asked for
    page.keyboard.press("ArrowRight")
    assert page.locator("article:visible h3").inner_text().endswith("flatten(3)")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.locator("article:visible h3").inner_text().endswith("relu")
    page.close()


def test_who_does_not_see_it_is_told(browser, folder):
    page, _ = opened(browser, folder / "pictures.html")
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    named = {}
    for node in tree:
        if not node["ignored"]:
            role = node["role"]["value"]
            named.setdefault(role, []).append(node.get("name", {}).get("value", ""))
    assert len(named["radio"]) == page.locator("fieldset > input").count()
    assert named["radio"][0] == "forward 1 of 16: [0][0] conv2d(4, 3)"
    assert all(re.match(r"heat map of \w", name) for name in named["image"])
    page.locator(".picture label", has_text="tap").click()
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    names = [node.get("name", {}).get("value", "") for node in nodes if not node["ignored"]]
    assert {"y[0]: (3, 2)", "y[1]: (3, 3)"} <= {*names}
    assert "the network" in named["region"]
    page.close()


def test_a_wrong_derivative_stands_out(browser, folder):
    page, _ = opened(browser, folder / "broken.html")
    colour = "e => getComputedStyle(e).color"
    bad = page.locator("main > .scroll tr.wrong")
    assert [row.split("\t")[0].split()[1] for row in bad.all_inner_texts()] == ["wrong", "serial"]
    other = page.locator("main > .scroll tr:not(.wrong) td").first
    assert bad.first.locator("td").first.evaluate(colour) != other.evaluate(colour)
    assert "1 NaN" in page.locator("main").text_content()
    assert page.get_by_text("not finite").count() > 0
    page.close()


def test_a_notebook_shows_it_inside_of_a_frame(browser, tmp_path):
    net, shape, x = pictures()
    shown = f.trace(net, net.init(seeded(), shape)[0], x)._repr_html_()
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><p>before</p>{shown}", encoding="utf-8")
    page, complaints = opened(browser, path)
    frame = page.frame_locator("iframe")
    frame.locator("article:visible nav label", has_text="next").click()
    assert frame.locator("article:visible h3").inner_text().endswith("relu")
    assert page.url == path.as_uri()
    assert complaints == []
    page.close()


@pytest.mark.parametrize("paper", ["white", "#111"])
def test_the_table_of_a_summary_has_the_colours_of_its_page(browser, tmp_path, paper):
    """Whatever the browser prefers: a notebook's own theme may be another."""
    ink = "black" if paper == "white" else "#eee"
    net, shape, _ = pictures()
    table = f.summary(net.layers[0], shape[0], seeded())._repr_html_()
    path = tmp_path / "notebook.html"
    path.write_text(
        f"<!DOCTYPE html><meta charset=utf-8><body style='background:{paper};color:{ink}'>{table}",
        encoding="utf-8",
    )
    page, _ = opened(browser, path)
    page.emulate_media(color_scheme="dark" if paper == "white" else "light")
    page.set_viewport_size({"width": 360, "height": 800})
    script = "e => getComputedStyle(e).color.match(/[\\d.]+/g).map(Number)"
    ground = page.locator("body").evaluate(script.replace(".color", ".backgroundColor"))
    for cell in page.locator("td, th").all():
        assert contrast(cell.evaluate(script), ground) >= 4.5
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def luminance(colour):
    """Relative luminance of an sRGB colour, as WCAG 2.2 has it."""
    parts = [c / 255 for c in colour[:3]]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)
