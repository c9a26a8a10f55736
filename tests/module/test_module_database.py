"""PyTorch's own samples of its modules: each agrees, or is refused in the library's own words."""

import database
import pytest
import torch

pytest.importorskip("expecttest", reason="torch.testing._internal asks for it")

DTYPES = [torch.float64, torch.float32]


@pytest.fixture(scope="module")
def found():
    return {
        dtype: [(sample, database.outcome(sample, dtype)) for sample in database.samples(dtype)]
        for dtype in DTYPES
    }


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_each_sample_agrees_or_is_refused(found, dtype):
    # outcome() has compared them; what is refused is told in a sentence that begins with its name.
    for sample, words in found[dtype]:
        assert words == database.AGREES or words.startswith(f"{sample.name}"), sample
        assert words == database.AGREES or ": expected " in words, words


def test_the_dtype_makes_no_difference(found):
    double, single = ([words for _, words in found[dtype]] for dtype in DTYPES)
    assert [words == database.AGREES for words in double] == [
        words == database.AGREES for words in single
    ]


def test_nine_of_ten_agree(found):
    words = [words for _, words in found[torch.float64]]
    assert len(words) > 550
    assert words.count(database.AGREES) >= 0.9 * len(words)


@pytest.mark.skipif(
    not torch.__version__.startswith("2.13."), reason="another PyTorch has other samples"
)
def test_the_table_of_the_docs_is_that_of_now(found):
    assert database.table(found[torch.float64]) in database.PAGE.read_text()
