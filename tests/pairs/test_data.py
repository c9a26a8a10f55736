from __future__ import annotations

import gzip
import hashlib
import lzma
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from helpers import idx, random_images, random_labels, raw, write_originals
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pairs.data import (
    DataError,
    Digits,
    Mnist,
    draw_pairs,
    draw_split,
    halve,
    load_digits,
    read_digits,
    read_idx,
)
from pairs.data import build as build_module
from pairs.data.build import build, main, verify_originals
from pairs.data.digits import CHECKSUM, PACKED, TEST_FILES, TRAIN_FILES
from pairs.data.idx import LIMIT
from pairs.data.packed import FILTER, checksum, pack, unpack, verify

ROOT = Path(__file__).parents[2]
ORIGINALS = ROOT.parent / "shared" / "mnist"
needs_originals = pytest.mark.skipif(
    not ORIGINALS.is_dir(), reason="MNIST's original files are not at ../shared/mnist"
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def same(a: Mnist, b: Mnist) -> bool:
    return all(
        x.dtype == y.dtype and torch.equal(x, y)
        for left, right in zip(a, b, strict=True)
        for x, y in zip(left, right, strict=True)
    )


def numbered(count: int, first: int = 0) -> Digits:
    """Digits whose first two pixels spell a number of their own."""
    number = torch.arange(first, first + count)
    images = torch.zeros(count, 14, 14, dtype=torch.uint8)
    images[:, 0, 0] = number % 256
    images[:, 0, 1] = number // 256
    return Digits(images, (number * 7 + 3) % 10)


def numbers(images: Tensor) -> list[int]:
    """Return which of the `numbered` digits a pair's images are, flattened."""
    pixels = (images * 255).round().long()
    return [int(n) for n in (pixels[..., 0, 0] + 256 * pixels[..., 0, 1]).flatten()]


# One IDX file


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("values", [random_images(3, 28, 1), random_labels(11, 2)])
def test_an_idx_file_reads_as_written(
    tmp_path: Path, values: Tensor, compress: Callable[[bytes], bytes]
) -> None:
    # The name promises nothing: gzip is told by the content.
    for name in ("file", "file.gz"):
        (tmp_path / name).write_bytes(compress(idx(values)))
        read = read_idx(tmp_path / name, values.ndim)
        assert read.dtype == torch.uint8
        assert torch.equal(read, values)


def test_a_path_may_be_a_string(tmp_path: Path) -> None:
    (tmp_path / "labels").write_bytes(idx(random_labels(4, 0)))
    assert read_idx(str(tmp_path / "labels"), 1).shape == (4,)


LABELS = torch.tensor([3, 1, 4], dtype=torch.uint8)
BAD_FILES = [
    (b"", 1, "expected a header of 8 bytes, got 0"),
    (b"\x00\x00", 1, "expected a header of 8 bytes, got 2"),
    (idx(LABELS)[:7], 1, "expected a header of 8 bytes, got 7"),
    (idx(LABELS), 3, "expected the magic number 0x00000803, got 0x00000801"),
    (b"a text, not an IDX file", 1, "expected the magic number 0x00000801, got 0x61207465"),
    (idx(LABELS)[:-1], 1, "expected 3 = 3 bytes of data, got 2"),
    (idx(LABELS)[:8], 1, "expected 3 = 3 bytes of data, got 0"),
    (idx(LABELS) + b"\x00", 1, "expected 3 = 3 bytes of data, got more"),
    (idx(LABELS[:0]), 1, f"expected 1 to {LIMIT} bytes of data, got a header for 0"),
    (
        struct.pack(">4I", 0x803, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        3,
        f"expected 1 to {LIMIT} bytes of data, got a header for 4294967295x4294967295x4294967295",
    ),
]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize(("content", "ndim", "message"), BAD_FILES)
def test_a_bad_idx_file_is_one_sentence(
    tmp_path: Path, content: bytes, ndim: int, message: str, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "bad"
    path.write_bytes(compress(content))
    with pytest.raises(DataError) as caught:
        read_idx(path, ndim)
    assert str(caught.value) == f"{path}: {message}"


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: expected a readable file, got: No such file"):
        read_idx(tmp_path / "none", 1)
    with pytest.raises(DataError, match="expected a readable file, got: Is a directory"):
        read_idx(tmp_path, 1)


def test_a_damaged_gzip_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "labels.gz"
    good = gzip.compress(idx(LABELS), mtime=0)
    wrong_crc = good[:-8] + bytes([good[-8] ^ 1]) + good[-7:]
    for bad in (b"\x1f\x8b", good[:-1], good[:12], wrong_crc, good + b"more"):
        path.write_bytes(bad)
        with pytest.raises(
            DataError, match=r"labels\.gz: expected a complete gzip file, got a damaged"
        ):
            read_idx(path, 1)


@pytest.mark.parametrize("values", [random_images(2, 4, 3), random_labels(20, 4)])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_every_truncation_is_an_error(
    tmp_path: Path, values: Tensor, compress: Callable[[bytes], bytes]
) -> None:
    content = compress(idx(values))
    path = tmp_path / "short"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match="short: expected"):
            read_idx(path, values.ndim)


@pytest.mark.parametrize("values", [random_images(2, 4, 3), random_labels(20, 4)])
def test_every_change_of_the_header_is_an_error(tmp_path: Path, values: Tensor) -> None:
    content = idx(values)
    path = tmp_path / "flipped"
    for place in range(4 * (1 + values.ndim)):
        for change in (1, 2, 4, 8, 16, 32, 64, 128, 255):
            flipped = bytearray(content)
            flipped[place] ^= change
            path.write_bytes(flipped)
            with pytest.raises(DataError, match="flipped: expected"):
                read_idx(path, values.ndim)


def test_every_flip_in_a_gzip_file_is_an_error_or_harmless(tmp_path: Path) -> None:
    values = random_labels(20, 4)
    content = gzip.compress(idx(values), mtime=0)
    path = tmp_path / "flipped"
    harmless = 0
    for place in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            try:
                read = read_idx(path, 1)
            except DataError as error:
                assert str(error).startswith(f"{path}: expected")  # noqa: PT017
            else:
                harmless += 1
                assert torch.equal(read, values)
    assert 0 < harmless < 100  # the time stamp and the like


@given(content=st.binary(max_size=64), ndim=st.sampled_from([1, 3]))
def test_any_bytes_give_a_tensor_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, ndim: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    for prefix in (b"", struct.pack(">I", 0x800 + ndim), b"\x1f\x8b\x08\x00"):
        path.write_bytes(prefix + content)
        try:
            assert read_idx(path, ndim).ndim == ndim
        except DataError as error:
            assert str(error).startswith(f"{path}: expected")  # noqa: PT017


def peak_of(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_follows_the_bytes_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "promise"
    path.write_bytes(struct.pack(">4I", 0x803, LIMIT // 784, 28, 28) + b"few")
    assert peak_of(lambda: read_idx(path, 3)) < 4e6


def test_a_gzip_bomb_is_read_no_further_than_its_header_says(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(idx(LABELS) + bytes(50_000_000), 1))
    assert peak_of(lambda: read_idx(path, 1)) < 4e6


# Halving


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_halving_is_the_rounded_mean(count: int, height: int, width: int, seed: int) -> None:
    images = torch.randint(
        256, (count, 2 * height, 2 * width), dtype=torch.uint8, generator=seeded(seed)
    )
    kept = images.clone()
    halved = halve(images)
    assert halved.dtype == torch.uint8
    assert halved.tolist() == [
        [
            [
                (sum(int(image[2 * r + i, 2 * c + j]) for i in (0, 1) for j in (0, 1)) + 2) // 4
                for c in range(width)
            ]
            for r in range(height)
        ]
        for image in images
    ]
    assert torch.equal(images, kept)


def test_halving_white_stays_white() -> None:
    assert int(halve(torch.full((1, 2, 2), 255, dtype=torch.uint8))) == 255


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(1, 2, 2),
        torch.zeros(1, 3, 2, dtype=torch.uint8),
        torch.zeros(1, 2, 3, dtype=torch.uint8),
        torch.zeros(2, dtype=torch.uint8),
    ],
)
def test_what_cannot_be_halved(images: Tensor) -> None:
    with pytest.raises(DataError, match="images: expected uint8 with two even sides, got torch"):
        halve(images)


# A folder of four files


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("place", ["", "MNIST/raw"])
def test_a_folder_reads_as_written(tmp_path: Path, place: str, zipped: bool) -> None:
    write_originals(tmp_path / place, zipped=zipped)
    mnist = read_digits(tmp_path)
    for digits, count in ((mnist.train, 7), (mnist.test, 5)):
        assert torch.equal(digits.images, halve(random_images(count, 28, count)))
        assert torch.equal(digits.labels, random_labels(count, count).long())
        assert digits.labels.dtype == torch.int64
    assert same(mnist, read_digits(str(tmp_path)))


@pytest.mark.parametrize("name", [*TRAIN_FILES, *TEST_FILES])
def test_a_folder_without_one_of_the_files(tmp_path: Path, name: str) -> None:
    write_originals(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DataError) as caught:
        read_digits(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: expected {name} or {name}.gz, got neither, there or in MNIST/raw"
    )


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none: expected train-images.*, got no such folder$"):
        read_digits(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (TRAIN_FILES[0], random_images(7, 14, 0), "expected images of 28x28, got 14x14"),
        (TEST_FILES[1], torch.tensor([0, 9, 10, 3, 4]), "expected labels from 0 to 9, got 10"),
        (TRAIN_FILES[1], random_labels(6, 0), "expected 7 labels, one for each image of"),
        (TEST_FILES[0], random_images(4, 28, 0), "expected 4 labels, one for each image of"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, name: str, values: Tensor, message: str) -> None:
    write_originals(tmp_path)
    (tmp_path / name).write_bytes(idx(values))
    with pytest.raises(DataError, match=message) as caught:
        read_digits(tmp_path)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


# The packed format


def small() -> tuple[Tensor, Tensor]:
    return random_images(3, 14, 5), random_labels(3, 5).long()


def test_unpacking_undoes_packing() -> None:
    images, labels = small()
    packed = pack(images, labels)
    assert packed == pack(images.clone(), labels.clone())
    read_images, read_labels = unpack(packed, 3, "here")
    assert torch.equal(read_images, images)
    assert torch.equal(read_labels, labels)
    assert (read_images.dtype, read_labels.dtype) == (torch.uint8, torch.int64)
    assert read_images.is_contiguous()


def test_the_packed_layout_is_the_documented_one() -> None:
    images, labels = small()
    plain = lzma.decompress(pack(images, labels))
    blocks = [
        raw(images[i, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2])
        for row in range(7)
        for column in range(7)
        for i in range(3)
    ]
    assert plain == raw(labels) + b"".join(blocks)


@pytest.mark.parametrize(("count", "came"), [(2, "more"), (4, "591")])
def test_packed_digits_of_another_count(count: int, came: str) -> None:
    with pytest.raises(DataError) as caught:
        unpack(pack(*small()), count, "here")
    assert str(caught.value) == (
        f"here: expected {197 * count} bytes for {count} digits, got {came}"
    )


def test_every_truncation_of_packed_digits_is_an_error() -> None:
    packed = pack(*small())
    for length in range(len(packed)):
        with pytest.raises(DataError, match="here: expected"):
            unpack(packed[:length], 3, "here")


def test_every_changed_byte_of_packed_digits_is_an_error_or_harmless() -> None:
    images, labels = small()
    packed = pack(images, labels)
    for place in range(len(packed)):
        flipped = bytearray(packed)
        flipped[place] ^= 0xFF
        try:
            read_images, read_labels = unpack(bytes(flipped), 3, "here")
        except DataError as error:
            assert str(error).startswith("here: expected")  # noqa: PT017
        else:
            assert torch.equal(read_images, images)
            assert torch.equal(read_labels, labels)


def test_a_checksum_is_that_of_sha256sum() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert checksum(b"") == empty
    verify(b"", f"{empty}  {PACKED}\n", "here")
    with pytest.raises(DataError, match=f"^here: expected the SHA-256 {empty}, got 2d711642b726"):
        verify(b"x", empty, "here")


# The embedded digits


@pytest.fixture(scope="module")
def embedded() -> Mnist:
    return load_digits()


def test_the_embedded_digits_have_mnist_s_shape(embedded: Mnist) -> None:
    for digits, count, counts in (
        (embedded.train, 60_000, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        (embedded.test, 10_000, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ):
        assert digits.images.shape == (count, 14, 14)
        assert digits.images.dtype == torch.uint8
        assert digits.labels.dtype == torch.int64
        assert digits.labels.bincount().tolist() == counts
        assert int(digits.images.min()) == 0
        assert int(digits.images.max()) == 255
    assert embedded.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert embedded.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


@needs_originals
def test_the_embedded_digits_are_the_original_ones(embedded: Mnist) -> None:
    assert same(embedded, read_digits(ORIGINALS))


@pytest.fixture
def package_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `load_digits` read a folder that a test may spoil."""
    for name in (PACKED, CHECKSUM):
        (tmp_path / name).write_bytes((ROOT / "pairs" / "data" / name).read_bytes())
    monkeypatch.setattr("pairs.data.digits.files", lambda _: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:-1],
        lambda content: content[:1000],
        lambda content: b"",
        lambda content: content + b"\x00",
        lambda content: content[:2_000_000] + b"!" + content[2_000_001:],
    ],
)
def test_a_spoilt_package_file(package_copy: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = package_copy / PACKED
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError) as caught:
        load_digits()
    expected = (package_copy / CHECKSUM).read_text().split()[0]
    assert str(caught.value) == (
        f"{path}: expected the SHA-256 {expected}, got {checksum(path.read_bytes())}"
    )


@pytest.mark.parametrize("line", [b"", b"\n", b"\xff\xfe", b"0" * 64 + b"  mnist14.xz\n"])
def test_a_spoilt_checksum(package_copy: Path, line: bytes) -> None:
    (package_copy / CHECKSUM).write_bytes(line)
    with pytest.raises(DataError, match="expected the SHA-256"):
        load_digits()


@pytest.mark.parametrize("name", [PACKED, CHECKSUM])
def test_a_missing_package_file(package_copy: Path, name: str) -> None:
    (package_copy / name).unlink()
    with pytest.raises(DataError, match="the package's digits and their checksum, got: No such"):
        load_digits()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a text, not an .xz stream", "expected an .xz stream"),
        (pack(*small()), "for 70000 digits, got 591$"),
    ],
)
def test_another_file_with_its_own_checksum(
    package_copy: Path, content: bytes, message: str
) -> None:
    (package_copy / PACKED).write_bytes(content)
    (package_copy / CHECKSUM).write_text(checksum(content))
    with pytest.raises(DataError, match=message):
        load_digits()


# Building


@needs_originals
def test_building_is_deterministic_and_gives_the_embedded_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FILTER, "preset", 0)  # the same bytes inside, in a tenth of the time
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        assert build(ORIGINALS, folder) == folder / PACKED
    first, second = ((folder / PACKED).read_bytes() for folder in folders)
    assert first == second
    for folder in folders:
        assert (folder / CHECKSUM).read_text() == f"{checksum(first)}  {PACKED}\n"
    shipped = (ROOT / "pairs" / "data" / PACKED).read_bytes()
    assert lzma.decompress(first) == lzma.decompress(shipped)


@needs_originals
def test_building_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_module, "pack", lambda images, labels: b"")
    with pytest.raises(
        DataError, match=r"none/mnist14\.xz: expected a writable file, got: No such"
    ):
        build(ORIGINALS, tmp_path / "none")


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four small files in a folder, as if they were the published ones."""
    folder = tmp_path / "published"
    write_originals(folder)
    for name in build_module.MD5:
        digest = hashlib.md5((folder / name).read_bytes(), usedforsecurity=False)
        monkeypatch.setitem(build_module.MD5, name, digest.hexdigest())
    return folder


def test_a_built_file_holds_both_sets_and_says_where_it_is(
    published: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(build_module, "build", partial(build, out_dir=tmp_path))
    assert main([str(published)]) == 0
    path = tmp_path / PACKED
    packed = path.read_bytes()
    assert capsys.readouterr() == (f"{path}: {len(packed)} bytes\n", "")
    assert (tmp_path / CHECKSUM).read_text() == f"{checksum(packed)}  {PACKED}\n"
    images, labels = unpack(packed, 12, "built")
    train, test = read_digits(published)
    assert torch.equal(images, torch.cat((train.images, test.images)))
    assert torch.equal(labels, torch.cat((train.labels, test.labels)))


def test_a_file_that_cannot_be_built_is_one_sentence(
    published: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    none = tmp_path / "none"
    monkeypatch.setattr(build_module, "build", partial(build, out_dir=none))
    assert main([str(published)]) == 2
    said = f"{none / PACKED}: expected a writable file, got: No such file or directory\n"
    assert capsys.readouterr() == ("", said)


def test_building_from_other_files(tmp_path: Path) -> None:
    write_originals(tmp_path, zipped=True)
    with pytest.raises(
        DataError, match=r"ubyte\.gz: expected the MD5 6bbc9ace898e44ae57da46a32403"
    ):
        verify_originals(tmp_path)
    (tmp_path / (TRAIN_FILES[0] + ".gz")).write_bytes(b"\x1f\x8bno")
    with pytest.raises(DataError, match="expected a complete gzip file"):
        verify_originals(tmp_path)


@pytest.mark.parametrize(
    "arguments", [[], ["a", "b"], ["--help-me"], ["no-such-folder"], [str(ROOT)]]
)
def test_bad_arguments_are_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "expected" in err


# Drawing


@given(st.integers(2, 40), st.data())
def test_drawn_pairs_are_of_distinct_digits_and_say_what_they_are(
    size: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, size // 2))
    seed = data.draw(st.integers(0, 2**32))
    digits = numbered(size)
    pairs = draw_pairs(digits, count, seeded(seed))
    assert pairs.images.shape == (count, 2, 14, 14)
    assert pairs.images.dtype == torch.float32
    assert (pairs.target.shape, pairs.target.dtype) == ((count,), torch.int64)
    assert (pairs.classes.shape, pairs.classes.dtype) == ((count, 2), torch.int64)
    drawn = numbers(pairs.images)
    assert len(set(drawn)) == 2 * count
    assert pairs.classes.flatten().tolist() == [int(digits.labels[n]) for n in drawn]
    assert pairs.target.tolist() == [int(a <= b) for a, b in pairs.classes.tolist()]
    again = draw_pairs(digits, count, seeded(seed))
    assert all(torch.equal(a, b) for a, b in zip(pairs, again, strict=True))


def test_pixels_are_scaled_to_one() -> None:
    digits = Digits(torch.full((2, 14, 14), 255, dtype=torch.uint8), torch.tensor([4, 4]))
    pairs = draw_pairs(digits, 1, seeded())
    assert bool((pairs.images == 1).all())
    assert pairs.target.tolist() == [1]


def test_the_whole_set_can_be_drawn_and_each_seed_draws_another_order() -> None:
    first, second = (draw_pairs(numbered(300), 150, seeded(seed)) for seed in (1, 2))
    assert sorted(numbers(first.images)) == list(range(300))
    assert numbers(first.images) != numbers(second.images)


def test_drawing_moves_its_generator_and_no_other() -> None:
    before, rng = torch.get_rng_state(), seeded()
    digits = numbered(20)
    kept = Digits(digits.images.clone(), digits.labels.clone())
    first, second = (draw_pairs(digits, 5, rng) for _ in range(2))
    assert numbers(first.images) != numbers(second.images)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(digits, kept, strict=True))


@pytest.mark.parametrize("count", [0, -1, 6, True, 2.0, "2", None])
def test_a_count_that_cannot_be_drawn(count: int) -> None:
    message = f"expected an integer from 1 to 5, got {count!r}"
    mnist = Mnist(numbered(16), numbered(10, 16))  # five of the sixteen are kept for validation
    kept = "; every third digit is kept for validation"
    for call, name, why in (
        (lambda: draw_pairs(mnist.test, count, seeded()), "count", ""),
        (lambda: draw_split(mnist, count, 1, seeded()), "train_count", kept),
        (lambda: draw_split(mnist, 1, count, seeded()), "test_count", ""),
    ):
        with pytest.raises(DataError) as caught:
            call()
        assert str(caught.value) == f"{name}: {message}{why}"


def test_torch_s_global_generator_is_never_drawn_from() -> None:
    with pytest.raises(DataError, match=r"rng: expected a torch\.Generator, got None"):
        draw_pairs(numbered(4), 1, None)  # type: ignore[arg-type]


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32))
def test_a_split_draws_each_part_from_its_set(train: int, test: int, seed: int) -> None:
    mnist = Mnist(numbered(40), numbered(20, first=40))
    split = draw_split(mnist, train, test, seeded(seed))
    assert len(split.train.target) == train
    assert len(split.test.target) == test
    kept = set(range(2, 40, 3))
    assert len(set(numbers(split.train.images))) == 2 * train
    assert set(numbers(split.train.images)) <= set(range(40)) - kept
    assert set(numbers(split.test.images)) <= set(range(40, 60))
    ours = torch.tensor(sorted(set(range(40)) - kept))
    left = Digits(mnist.train.images[ours], mnist.train.labels[ours])
    alone = draw_pairs(left, train, seeded(seed))
    for a, b in zip(split.train, alone, strict=True):
        assert torch.equal(a, b)
    if train + test > 6:
        with pytest.raises(DataError, match="test_count: expected"):
            draw_split(mnist, train, test, seeded(seed), validation=True)
        return
    tuning = draw_split(mnist, train, test, seeded(seed), validation=True)
    drawn = numbers(tuning.train.images) + numbers(tuning.test.images)
    assert len(set(drawn)) == 2 * (train + test)
    assert set(drawn) <= kept
    again = draw_split(mnist, train, test, seeded(seed), validation=True)
    assert all(torch.equal(a, b) for a, b in zip(tuning.test, again.test, strict=True))


def test_validation_pairs_are_what_training_leaves() -> None:
    """Of the third that is kept for them; some are left to test on, always."""
    mnist = Mnist(numbered(60), numbered(20, 60))
    assert len(draw_split(mnist, 8, 2, seeded(), validation=True).test.target) == 2
    with pytest.raises(DataError, match=r"test_count: expected .* from 1 to 2, got 3$"):
        draw_split(mnist, 8, 3, seeded(), validation=True)
    with pytest.raises(DataError, match=r"train_count: expected .* from 1 to 9, got 10$"):
        draw_split(mnist, 10, 1, seeded(), validation=True)


def test_the_embedded_digits_make_a_thousand_pairs_of_each(embedded: Mnist) -> None:
    split = draw_split(embedded, 1000, 1000, seeded())
    for pairs in split:
        assert pairs.images.shape == (1000, 2, 14, 14)
        assert float(pairs.images.min()) == 0
        assert float(pairs.images.max()) == 1
        # P(a <= b) is 0.55 for two digits drawn evenly.
        assert 0.5 < float(pairs.target.float().mean()) < 0.6


def test_the_build_script_runs_as_a_module(tmp_path: Path) -> None:
    write_originals(tmp_path)
    ran = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-m", "pairs.data.build", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].startswith(str(tmp_path))
