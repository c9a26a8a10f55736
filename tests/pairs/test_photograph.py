"""Photographs: the digit is found, what is left out is said, and what is no digit is doubted."""

import json

import pytest
import torch
from command import ask as run

from pairs.champion import champion
from pairs.data import load_digits
from pairs.drawn.digit import BlankError, digit_of, read_digit
from pairs.drawn.doubt import NONE, Least, doubt_of, knower, least, opinions
from pairs.drawn.find import find_digit
from pairs.drawn.parts import grown, labelled, parts_of
from pairs.drawn.ruled import without_lines
from pairs.scenes import hands, teach
from pairs.scenes.camera import blurred, in_blocks
from pairs.scenes.hands import pen, turned, written
from pairs.scenes.measure import Said, chosen, counted, said
from pairs.scenes.nothing import NOTHING, beside
from pairs.scenes.scenes import HANDS, WITH_DIGIT, scenes
from pairs.scenes.shapes import CHOOSING_LETTERS, DIGITS, LETTERS, OTHER_LETTERS, SCHOOL
from pairs.scenes.tally import Count, counts, summary, tally, wilson
from studykit.seeds import generator

Image = pytest.importorskip("PIL.Image", reason="needs the extra compare: pip install pillow")
pytest.importorskip("safetensors", reason="needs the extra compare: pip install safetensors")


def seven(size=(300, 300), thick=14):
    """A seven, in black on white."""
    image = torch.full(size, 255, dtype=torch.uint8)
    image[90 : 90 + thick, 100:190] = 0
    for row in range(90, 210):
        column = 190 - (row - 90) // 3
        image[row, column - thick : column] = 0
    return image


