"""From a drawing to an answer: pictures, digits, models in files, the champion, the command."""

import errno
import json
import re
import struct
import sys
import zlib

import pytest
import torch
from command import ask as run

from funcdl import tree
from pairs import study
from pairs.champion import champion, train_champion
from pairs.data import draw_split, load_digits
from pairs.drawn.answer import ask, told
from pairs.drawn.digit import digit_of, read_digit
from pairs.drawn.ink import DrawnError
from pairs.drawn.picture import PictureError, read_picture
from pairs.drawn.shades import shades
from pairs.model_file import KEY, MOST, ModelFile, ModelFileError, load, pack
from pairs.models import MODELS
from pairs.results import Results
from pairs.training import Scaling, Settings, errors
from studykit.seeds import generator

Image = pytest.importorskip("PIL.Image", reason="needs the extra compare: pip install pillow")
safetensors = pytest.importorskip(
    "safetensors.torch", reason="needs the extra compare: pip install safetensors"
)
pytest.importorskip("numpy", reason="safetensors writes with numpy")


@pytest.fixture(scope="module")
def digits():
    """Ten digits of the test set, one of each kind."""
    images, labels = load_digits().test
    return torch.stack([images[labels == i][7] for i in range(10)])


def page(image, times=9, size=(400, 300), at=(210, 60), paper=0, ink=255, noise=0.0):
    """Draw a digit on a page: enlarged, off the centre, in other shades, under some noise."""
    large = image.float().repeat_interleave(times, 0).repeat_interleave(times, 1) / 255
    drawing = torch.full(size, float(paper))
    rows, columns = slice(at[0], at[0] + len(large)), slice(at[1], at[1] + len(large))
    drawing[rows, columns] += large * (ink - paper)
    drawing += noise * torch.randn(size, generator=torch.Generator().manual_seed(0))
    return drawing.round().clamp(0, 255).to(torch.uint8)


PAGES = [
    {},
    {"paper": 255, "ink": 0},
    {"paper": 190, "ink": 40},
    {"paper": 60, "ink": 190},
    {"paper": 200, "ink": 30, "noise": 4.0},
    {"times": 2, "size": (28, 28), "at": (0, 0), "paper": 255, "ink": 0},
    {"times": 20, "size": (290, 900), "at": (5, 500)},
    {"times": 5, "at": (0, 0), "paper": 255, "ink": 0},
]


@pytest.mark.parametrize("how", PAGES)
def test_a_digit_comes_back_from_a_page_nearly_as_it_was(digits, how):
    """Nearly: edges of half a pixel are no longer known, so it may be a little larger or aside."""
    model, made = champion(), []
    for image in digits:
        found, steps = digit_of(page(image, **how))[:2]
        assert (found.shape, found.dtype) == (image.shape, image.dtype)
        assert (steps[0].startswith("inverted")) == (how.get("paper", 0) > how.get("ink", 255))
        made.append(found)
    both = torch.stack([torch.stack(made), digits], 1).flatten(2).float()
    alike = torch.stack([torch.corrcoef(pair)[0, 1] for pair in both])
    assert alike.min() > 0.7
    assert alike.mean() > 0.9
    same = [taken_for(model, a) == taken_for(model, b) for a, b in zip(made, digits)]
    assert sum(same) >= 9


def taken_for(model, image):
    found = ask(model, image, image).digits[0]
    return found.index(max(found))


def test_fitted_digits_come_back_exactly():
    """Ten by ten pixels with the mass where MNIST has it are what a digit is made to be."""
    image = torch.zeros(14, 14, dtype=torch.uint8)
    image[2:12, 2:12] = 255
    image[3:7, 3:7] = 0
    for how in PAGES[:4]:
        made, steps = digit_of(page(image, **how))[:2]
        assert torch.equal(made, image)
    assert steps == [
        "stretched the contrast: the ink is 130 of 255 from the paper",
        "cropped to rows 228–317, columns 78–167",
        "fitted into 20×20 as 20×20",
        "centred by mass in 28×28, averaged 2×2",
    ]


