"""A tensor on a page: its numbers, or a picture of them that any program can read."""

import base64
import io

import pytest
import torch
from helpers import Page, seeded

from funcdl.html.elements import document, element, styled, table
from funcdl.html.picture import ABOVE, BELOW, ODD, grid, png
from funcdl.html.values import Detail, card, number, statistics, words

NAN, INF = float("nan"), float("inf")
FULL = Detail(42, True)


def opened(rows):
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    data = base64.b64decode(png(rows).removeprefix("data:image/png;base64,"))
    return image.open(io.BytesIO(data)).convert("RGBA")


def test_a_picture_has_the_colours_of_its_numbers():
    seen = opened([[1.0, -1.0, 0.0], [0.5, NAN, None], [INF, -INF, 1e-9]])
    assert seen.size == (3, 3)
    at = [[seen.getpixel((x, y)) for x in range(3)] for y in range(3)]
    assert at[0][0] == (*ABOVE, 255)
    assert at[0][1] == (*BELOW, 255)
    assert at[0][2][3] == at[1][2][3] == 0
    assert at[1][0][:3] == ABOVE
    assert 100 < at[1][0][3] < 200
    assert at[1][1] == (*ODD, 255)
    assert at[2][:2] == [(*ABOVE, 255), (*BELOW, 255)]
    assert at[2][2][3] > 0


def test_pictures_of_any_width_are_whole():
    for wide in range(1, 40):
        assert opened([[1.0] * wide] * 2).getpixel((wide - 1, 1)) == (*ABOVE, 255)
    for shape in [(1,), (31,), (33,), (5000,), (2, 3), (1, 3000), (3000, 1), (70, 70), (2, 3, 4)]:
        picture = grid(torch.ones(shape))
        assert opened(picture.rows).size == picture.size
        assert picture.size[0] * picture.size[1] <= 2500


def test_a_picture_shows_where_a_number_is():
    t = torch.zeros(3, 4)
    t[1, 2] = 1
    assert grid(t).rows[1][2] == 1
    image = torch.zeros(1, 3, 4, 2)
    image[0, 1, 2, 1] = 1
    picture = grid(image, image=True)
    assert picture.rows[1][4 + 1 + 2] == 1
    assert picture.what == "channels side by side"
    assert sum(v or 0 for row in picture.rows for v in row) == 1
    tall = torch.zeros(30, 2)
    tall[20, 1] = 1
    assert grid(tall).rows[1][20] == 1
    assert grid(tall).what == "transposed"


def test_what_is_left_out_is_said():
    assert grid(torch.ones(70, 70)).what == "one number of 4"
    assert grid(torch.ones(20, 3, 3)).what == "slices side by side, 12 of 20"
    assert grid(torch.ones(5000)).what == "one number of 3"
    assert grid(torch.ones(4, 4)).what == ""


def test_statistics_are_of_finite_numbers():
    assert statistics(torch.tensor([1.0, 3.0, NAN, INF, -INF])) == (1.0, 2.0, 3.0, 1, 2)
    assert words(torch.tensor([1.0, 3.0, NAN])) == "min 1 · mean 2 · max 3 · 1 NaN"
    assert words(torch.tensor([NAN, INF])) == "1 NaN · 1 infinite"
    assert words(torch.ones(0, 3)) == "no numbers"
    assert words(torch.tensor([1, 2, 6])) == "min 1 · mean 3 · max 6"
    assert words(torch.tensor([True, False])) == "min 0 · mean 0.5 · max 1"
    assert words(torch.tensor([6e4, 6e4]).half()) == "min 6e+04 · mean 6e+04 · max 6e+04"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "0"), (1234.5, "1.23e+03"), (-0.5, "−0.5"), (-INF, "−∞"), (7, "7"), (-3, "−3"), (True, "True")],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert number(value) == text


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int64, torch.bool])
def test_few_numbers_are_written(dtype):
    page = Page(card("x", torch.tensor([[0, 1], [1, 0], [1, 1]]).to(dtype), FULL))
    true = {"0": "False", "1": "True"} if dtype is torch.bool else {"0": "0", "1": "1"}
    assert page.rows == [[true[v] for v in row] for row in (["0", "1"], ["1", "0"], ["1", "1"])]
    assert page.text("span") == [f"(3, 2) {str(dtype)[6:]}"]


def test_a_number_alone_and_none_at_all():
    assert "0.5" in Page(card("y", torch.tensor(0.5), FULL)).text("p")
    assert "no numbers" in Page(card("y", torch.ones(0, 3), FULL)).text("p")
    assert " none" in Page(card("dx", None, FULL)).text("p")


def test_many_numbers_are_a_picture_and_a_line():
    page = Page(card("x", torch.randn(20, 8, generator=seeded()), FULL))
    (picture,) = page.all("img")
    (line,) = [text for text in page.text("p") if "mean" in text]
    assert picture["alt"] == f"heat map of x, (20, 8): {line}"
    assert page.rows == []
    bare = Page(card("x", torch.ones(20, 8), Detail(8, False)))
    assert bare.all("img") == []
    assert "min 1 · mean 1 · max 1" in bare.text("p")


def test_a_wide_row_is_no_table():
    assert Page(card("x", torch.ones(2, 7), FULL)).all("img")
    assert len(Page(card("x", torch.ones(7), FULL)).rows) == 2


def test_elements_are_escaped():
    assert element("p", kind='"<', hidden=None) == '<p class="&quot;&lt;"></p>'
    page = Page(document("<b>", element("p", "text"), kind="more"))
    assert page.text("title") == ["<b>"]
    assert page.all("body") == [{"class": "funcdl page more"}]
    page = Page(styled(table("What", ["a", "b", "note"], [["1", "2", "3"]], ["wrong"])))
    assert page.rows == [["a", "b", "note"], ["1", "2", "3"]]
    assert [td.get("class", "") for td in page.all("td")] == ["", "words"]
    assert page.all("tr")[1] == {"class": "wrong"}