def ruled(image, across=True, down=False, gap=30, shade=120):
    image = image.clone()
    for at in range(gap // 2, 300, gap):
        for there, lines in ((across, image[at : at + 2]), (down, image[:, at : at + 2])):
            if there:
                lines.copy_(lines.minimum(torch.tensor(shade, dtype=torch.uint8)))
    return image


def shadowed(image):
    rows, columns = torch.arange(300)[:, None], torch.arange(300)
    return torch.where(rows + columns < 150, image // 2, image)


def tabled(image):
    image = image.clone()
    image[270:] = 60
    image[:, :20] = 60
    return image


def scribbled(image):
    image = image.clone()
    made = pen([torch.tensor([[0.0, 0], [20, 30], [25, 2], [44, 28], [50, 0]])], 4)
    at = image[245 : 245 + len(made), 120 : 120 + made.shape[1]]
    at.copy_((at * (1 - made)).to(torch.uint8))
    return image


def specked(image):
    image = image.clone()
    for row, column in ((20, 30), (40, 260), (280, 270), (200, 25)):
        image[row : row + 5, column : column + 4] = 0
    return image


BESIDE = {
    "printed lines": (ruled, "left out 10 printed lines"),
    "squared paper": (
        lambda image: ruled(image, down=True),
        "left out squared paper: 10 lines across and 10 down",
    ),
    "a table's edge": (
        tabled,
        "left out what touches the border: top and bottom and left and right",
    ),
    "a shadowed corner": (shadowed, None),
    "a scribble below": (scribbled, "left out 1 other part"),
    "specks": (specked, None),
}


@pytest.mark.parametrize("what", BESIDE)
def test_what_is_beside_the_digit_is_left_out(what):
    change, step = BESIDE[what]
    plain = digit_of(seven())
    drawn = digit_of(change(seven()))
    assert (drawn.digit.float() - plain.digit.float()).abs().mean() < 8
    assert drawn.doubt is None
    assert [s for s in drawn.steps if s.startswith("cropped")] != []
    assert step is None or step in drawn.steps
    # Light ink on a dark board is the same digit; the border is lighter there.
    if what != "a shadowed corner":
        other = digit_of(255 - change(seven()))
        assert (other.digit.float() - plain.digit.float()).abs().mean() < 8


def test_a_digit_that_touches_the_border_is_not_left_out():
    drawn = digit_of(seven()[90:210, 100:190])
    assert (drawn.digit.float() - digit_of(seven()).digit.float()).abs().mean() < 8
    assert not any("left out" in step for step in drawn.steps)


def test_a_small_digit_is_found_beside_the_shade_of_a_corner():
    small = seven()[80:220, 90:200][::3, ::3]
    image = torch.full((560, 560), 250.0)
    image[250 : 250 + len(small), 260 : 260 + small.shape[1]] = small.float()
    away = torch.linspace(0, 1, 560)[:, None] + torch.linspace(0, 1, 560)
    image = image * (1 - 0.3 * (away - 1.3).clamp(min=0))
    drawn = digit_of(image.to(torch.uint8))
    assert (drawn.digit.float() - digit_of(seven()).digit.float()).abs().mean() < 8
    assert any(step.startswith("left out what touches the border") for step in drawn.steps)


def test_the_shade_of_the_paper_is_no_ink_around_a_digit():
    ink = torch.zeros(120, 120)
    ink[34:86, 50:70] = 9
    ink[40:80, 56:64] = 200
    found = find_digit(ink).ink
    assert found[45, 60] == 191
    assert not found[:, :55].any()


def test_what_is_fainter_than_the_shades_of_the_paper_is_doubted():
    faint = (seven() == 0).float() * 40
    shades = torch.linspace(120, 250, 300).expand(300, 300)
    assert digit_of((250 - faint).to(torch.uint8)).doubt is None
    doubt = digit_of((shades * (1 - faint / 250)).to(torch.uint8)).doubt
    assert doubt == "it is fainter than the shades of the paper"


def test_the_bar_of_a_five_belongs_to_it_and_another_digit_does_not():
    image = torch.full((300, 300), 255, dtype=torch.uint8)
    image[110:200, 130:142] = 0
    image[92:102, 132:180] = 0
    with_bar = digit_of(image)
    assert "cropped to rows 92–199, columns 130–179" in with_bar.steps
    assert with_bar.doubt is None
    image[110:200, 200:212] = 0
    assert (
        digit_of(image).doubt
        == "there is something as tall beside it: expected one digit a picture"
    )
    wide = torch.full((300, 300), 255, dtype=torch.uint8)
    wide[140:150, 60:240] = 0
    assert digit_of(wide).doubt == "it is wider than a digit: expected one digit a picture"


@pytest.mark.parametrize("shade", [0, 120, 255])
def test_opacity_alone_is_ink(shade):
    opacity = 255 - seven()
    image = torch.stack([torch.full_like(opacity, shade), opacity], -1)
    drawn = digit_of(image)
    assert torch.equal(drawn.digit, digit_of(seven()).digit)
    assert drawn.steps[0] == "took opacity for ink: all that is seen has one colour"
    colours = torch.stack([seven(), torch.full_like(opacity, 255)], -1)
    assert not any("opacity" in step for step in digit_of(colours).steps)


def test_parts_are_those_that_a_walk_finds(rng):
    for density in (0.3, 0.5, 0.9):
        mask = torch.rand(17, 23, generator=rng) < density
        labels = labelled(mask)
        assert torch.equal(labels > 0, mask)
        seen = torch.zeros_like(mask)
        count = 0
        for row, column in mask.nonzero().tolist():
            if seen[row, column]:
                continue
            count += 1
            walk, found = [(row, column)], {(row, column)}
            while walk:
                i, j = walk.pop()
                for a in range(max(i - 1, 0), min(i + 2, 17)):
                    for b in range(max(j - 1, 0), min(j + 2, 23)):
                        if mask[a, b] and (a, b) not in found:
                            found.add((a, b))
                            walk.append((a, b))
            at = torch.tensor(sorted(found))
            seen[at[:, 0], at[:, 1]] = True
            assert labels[at[:, 0], at[:, 1]].unique().tolist() == [count]
            part = parts_of(labels)[count - 1]
            assert part.pixels == len(found)
            assert (part.top, part.left) == tuple(at.amin(0).tolist())
            assert (part.bottom, part.right) == tuple(at.amax(0).tolist())
        assert len(parts_of(labels)) == count
    assert labelled(torch.ones(3, 4).bool()).unique().tolist() == [1]
    assert grown(torch.eye(5).bool()[:, :1] & torch.ones(5, 5).bool(), 1)[:, 0].tolist() == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_lines_are_lines_only_from_side_to_side():
    ink = torch.zeros(200, 200)
    ink[50:52] = 90
    ink[100:102, 30:170] = 90
    ink[80:150, 90:96] = 255
    found = without_lines(ink)
    assert (found.across, found.down) == (1, 0)
    assert not found.ink[50:52].any()
    assert torch.equal(found.ink[53:], ink[53:])


def test_a_stroke_that_crosses_a_line_stays():
    ink = torch.zeros(200, 200)
    ink[80:150, 90:96] = 200
    crossed = ink.clone()
    crossed[100:102] = crossed[100:102].clamp(min=90)
    assert torch.equal(without_lines(crossed).ink, ink)


def opinion(digit, share):
    """The knower's, of a digit, the rest being of none."""
    return [share if i == digit else 1 - share if i == NONE else 0.0 for i in range(11)]


@pytest.mark.parametrize(
    ("doubt", "seen", "digits", "why"),
    [
        (None, opinion(0, 0.9), [0.9, 0.1], None),
        (None, opinion(3, 0.9), None, None),
        ("it is empty", opinion(0, 0.9), [0.9], "it is empty"),
        (None, opinion(0, 0.4), [0.9], "it is like none of the digits that it was taught"),
        (None, opinion(3, 0.4), None, "it is like none of the digits that it was taught"),
        (None, opinion(0, 0.9), [0.6, 0.4], "it may be one digit or another"),
        (None, opinion(1, 0.9), [0.9, 0.1], "it may be one digit or another"),
    ],
)
def test_reasons_for_doubt(doubt, seen, digits, why):
    drawn = digit_of(seven())._replace(doubt=doubt)
    assert doubt_of(drawn, seen, digits, Least(0.5, 0.7)) == why


def test_the_least_is_what_costs_least():
    drawn = digit_of(seven())

    def one(label, is_seven, digit):
        digits = [digit if i == 7 else (1 - digit) / 9 for i in range(10)]
        return Said("paper", "MNIST", label, drawn, opinion(7, is_seven), digits)

    all_said = [one(7, 0.9, 0.9)] * 20 + [one(None, 0.6, 0.9), one(3, 0.9, 0.5)]
    least = chosen(all_said)
    assert least == Least(0.9, 0.9)
    assert counted(all_said, least) == Count(20, 0, 2)
    assert counted(all_said, Least(0, 0)) == Count(20, 2, 0)


def test_the_champion_is_right_or_doubts():
    """A few of each condition; `python -m pairs.scenes.measure` counts more."""
    model, params, enough = champion(), knower(), least()
    drawn = scenes(load_digits().test, 3, generator(1, "scenes", 1))
    found = [said(scene, model, params) for scene in drawn]
    assert {one.condition for one in found} == {*WITH_DIGIT, *NOTHING}
    assert {one.hand for one in found} == {*HANDS}
    with_digit = [one for one in found if one.label is not None]
    count = counted(with_digit, enough)
    assert count.right >= 0.85 * len(with_digit)
    assert count.wrong + counted([o for o in found if o.label is None], enough).wrong <= 3


def test_what_was_measured_holds():
    """At least 95 % right where a person reads the digit; at most 1 % sure and wrong."""
    assert set(counts()) == {*WITH_DIGIT, *NOTHING}
    assert all(set(by_hand) == {*HANDS} for by_hand in counts().values())
    digits, every = tally(counts(), "digits"), tally(counts(), "all")
    assert sum(every) > 1_000
    assert digits.right >= 0.95 * sum(digits)
    assert every.wrong <= 0.01 * sum(every)
    assert tally(counts(), "nothing").right == 0
    letters = tally(counts(), "untaught letters")
    assert sum(letters) == 3 * sum(tally(counts(), "another letter"))
    assert letters.wrong <= 0.05 * sum(letters)
    assert f"{digits.right} right" in summary("digits")


@pytest.mark.parametrize(("count", "of"), [(0, 30), (7, 1_000), (50, 100)])
def test_the_ends_of_an_interval_are_shares_of_which_the_count_is_just_likely(count, of):
    for share in wilson(count, of):
        deviation = (share * (1 - share) / of) ** 0.5
        assert abs(count / of - share) == pytest.approx(1.959964 * deviation, abs=1e-9)


def test_nothing_that_is_kept_back_is_taught(rng, monkeypatch):
    """Neither by name nor by its strokes."""
    shown = []
    for room in (hands, teach):
        monkeypatch.setattr(
            room, "written", lambda ways, *args: shown.append(ways) or written(ways, *args)
        )
    digits = load_digits().train
    assert len(list(teach.drawn_digits(digits, 60, rng))) == 60
    assert len(list(teach.drawn_others(digits, 120, rng))) == 120
    taught = [way for ways in shown for way in ways]
    assert len(shown) > 60
    for kept in (CHOOSING_LETTERS, OTHER_LETTERS, SCHOOL):
        assert not [way for ways in kept.values() for way in ways if way in taught]
    assert not {*CHOOSING_LETTERS} & {*OTHER_LETTERS}
    assert not ({*CHOOSING_LETTERS} | {*OTHER_LETTERS}) & {*LETTERS}


def test_hands_write_what_they_are_asked(rng):
    assert sorted(DIGITS) == sorted(SCHOOL) == list("0123456789")
    for size in (30, 100):
        made = written(DIGITS["1"], size, rng)
        assert 0.7 * size < len(made) < 1.5 * size
        assert made.max() == 1
        assert made[0].max() < 0.6


def test_a_sign_is_turned_about_its_middle():
    bar = torch.zeros(61, 31)
    bar[10:51, 13:18] = 1
    lying = turned(bar, 90)
    places = (lying > 0.5).nonzero()
    high, wide = (places.amax(0) - places.amin(0) + 1).tolist()
    assert (high, wide) == (5, 41)
    assert ((turned(bar, 15) > 0.5).float().sum() - 205).abs() < 10
    askew = (turned(bar, 15) > 0.5).nonzero().float()
    slope = torch.linalg.lstsq(
        askew[:, :1] - askew[:, 0].mean(), askew[:, 1:] - askew[:, 1].mean()
    ).solution
    assert abs(slope.item()) == pytest.approx(0.268, abs=0.02)


def test_signs_stand_beside_one_another():
    signs = [torch.ones(4, 3), torch.ones(10, 2)]
    assert beside(signs, 0.5).shape == (10, 3 + 5 + 2)
    assert beside(signs, 0.5).sum() == 12 + 20
    assert beside(signs, -0.2).shape == (10, 3)


def test_a_camera_blurs_and_rounds_as_it_should(rng):
    image = torch.rand(21, 30, 3, generator=rng) * 255
    assert torch.allclose(blurred(torch.ones(9, 12), 2), torch.ones(9, 12))
    point = torch.zeros(41, 41)
    point[20, 20] = 1
    soft = blurred(point, 3)
    at = torch.arange(41) - 20
    assert ((soft.sum(1) * at**2).sum()).sqrt() == pytest.approx(3, abs=0.01)
    assert torch.allclose(in_blocks(image, 1e-6), image, atol=1e-3)
    even = torch.full((16, 8, 1), 128 + 3 * 10 / 8)  # three steps of the first wave
    assert torch.allclose(in_blocks(even, 1), even, atol=1e-3)
    coarse = [(in_blocks(image, by) - image).abs().mean() for by in (0.1, 1, 4)]
    assert coarse == sorted(coarse)


def test_scenes_are_the_same_from_the_same_seed():
    digits = load_digits().test
    first, second = (list(scenes(digits, 1, generator(5, "scenes", 0))) for _ in range(2))
    assert all(torch.equal(a.image, b.image) for a, b in zip(first, second))


@pytest.fixture
def picture(tmp_path):
    def save(name, image):
        height, width = image.shape
        path = tmp_path / name
        Image.frombytes("L", (width, height), bytes(image.flatten().tolist())).save(path)
        return path

    return save


def test_compare_doubts_with_an_exit_status(picture):
    good = picture("7.png", seven())
    code, out, err = run("compare", good, good)
    assert code == 0, err
    assert out.endswith("Yes: left ≤ right.\n")
    empty = picture("empty.png", torch.full((50, 60), 240, dtype=torch.uint8))
    with pytest.raises(BlankError, match=r"empty\.png: expected a digit, found no stroke"):
        read_digit(empty)
    code, out, err = run("compare", good, empty)
    assert (code, err) == (1, "")
    assert "left: 7 (" in out
    assert "right: no digit that I know: it is empty" in out
    assert "Yes" not in out
    dot = torch.full((200, 200), 255, dtype=torch.uint8)
    dot[90:120, 90:120] = 0
    code, out, _ = run("compare", picture("dot.png", dot), good)
    assert code == 1
    assert "left: no digit that I know: it is like none of the digits" in out
    two = torch.cat([seven()[:, 60:200], seven()[:, 90:240]], 1)
    code, out, _ = run("compare", picture("two.png", two), good, "--json")
    assert code == 1
    document = json.loads(out)
    assert document["sure"] is False
    assert "expected one digit" in document["left"]["doubt"]
    assert document["right"]["doubt"] is None
    assert document["right"]["is_digit"] > least().known


def test_the_knower_knows_digits():
    images, labels = load_digits().test
    seen = opinions(knower(), images[:1000])
    assert torch.allclose(seen.sum(1), torch.ones(1000).double())
    own = seen.gather(1, labels[:1000, None].long())
    assert (own > least().known).float().mean() > 0.95