def test_colours_and_opacity():
    image = torch.full((40, 40, 4), 255, dtype=torch.uint8)
    image[10:30, 18:22, :] = torch.tensor([200, 0, 0, 255], dtype=torch.uint8)
    made, _ = digit_of(image[..., :3])[:2]
    assert made.sum() > 0
    # Black that lets everything through is as white as the paper.
    image[:, :10] = 0
    assert torch.equal(digit_of(image)[0], made)
    grey = torch.stack([image[..., 1], image[..., 3]], -1)
    assert torch.equal(digit_of(grey)[0], made)


def test_a_hair_that_fills_no_pixel_anywhere_is_thickened():
    """In parts of fifty pixels each, a line of one covers less of any than counts as ink."""
    image = torch.full((1100, 800), 255, dtype=torch.uint8)
    image[50, 100:700] = 0
    for row in range(50, 1050):
        image[row, 700 - (row - 50) // 3] = 0
    made, steps = digit_of(image)[:2]
    assert steps[2] == "thickened: the strokes are thinner than a pixel of 20×20"
    assert taken_for(champion(), made) == 7


def line_of_two(width, size=(300, 400)):
    """A seven of two straight strokes, black on white."""
    image = torch.full(size, 255, dtype=torch.uint8)
    image[60 : 60 + width, 140:260] = 0
    for row in range(60, 250):
        column = 260 - (row - 60) // 3
        image[row, column : column + width] = 0
    return image


def test_the_place_of_a_mirrored_drawing_is_no_matter_of_rounding():
    """Its centre lies evenly between two places, whatever its sums round to."""
    places = set()
    for tall in range(40, 200, 4):
        image = torch.full((240, 240), 255, dtype=torch.uint8)
        image[20 : 20 + tall, 100 : 100 + tall // 4] = 0
        inked = digit_of(image).digit.nonzero()
        places.add((*inked.amin(0).tolist(), *inked.amax(0).tolist()))
    assert len(places) == 1, places


@pytest.mark.parametrize("width", [1, 2, 5, 12, 25])
def test_a_stroke_of_any_width_is_read(width):
    made, steps = digit_of(line_of_two(width))[:2]
    assert any(step.startswith("thickened") for step in steps) == (width < 6)
    assert taken_for(champion(), made) == 7
    assert made.float().mean() > 10


def test_a_shadow_across_the_paper_is_paper():
    rows, columns = torch.meshgrid(
        torch.linspace(1, 0.8, 300), torch.linspace(0.9, 0.5, 400), indexing="ij"
    )
    image = line_of_two(12)
    dim = (image * (rows + columns) / 2).round().to(torch.uint8)
    made, steps = digit_of(dim)[:2]
    assert steps[0] == "inverted: dark ink on light paper"
    assert (made.float() - digit_of(image)[0].float()).abs().mean() < 5


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (torch.full((50, 50), 255), "no stroke that stands out from the paper; brightness is from 255 to 255"),
        (torch.zeros(1, 1), "no stroke that stands out"),
        (torch.eye(50) * 0 + 120 + torch.arange(50) % 8, "no stroke that stands out"),
        (torch.zeros(0, 5), r"expected uint8 of shape \(height, width\)"),
        (torch.zeros(4, 4, 5), r"1 to 4\), got torch.uint8 of shape \(4, 4, 5\)"),
    ],
)  # fmt: skip
def test_what_holds_no_digit_is_refused(image, words):
    with pytest.raises(DrawnError, match=words):
        digit_of(image.to(torch.uint8))
    speck = torch.full((50, 50), 255, dtype=torch.uint8)
    speck[25, 25] = 0
    with pytest.raises(DrawnError, match="no stroke"):
        digit_of(speck)


def test_shades_grow_with_the_ink():
    text = shades(torch.tensor([[0, 128, 255]], dtype=torch.uint8))
    assert text == "▕  ▒▒██▏"


