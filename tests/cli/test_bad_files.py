"""Files from a bad day: every byte turned, every length cut, rows of other times, two runs at once."""

import gzip
import json
import multiprocessing
import struct

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import funcdl as f
from funcdl import tree
from pairs.data import DataError
from pairs.data.idx import read_idx
from pairs.data.packed import pack, unpack
from pairs.rates import rate
from pairs.results import Results, ResultsError
from pairs.training import Row, Settings

SHAPE = (3, 2, 2)
PLAIN = struct.pack(">IIII", 0x803, *SHAPE) + bytes(range(12))
ZIPPED = gzip.compress(PLAIN, mtime=0)


def outcome(path, content, ndim=3):
    """What is read, or None for one sentence that names the file."""
    path.write_bytes(content)
    try:
        return read_idx(path, ndim)
    except DataError as error:
        text = str(error)
    assert text.startswith(str(path))
    assert "\n" not in text
    return None


def test_every_flip_of_a_byte_of_the_header_is_noticed(tmp_path):
    for place in range(16):
        for bit in range(8):
            content = bytearray(PLAIN)
            content[place] ^= 1 << bit
            assert outcome(tmp_path / "x", bytes(content)) is None, (place, bit)


def test_every_length_of_a_file_but_its_own_is_refused(tmp_path):
    for whole in (PLAIN, ZIPPED):
        for length in range(len(whole)):
            assert outcome(tmp_path / "x", whole[:length]) is None, length
        assert outcome(tmp_path / "x", whole) is not None
    assert outcome(tmp_path / "x", PLAIN + b"\0") is None


def test_a_turned_bit_of_a_gzipped_file_is_noticed_or_changes_nothing(tmp_path):
    right = outcome(tmp_path / "x", ZIPPED)
    for place in range(len(ZIPPED)):
        content = bytearray(ZIPPED)
        content[place] ^= 0xFF
        found = outcome(tmp_path / "x", bytes(content))
        assert found is None or torch.equal(found, right), place


def test_a_turned_bit_of_packed_digits_is_noticed_or_changes_nothing():
    images = torch.randint(0, 256, (20, 14, 14), dtype=torch.uint8)
    labels = torch.arange(20) % 10
    packed = pack(images, labels)
    for place in range(0, len(packed), 7):
        content = bytearray(packed)
        content[place] ^= 0x10
        try:
            found = unpack(bytes(content), 20, "digits")
        except DataError:
            continue
        assert torch.equal(found[0], images), place
        assert torch.equal(found[1], labels), place
    for length in range(0, len(packed), 11):
        with pytest.raises(DataError, match=r"^digits: expected"):
            unpack(packed[:length], 20, "digits")


LIKE = {"w": torch.zeros(2, 3), "b": [torch.zeros(3), ()]}


@given(
    changes=st.dictionaries(
        st.sampled_from(["w", "b.0", "b.1", "", "w.w", "b"]),
        st.sampled_from(
            [None, 3, torch.zeros(3, 2), torch.zeros(2, 3).double(), torch.zeros(3), torch.ones(2, 3)]
        ),
    )
)  # fmt: skip
def test_a_flat_dictionary_fits_or_is_refused(changes):
    flat = {**tree.to_dict(LIKE), **changes}
    fits = set(flat) == {"w", "b.0"} and all(
        isinstance(flat[key], torch.Tensor)
        and (flat[key].shape, flat[key].dtype) == (leaf.shape, leaf.dtype)
        for key, leaf in tree.to_dict(LIKE).items()
    )
    if fits:
        assert tree.from_dict(flat, LIKE)["w"] is flat["w"]
    else:
        with pytest.raises(f.FuncdlError, match=r"^from_dict: expected"):
            tree.from_dict(flat, LIKE)


SETTINGS = Settings()
ROW = Row(**{**dict.fromkeys(Row._fields, 0), **Row._field_defaults})


def begun(folder):
    """A folder of results with one row."""
    results = Results(folder, SETTINGS, "package")
    results.add(ROW._replace(model="fc-plain", lr=rate("fc-plain")))
    results.finish()
    return folder / "rounds.jsonl"


def test_half_a_row_at_the_end_is_cut_off(tmp_path):
    rows = begun(tmp_path)
    whole = rows.read_bytes()
    for length in range(1, len(whole)):
        rows.write_bytes(whole + whole[:length])
        assert len(Results(tmp_path, SETTINGS, "package").rows) == 1
        assert rows.read_bytes() == whole


@pytest.mark.parametrize("change", ["missing", "unknown", "list", "text"])
def test_a_row_from_another_version_is_one_sentence(tmp_path, change):
    rows = begun(tmp_path)
    row = json.loads(rows.read_text())
    if change == "missing":
        del row["test_error"]
    elif change == "unknown":
        row["colour"] = "blue"
    text = {"list": "[1, 2]", "text": "not JSON"}.get(change, json.dumps(row))
    rows.write_text(text + "\n")
    with pytest.raises(ResultsError) as caught:
        Results(tmp_path, SETTINGS, "package")
    assert str(caught.value).startswith(str(rows))
    assert "\n" not in str(caught.value)


def hold(folder, ready, done):
    results = Results(folder, SETTINGS, "package")
    ready.set()
    done.wait(60)
    results.finish()


def test_a_folder_belongs_to_one_run_at_a_time(tmp_path):
    pytest.importorskip("fcntl", reason="there are no such locks here")
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, ready, done))
    other.start()
    try:
        assert ready.wait(60)
        with pytest.raises(ResultsError, match="expected a folder of its own, another run has it"):
            Results(tmp_path, SETTINGS, "package")
        other.kill()  # the lock ends with the process, as after kill -9
        other.join()
        Results(tmp_path, SETTINGS, "package")
    finally:
        other.kill()
