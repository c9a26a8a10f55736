"""The page to draw on in a real browser: the same numbers as `compare` gives for its pictures."""

import base64
import io
import json
import math
import shutil
import time

import pytest
import torch
from command import ask as run
from torch.nn.functional import interpolate

from pairs.canvas.page import write_draw_page
from pairs.data import load_digits

api = pytest.importorskip(
    "playwright.sync_api", reason="needs the extra browser: pip install playwright"
)
Image = pytest.importorskip("PIL.Image", reason="needs the extra compare: pip install pillow")
pytest.importorskip("safetensors.torch", reason="needs the extra compare")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"needs one of {', '.join(NAMES)}")

SIDE, MARGIN = 280, 12
AGREES = 1e-4


def round_about(x, y, wide, tall, start=0.0, turn=1.0):
    """Points on an ellipse, or on a part of it."""
    angles = [2 * math.pi * (start + turn * i / 24) for i in range(25)]
    return [(x + wide * math.sin(a), y - tall * math.cos(a)) for a in angles]


# Each a list of strokes; what is expected of it: its digit, or words of the doubt.
DRAWN = {
    "zero": ([round_about(140, 140, 55, 85)], 0),
    "one, its own mirror image": ([[(140, 50), (140, 230)]], 1),
    "two": ([[*round_about(140, 100, 50, 50, -0.2, 0.55), (90, 220), (200, 220)]], 2),
    "three": ([[*round_about(140, 95, 50, 40, -0.15, 0.6), *round_about(140, 180, 55, 45, 0.0, 0.65)]], 3),
    "four": ([[(100, 60), (80, 150), (190, 150)], [(170, 70), (160, 230)]], 4),
    "five, its bar apart": ([[(105, 70), (100, 130), *round_about(135, 170, 55, 50, 0.0, 0.6)], [(125, 60), (200, 58)]], 5),
    "six": ([[(170, 50), (110, 130), *round_about(140, 180, 50, 50, 0.75, 1.0)]], 6),
    "seven": ([[(80, 70), (200, 70), (120, 230)]], 7),
    "eight": ([round_about(140, 95, 40, 42), round_about(140, 185, 50, 46)], 8),
    "nine": ([round_about(140, 100, 45, 48), [(185, 100), (170, 235)]], 9),
    "seven with specks": ([[(80, 70), (200, 70), (120, 230)], [(30, 30)], [(250, 250)]], 7),
    "from border to border": ([[(0, 60), (279, 60)], [(140, 0), (140, 279)]], None),
    "a dot": ([[(140, 140)]], "it is like none of the digits that it was taught"),
    "a scribble": ([[(60 + 40 * math.sin(3 * i) + 4 * i, 140 + 80 * math.cos(5 * i)) for i in range(40)]], "it is like none"),
    "two ones": ([[(90, 60), (90, 220)], [(190, 60), (190, 220)]], "there is something as tall beside it"),
    "a dash": ([[(50, 140), (230, 140)]], "it is wider than a digit"),
    "black all over": ([[(x, y) for x in range(0, 280, 15) for y in ((0, 279) if x % 2 else (279, 0))]], None),
    "nothing": ([], "it is empty"),
}  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as playwright:
        # As root, which a container's user is, Chromium starts without its sandbox only.
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("draw") / "draw.html"
    write_draw_page(path)
    return path.as_uri()


@pytest.fixture
def opened(browser, address):
    """Open the page; whatever it complains of, or asks the network for, is a failure."""
    pages, complaints, requests = [], [], []

    def open_page(width=390, height=2400, **how):
        page = browser.new_page(viewport={"width": width, "height": height}, **how)
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address)
        pages.append(page)
        return page

    yield open_page
    assert complaints == []
    assert set(requests) == {address}
    for page in pages:
        page.close()


def until(page, expression):
    """Wait until an expression is true; `wait_for_function` needs what the page's policy forbids."""
    end = time.monotonic() + 30
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.evaluate("() => new Promise(requestAnimationFrame)")