def saved(image, path, mode, **options):
    """Save a page in one of Pillow's modes."""
    height, width = image.shape
    grey = Image.frombytes("L", (width, height), bytes(image.flatten().tolist()))
    if mode == "I;16":
        data = (image.long() * 257).flatten().tolist()
        made = Image.frombytes(mode, (width, height), struct.pack(f"<{len(data)}H", *data))
    else:
        made = grey.convert(mode)
    made.save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.png", "L"),
        ("a.png", "RGB"),
        ("a.png", "RGBA"),
        ("a.png", "P"),
        ("a.png", "LA"),
        ("a.png", "I;16"),
        ("a.tiff", "I;16"),
        ("a.tiff", "CMYK"),
        ("a.gif", "P"),
        ("a.bmp", "RGB"),
        ("a.ppm", "RGB"),
        ("a.webp", "RGB"),
        ("a.jpg", "RGB"),
    ],
)
def test_every_kind_of_picture_gives_the_same_digit(tmp_path, digits, name, mode):
    image = page(digits[3], paper=255, ink=0)
    options = {"lossless": True} if name == "a.webp" else {}
    made, _ = read_digit(saved(image, tmp_path / name, mode, **options))[:2]
    loss = 32 if name == "a.jpg" else 0
    assert (made.long() - digit_of(image)[0].long()).abs().max() <= loss