def draw(page, name, strokes):
    """Draw with the mouse, from the picture's pixels to those of the screen."""
    box = page.locator(f"#{name} canvas").bounding_box()
    for stroke in strokes:
        points = [
            (box["x"] + x * box["width"] / SIDE, box["y"] + y * box["height"] / SIDE)
            for x, y in stroke
        ]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def saved(page, name, path):
    """Save what a canvas shows as PNG, when all that was drawn is on it."""
    page.evaluate("() => new Promise(requestAnimationFrame)")
    address = page.eval_on_selector(f"#{name} canvas", "canvas => canvas.toDataURL('image/png')")
    path.write_bytes(base64.b64decode(address.partition(",")[2]))
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        assert image.size == (SIDE, SIDE)
    return path


def agree(page, tmp_path):
    """Hold the page's numbers to those of `compare`; give what `compare` said."""
    paths = [saved(page, name, tmp_path / f"{name}.png") for name in ("left", "right")]
    code, out, err = run("compare", *paths, "--json")
    assert err == ""
    told = json.loads(out)
    found = page.evaluate("""() => {
      const {left, right, sum, sure} = funcdl.ask(funcdl.pixels('left'), funcdl.pixels('right'));
      const of = ({digits, isDigit, doubt}) => ({digits, is_digit: isDigit, doubt});
      return {at_most: sum, sure, left: of(left), right: of(right)};
    }""")
    assert found["at_most"] == pytest.approx(told["at_most"], abs=AGREES)
    assert found["sure"] is told["sure"]
    assert code == (0 if told["sure"] else 1)
    for name in ("left", "right"):
        assert found[name]["digits"] == pytest.approx(told[name]["digits"], abs=AGREES)
        assert found[name]["is_digit"] == pytest.approx(told[name]["is_digit"], abs=AGREES)
        assert found[name]["doubt"] == told[name]["doubt"]
    return told


def large(digit, side, top, left):
    """A digit of 14×14 drawn large, somewhere on the paper."""
    ink = interpolate(digit[None, None].float(), size=(side, side), mode="bicubic")[0, 0]
    paper = torch.full((SIDE, SIDE), 255.0)
    paper[top : top + side, left : left + side] -= ink
    return paper.round().clamp(0, 255).to(torch.uint8)


def test_digits_of_the_test_set_are_read_as_compare_reads_them(opened, tmp_path, rng):
    images, labels = load_digits().test
    page, right = opened(), 0
    for i in range(10):
        for name, which in (("left", 2 * i), ("right", 2 * i + 1)):
            side = int(torch.randint(90, SIDE - 2 * MARGIN, (1,), generator=rng))
            room = SIDE - 2 * MARGIN - side
            top, left = (MARGIN + torch.randint(room + 1, (2,), generator=rng)).tolist()
            pixels = large(images[which], side, top, left).flatten().tolist()
            page.evaluate("([name, pixels]) => funcdl.put(name, pixels)", [name, pixels])
        told = agree(page, tmp_path)
        for name, which in (("left", 2 * i), ("right", 2 * i + 1)):
            digits = told[name]["digits"]
            right += digits.index(max(digits)) == labels[which]
    assert right >= 18


def shaded(digit, ink, shade, blot):
    """A digit in ink on a patch of a shade, 8 pixels wider than it, and a blot apart from it."""
    strokes = 255 - large(digit, 140, 50, 70).float()
    rows, columns = (strokes > 64).nonzero().unbind(1)
    patch = torch.zeros_like(strokes)
    patch[rows.min() - 8 : rows.max() + 9, columns.min() - 8 : columns.max() + 9] = shade
    patch[215:265, 20:70] = blot
    return (255 - torch.maximum(strokes * (ink / 255), patch)).round().to(torch.uint8)


# How strong the ink, the shade beside it and a blot are, of 255; and the doubt. The page's pen is
# black, but its arithmetic is `compare`'s for any picture whose border is clean.
SHADED = {
    "a patch of shade": (200, 30, 0, None),
    "a patch of shade, half as strong": (120, 16, 0, None),
    "faint ink": (50, 0, 0, None),
    "faint ink, and a darker blot": (50, 0, 90, "it is fainter than the shades of the paper"),
    "ink less faint, and a darker blot": (80, 0, 90, None),
}


@pytest.mark.parametrize("name", SHADED)
def test_shades_of_the_paper_are_read_as_compare_reads_them(opened, tmp_path, name):
    images, _ = load_digits().test
    *strengths, doubt = SHADED[name]
    page = opened()
    for side, which in (("left", 0), ("right", 1)):
        pixels = shaded(images[which], *strengths).flatten().tolist()
        page.evaluate("([name, pixels]) => funcdl.put(name, pixels)", [side, pixels])
    told = agree(page, tmp_path)
    assert [told[side]["doubt"] for side in ("left", "right")] == [doubt, doubt]


@pytest.mark.parametrize("name", DRAWN)
def test_strokes_are_read_as_compare_reads_them(opened, tmp_path, name):
    strokes, expected = DRAWN[name]
    page = opened()
    draw(page, "left", strokes)
    draw(page, "right", DRAWN["four"][0])
    told = agree(page, tmp_path)["left"]
    says = page.inner_text("#left .says")
    if isinstance(expected, int):
        assert told["doubt"] is None
        assert told["digits"].index(max(told["digits"])) == expected
        assert says.startswith(str(expected))
    elif expected is not None:
        assert told["doubt"].startswith(expected)
        assert expected in says or says == "Draw a digit."


def test_the_margin_is_paper_and_the_side_is_told(opened):
    page = opened()
    assert page.evaluate("[funcdl.side, funcdl.margin]") == [SIDE, MARGIN]
    draw(page, "left", DRAWN["from border to border"][0])
    pixels = torch.tensor(page.evaluate("funcdl.pixels('left')")).view(SIDE, SIDE)
    inside = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    inside[MARGIN:-MARGIN, MARGIN:-MARGIN] = True
    assert (pixels[~inside] == 255).all()
    assert (pixels[inside] == 0).any()


def test_what_is_shown_is_what_is_reckoned(opened):
    page = opened()
    assert page.inner_text("#verdict") == ""
    assert page.inner_text("#chance") == "Draw a digit in each square."
    draw(page, "left", DRAWN["two"][0])
    draw(page, "right", DRAWN["seven"][0])
    until(page, "document.getElementById('verdict').textContent")
    found = page.evaluate("funcdl.ask(funcdl.pixels('left'), funcdl.pixels('right'))")
    p, q = found["left"]["digits"], found["right"]["digits"]
    assert sum(p[i] * q[j] for i in range(10) for j in range(i, 10)) == pytest.approx(found["sum"])
    assert page.inner_text("#verdict") == "Yes: left ≤ right"
    assert page.inner_text("#chance").startswith("P(left ≤ right) = ")
    for name, digits in (("left", p), ("right", q)):
        shares = page.locator(f"#{name}-bars .share").all_inner_texts()
        assert [float(share) for share in shares] == [round(100 * d, 1) for d in digits]
        widths = page.eval_on_selector_all(
            f"#{name}-bars .bar", "bars => bars.map(bar => parseFloat(bar.style.width))"
        )
        assert widths == pytest.approx([100 * d for d in digits], abs=1e-3)
    cells = page.eval_on_selector_all(
        "#products tr:has(th[scope=row])",
        "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => [cell.className, cell.textContent]))",
    )
    assert [len(row) for row in cells] == [10] * 10
    for i, row in enumerate(cells):
        for j, (kind, words) in enumerate(row):
            assert kind.startswith("summed" if i <= j else "other")
            assert words == (f"{100 * p[i] * q[j]:.0f}" if p[i] * q[j] >= 0.005 else "")
    layers = found["left"]["layers"]
    names = page.locator("#layers .layer b").all_inner_texts()
    assert names == [name for name, _ in layers]
    sizes = page.locator("#layers .size").all_inner_texts()
    assert [s.strip() for s in sizes[:3]] == ["14×14×1", "12×12×16", "12×12×16"]
    drawn = page.eval_on_selector_all("#layers canvas", PICTURES)
    assert len(drawn) == 2 * len(layers)
    assert all(colours > 3 for colours in drawn)


# How many colours each picture has.
PICTURES = """canvases => canvases.map(canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
})"""