def test_a_picture_is_turned_made_smaller_and_the_first_of_several(tmp_path, digits):
    image = page(digits[3], paper=255, ink=0)
    made, _ = digit_of(image)[:2]
    path = saved(image, tmp_path / "a.png", "L")
    Image.open(path).rotate(90, expand=True).save(
        tmp_path / "turned.png", exif=exif_of(orientation=6)
    )
    turned, steps = read_digit(tmp_path / "turned.png")[:2]
    assert steps[0] == "turned as the camera says"
    assert torch.equal(turned, made)
    Image.open(path).resize((2400, 3200), Image.Resampling.NEAREST).save(tmp_path / "large.png")
    large, steps = read_digit(tmp_path / "large.png")[:2]
    assert steps[0] == "averaged 4×4 pixels into one"
    assert (large.long() - made.long()).abs().max() <= 3
    other = Image.new("L", (300, 400))
    Image.open(path).save(tmp_path / "moving.gif", save_all=True, append_images=[other])
    first, steps = read_digit(tmp_path / "moving.gif")[:2]
    assert steps[0] == "took the first of 2 pictures"
    assert torch.equal(first, made)


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def png(width, height, data=b""):
    """A PNG whose header promises what its data may not hold."""

    def chunk(kind, content):
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected a picture (PNG, "),
        (b"not a picture", "expected a picture (PNG, "),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "expected a picture (PNG, "),
        (png(7100, 7100), "expected at most 50,000,000 pixels, got 7100×7100"),
        (png(60000, 60000), "expected at most 50,000,000 pixels, got far more"),
        (png(50, 50, b"\0" * 99), "expected a picture that can be read, got: "),
        (png(0, 50), "expected a picture"),
        (b"P5\n6M 60\n255\n", "expected a complete picture, got a damaged one: invalid literal"),
        (png(1, 1, b"\0\0"), "no stroke that stands out"),
    ],
)
def test_a_file_that_is_no_picture_is_one_sentence(tmp_path, content, words):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(PictureError) as caught:
        read_digit(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.tiff", "a.webp", "a.bmp"])
def test_a_truncated_or_garbled_picture_is_one_sentence_or_right(tmp_path, digits, name):
    path = saved(page(digits[3], times=3, size=(60, 60), at=(9, 9)), tmp_path / name, "RGB")
    whole = path.read_bytes()
    rng = torch.Generator().manual_seed(0)
    places = torch.randint(0, len(whole), (40,), generator=rng).tolist()
    refused = 0
    for place in places:
        for content in (whole[:place], whole[:place] + b"\xff" + whole[place + 1 :]):
            path.write_bytes(content)
            try:
                image, _ = read_picture(path)
                assert image.ndim == 3
            except PictureError:
                refused += 1
    assert refused >= 20


def test_wrong_places(tmp_path):
    with pytest.raises(PictureError, match="expected a picture, got no such file"):
        read_digit(tmp_path / "none.png")
    with pytest.raises(PictureError, match="expected a picture, got another thing"):
        read_digit(tmp_path)
    deep = saved(torch.zeros(5, 5).byte(), tmp_path / "a.tiff", "F")
    with pytest.raises(PictureError, match="expected 8 or 16 bits a colour, got 32"):
        read_digit(deep)


@pytest.fixture
def model(rng):
    made = MODELS["fc-shared-aux"]
    params, _ = made.net.init(rng, (2, 14, 14))
    return ModelFile(made, params, 0.13, 0.31, {"round": 3})


def test_a_model_comes_back_from_its_file(tmp_path, model):
    (tmp_path / "m").write_bytes(pack(model))
    again = load(tmp_path / "m")
    assert again._replace(params=()) == model._replace(params=())
    assert all(map(torch.equal, tree.leaves(again.params), tree.leaves(model.params)))
    assert pack(again) == pack(model)
    half = pack(model, torch.float16)
    assert len(half) < 0.55 * len(pack(model))
    (tmp_path / "m").write_bytes(half)
    for near, leaf in zip(tree.leaves(load(tmp_path / "m").params), tree.leaves(model.params)):
        torch.testing.assert_close(near, leaf.half().float(), rtol=0, atol=0)


def edited(made, flat=None, **about):
    """The bytes of a file with other tensors or metadata than it should have."""
    told = {"model": made.model.name, "mean": 0.1, "deviation": 0.3, **about}
    told = {key: value for key, value in told.items() if value is not None}
    return safetensors.save(flat or tree.to_dict(made.params), {KEY: json.dumps(told)})


def header(entries, data=bytes(4)):
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


def hostile(model):
    """Files that are not what they should be, and what is said of each."""
    flat = tree.to_dict(model.params)
    first = next(iter(flat))
    yield b"", "expected a file of safetensors, got"
    yield b"\xff" * 100, "expected a file of safetensors, got"
    yield struct.pack("<Q", 2**40) + b"{}", "expected a file of safetensors, got"
    yield struct.pack("<Q", 2) + b"[]", "expected a file of safetensors, got"
    yield header({"\x1b[2J": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4]}}), "got: "
    yield header({"a": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 4]}}), "got: "
    yield header({k: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for k in "ab"}), "got: "
    yield pack(model)[:-1], "expected a file of safetensors, got"
    yield pack(model) + b"\0", "expected a file of safetensors, got"
    yield b"\x80\x04cos\nsystem\n", "expected a file of safetensors, got"
    yield bytes(MOST + 1), "expected at most 16,777,216 bytes, got 16,777,217"
    yield safetensors.save(flat), "expected a model of this study, with its name"
    yield safetensors.save(flat, {KEY: "[" * 9999}), "expected a model of this study, with its name"
    yield edited(model, mean=None), "mean: expected a number from -1,000,000 to 1,000,000, "
    yield (
        edited(model, model="resnet\x1b[2J"),
        r"expected a model of this study, got 'resnet\x1b[2J'",
    )
    yield edited(model, model=["fc"]), "expected a model of this study, got"
    yield edited(model, deviation=0), "deviation: expected a deviation above 0, got 0"
    yield (
        edited(model, mean=float("nan")),
        "mean: expected a number from -1,000,000 to 1,000,000, got nan",
    )
    yield edited(model, mean=True), "mean: expected a number from -1,000,000 to 1,000,000, got True"
    yield edited(model, model="conv-shared"), "expected no tensors but those of conv-shared, got"
    yield edited(model, {**flat, "a\nb": flat[first].clone()}), r"got one called 'a\nb'"
    yield (
        edited(model, {key: leaf for key, leaf in flat.items() if key != first}),
        f"expected a tensor {first}, it is not there",
    )
    yield (
        edited(model, {**flat, first: flat[first][:1].clone()}),
        f"expected {first} of fc-shared-aux to be F16 or F32 of shape",
    )
    yield edited(model, {**flat, first: flat[first].double()}), "got F64 of shape"
    yield edited(model, {**flat, first: flat[first] * torch.nan}), f"got others in {first}"
    yield edited(model, {**flat, first: flat[first] + torch.inf}), f"got others in {first}"