def test_undo_and_clear_by_keyboard(opened):
    page = opened()
    undo, clear = (
        page.get_by_role("button", name=f"{what} left")
        for what in ("Undo a stroke on the", "Clear the")
    )
    assert undo.is_disabled()
    assert clear.is_disabled()
    (first, second), _ = DRAWN["four"]
    draw(page, "left", [first])
    one = page.evaluate("funcdl.pixels('left')")
    draw(page, "left", [second])
    assert page.evaluate("funcdl.pixels('left')") != one
    undo.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("funcdl.pixels('left')") == one
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert set(page.evaluate("funcdl.pixels('left')")) == {255}
    until(page, "document.querySelector('#left button').disabled")
    draw(page, "left", [first])
    assert page.evaluate("funcdl.pixels('left')") == one


def test_a_picture_is_saved_under_its_side(opened, tmp_path):
    page = opened()
    draw(page, "right", DRAWN["two"][0])
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the right").click()
    assert download.value.suggested_filename == "right.png"
    download.value.save_as(tmp_path / "right.png")
    with Image.open(tmp_path / "right.png") as image:
        pixels = list(image.convert("L").tobytes())
    assert pixels == page.evaluate("funcdl.pixels('right')")


def test_a_finger_draws_and_the_page_stays(opened):
    page = opened(360, 640, has_touch=True, is_mobile=True)
    box = page.locator("#right canvas").bounding_box()
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        spots = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in points
        ]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    touch("touchStart", (0.5, 0.9))
    for i in range(1, 9):
        touch("touchMove", (0.5, 0.9 - 0.1 * i))
    touch("touchEnd")
    assert page.evaluate("scrollY") == 0
    pixels = torch.tensor(page.evaluate("funcdl.pixels('right')")).view(SIDE, SIDE)
    assert (pixels[60:220, 140] == 0).all()
    until(page, "document.querySelector('#right .says').textContent.startsWith('1')")


# What the page looks like where it is: sizes, overflow, colours.
LOOK = """() => {
  const rgb = (element, what) => getComputedStyle(element)[what].match(/[\\d.]+/g).map(Number);
  const page = document.documentElement;
  const texts = [...document.querySelectorAll(
    'h1, h2, p, figcaption, figcaption b, caption, .bars b, .share, .products th')];
  return {
    overflow: page.scrollWidth - page.clientWidth,
    boxes: [...document.querySelectorAll('canvas, button, table')].map(element => {
      const box = element.getBoundingClientRect();
      return [element.tagName, box.width, box.height, box.left, box.right - page.clientWidth];
    }),
    paper: rgb(document.body, 'backgroundColor'),
    inks: texts.filter(e => e.textContent).map(e => rgb(e, 'color')),
  };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 1200])
def test_the_page_is_whole_on_any_screen(opened, width, scheme):
    page = opened(width, 800, color_scheme=scheme)
    draw(page, "left", DRAWN["three"][0])
    draw(page, "right", DRAWN["a dot"][0])
    until(page, "document.querySelector('#right .says').textContent.length > 20")
    look = page.evaluate(LOOK)
    assert look["overflow"] <= 0
    assert (luminance(look["paper"]) < 0.1) == (scheme == "dark")
    for ink in look["inks"]:
        assert contrast(ink, look["paper"]) >= 4.5, ink
    for tag, wide, tall, left, right in look["boxes"]:
        assert left >= 0 >= right
        assert tall >= {"BUTTON": 44, "CANVAS": 3, "TABLE": 100}[tag]
        assert wide >= 44


def test_a_change_of_the_scheme_colours_the_layers_anew(opened):
    page = opened(color_scheme="light")
    draw(page, "left", DRAWN["three"][0])
    before = page.eval_on_selector("#layers canvas", "canvas => canvas.toDataURL()")
    page.emulate_media(color_scheme="dark")
    until(page, f"document.querySelector('#layers canvas').toDataURL() !== {json.dumps(before)}")


def luminance(colour):
    """Relative luminance of an sRGB colour, as WCAG 2.2 has it."""
    parts = [c / 255 for c in colour[:3]]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)