def test_a_hostile_file_is_one_sentence(tmp_path, model):
    path = tmp_path / "m.safetensors"
    for content, words in hostile(model):
        path.write_bytes(content)
        with pytest.raises(ModelFileError) as caught:
            load(path)
        assert re.match(
            rf"{re.escape(str(path))}: ((model|mean|deviation): )?expected", str(caught.value)
        )
        assert words in str(caught.value)
        assert str(caught.value).isprintable()
    with pytest.raises(ModelFileError, match="got no such file"):
        load(tmp_path / "none")
    with pytest.raises(ModelFileError, match="got another thing"):
        load(tmp_path)


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "Input/output error"), OSError("Input/output error")]
)
def test_a_model_on_a_disk_that_fails_is_one_sentence(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("safetensors.safe_open", fail)
    path = tmp_path / "m.safetensors"
    path.touch()
    with pytest.raises(ModelFileError) as caught:
        load(path)
    said = f"{path}: expected a file that can be read, got: Input/output error"
    assert str(caught.value) == said


def test_a_model_that_may_not_be_read_is_one_sentence(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    path = tmp_path / "m.safetensors"
    path.touch()
    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(ModelFileError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: expected a file that can be read, got: Permission denied"


def test_parameters_that_lead_to_no_number_are_one_sentence(model):
    huge = model._replace(params=tree.map(lambda leaf: leaf * 0 + 1e38, model.params))
    with pytest.raises(ModelFileError, match="that lead to no number"):
        ask(huge, torch.ones(14, 14).byte(), torch.ones(14, 14).byte())


def test_an_answer_is_the_models_own(model, digits):
    answer = ask(model, digits[2], digits[5])
    x = (torch.stack([digits[2], digits[5]]).float() / 255 - 0.13) / 0.31
    outputs, _ = model.model.net(model.params, x[None])
    assert answer.at_most == pytest.approx(float(outputs[0][0].softmax(-1)[1]), abs=1e-6)
    assert answer.digits[1] == pytest.approx(outputs[1][0, 1].softmax(-1).tolist(), abs=1e-6)
    plain = MODELS["fc-plain"]
    params, _ = plain.net.init(torch.Generator().manual_seed(0), (2, 14, 14))
    assert ask(model._replace(model=plain, params=params), digits[2], digits[5]).digits is None


def test_the_champion_knows_digits():
    """The first thousand of the test set, each a pair with the next."""
    model, (images, labels) = champion(), load_digits().test
    pairs = (images[:1000].float() / 255 - model.mean) / model.deviation
    outputs, _ = model.model.net(model.params, pairs.view(500, 2, 14, 14))
    assert (outputs[1].argmax(-1).flatten() != labels[:1000]).float().mean() < 0.03
    assert 0 < model.about["digit_error"] < 0.03


def test_the_champion_is_trained_as_it_says(monkeypatch):
    plain = MODELS["champion"]
    quick = plain._replace(recipe=plain.recipe._replace(epochs=1))
    monkeypatch.setitem(MODELS, "champion", quick)
    settings = Settings(train_pairs=30, test_pairs=20)
    made = train_champion(load_digits(), settings)
    assert made.about["settings"]["train_pairs"] == 30
    assert 0 < made.about["digit_error"] <= 1
    assert all(torch.equal(leaf, leaf.half().float()) for leaf in tree.leaves(made.params))


def test_compare_shows_both_digits_and_answers(tmp_path, digits):
    left = saved(page(digits[2], paper=255, ink=0), tmp_path / "[2].png", "L")
    right = saved(page(digits[7]), tmp_path / "7.png", "RGB")
    code, out, err = run("compare", left, right)
    assert code == 0, err
    assert out.startswith("left:\n  inverted: dark ink on light paper\n  ")
    assert len(re.findall(r"^  cropped to rows \d+–\d+, columns \d+–\d+$", out, re.M)) == 2
    assert out.count("inverted") == 1
    assert len(re.findall(r"^\|[ .:\-=+*#%@]{28}\|   \|[ .:\-=+*#%@]{28}\|$", out, re.M)) == 14
    assert re.search(r"^left: 2 \((over )?\d+\.\d+ %\)", out, re.M)
    assert re.search(r"^right: 7 \((over )?\d+\.\d+ %\)", out, re.M)
    assert re.search(r"^P\(left ≤ right\) = (over )?\d+\.\d+ %$", out, re.M)
    assert out.endswith("Yes: left ≤ right.\n")
    assert told("champion", ask(champion(), digits[7], digits[2]))[-1] == "No: left > right."


def test_compare_says_what_is_wrong(tmp_path, digits):
    good = saved(page(digits[2]), tmp_path / "2.png", "L")
    (tmp_path / "[b]bad.png").write_text("no picture")
    code, out, err = run("compare", good, tmp_path / "[b]bad.png")
    assert (code, out) == (2, "")
    assert f"Error: {tmp_path}/[b]bad.png: expected a picture (PNG, " in err
    code, out, err = run("compare", good, good, "--model", good)
    assert (code, out) == (2, "")
    assert f"Error: {good}: expected a file of safetensors, got: " in err


def test_missing_packages_are_one_sentence(tmp_path, monkeypatch, model):
    monkeypatch.setitem(sys.modules, "PIL", None)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(PictureError, match="pip install pillow"):
        read_picture(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(ModelFileError, match="pip install 'safetensors"):
        load(tmp_path / "a.png")
    with pytest.raises(ModelFileError, match="pip install 'safetensors"):
        pack(model)


def test_a_saved_model_is_there_before_its_row_and_gives_its_errors(tmp_path):
    """Told from the errors on the pairs of the round, which depend on seed and round alone."""
    args = ["pairs", "--models", "fc-shared-aux", "--epochs", 1, "--train-pairs", 60]
    args += ["--test-pairs", 200, "--out", tmp_path]
    code, _, err = run(*args, "--rounds", 1)
    assert code == 0, err
    assert not (tmp_path / "models").exists()
    code, _, err = run(*args, "--rounds", 3, "--save")
    assert code == 0, err
    assert "Of the rounds that are there already, 1 has no saved model." in err
    names = sorted(path.name for path in (tmp_path / "models").iterdir())
    assert names == ["fc-shared-aux-1.safetensors", "fc-shared-aux-2.safetensors"]
    rows = map(json.loads, (tmp_path / "rounds.jsonl").read_text().splitlines())
    row = next(row for row in rows if row["round"] == 2)
    kept = load(tmp_path / "models" / names[1])
    assert kept.about["round"] == 2
    settings = Settings(**kept.about["settings"])
    split = draw_split(load_digits(), 60, 200, generator(settings.seed, "pairs", 2))
    scaling = Scaling(torch.tensor(kept.mean), torch.tensor(kept.deviation))
    found = errors(kept.model, kept.params, scaling, split.test)
    assert found == (row["test_error"], row["digit_error"])


def test_details_and_model_are_kept_before_their_row(tmp_path, monkeypatch):
    """A kill in between leaves a round to be done again, never a row without its model."""
    settings = Settings(epochs=1, train_pairs=20, test_pairs=20)
    results = Results(tmp_path, settings, "package")
    model = tmp_path / "models" / "fc-shared-0.safetensors"
    there = []
    for name in ("add_details", "add_model", "add"):
        monkeypatch.setattr(results, name, spied(there, model, getattr(results, name)))
    with study.pool(1, None) as workers:
        for task, done in study.run(
            [study.Task("fc-shared", 0, settings)], workers, watched=True, saved=True
        ):
            study.keep(results, task, done)
    assert there == [("add_details", False), ("add_model", False), ("add", True)]
    assert model.stat().st_size > 4 * 65_000


def spied(there, model, method):
    """A method that tells whether the model is there already when it is called."""

    def call(*args):
        there.append((method.__name__, model.exists()))
        method(*args)

    return call


def test_saving_needs_a_folder():
    code, _, err = run("pairs", "--save")
    assert code == 2
    assert "expected --out too" in " ".join(err.split())


def test_saving_needs_a_package_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("pairs.model_file.find_spec", lambda name: name != "numpy")
    args = ["--models", "fc-plain", "--rounds", 1, "--epochs", 1, "--train-pairs", 20]
    code, out, err = run("pairs", *args, "--save", "--out", tmp_path / "r")
    assert (code, out) == (2, "")
    said = "models in files need the package safetensors: pip install 'safetensors[numpy]'"
    assert err == f"Error: {said}\n"
    assert not (tmp_path / "r").exists()
