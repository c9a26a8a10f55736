"""Every row of the table of cases as a page: complete, small, and right in both inner products."""

import pytest
from helpers import Page, same, seeded
from table import CASES, normal

import funcdl as f
from funcdl import tree
from funcdl.arguments import show

MOST = 300_000


def cotangent(y, rng):
    return tree.map(lambda t: normal(t.shape, rng) if t.is_floating_point() else None, y)


def names(layer):
    yield layer.name
    for part in () if repr(layer).endswith(", 0)") else layer.layers:  # repeated 0 times
        yield from names(part)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_row_of_the_table_is_a_page(case, rng):
    params, x = case.params(rng), case.inputs(rng)
    y, vjp = case.apply(params, x)
    dy = cotangent(y, rng)
    seen = f.trace(case.layer, params, x, dy, *case.generator())

    # What is shown is what the layer does where nobody watches.
    same(seen.root.y, y)
    for one, other in zip(tree.leaves((seen.root.dparams, seen.root.dx)), tree.leaves(vjp(dy))):
        assert one is other is None or one.sub(other).abs().max() <= 1e-12 * other.abs().max()

    agree(seen)
    text = seen.html()
    assert len(text.encode()) < MOST
    page = Page(text)
    alone(page, text)
    labels = "".join(page.text("label") + page.text("b") + page.text("h3"))
    for name in names(case.layer):
        assert name in labels
    shapes = "".join(page.text("span"))
    for applied in seen.forward:
        assert show(f.tree.leaves(applied.y)[0].shape).rstrip(")") in shapes
    numbered(page, seen)


def agree(seen):
    """Both inner products are the same for every layer, or it is said why there are none."""
    compared = 0
    for applied in seen.forward:
        found, note = seen.compared[applied]
        assert {one.of for one in found} == moved(applied) or note
        for one in found:
            assert one.agree, (applied.place, one)
            assert one.difference < 1e-6
            compared += 1
    assert compared or not seen.root.dy


def moved(applied):
    """What a derivative has to be compared along: what are floats and have a cotangent."""
    if applied.dy is None:
        return set()
    pairs = {"params": (applied.params, applied.dparams), "x": (applied.x, applied.dx)}
    return {
        of
        for of, (_, d) in pairs.items()
        if any(leaf is not None and leaf.numel() for leaf in tree.leaves(d))
    }


def alone(page, text):
    """There is no script, and nothing comes from elsewhere."""
    assert not {"script", "link", "iframe", "object", "a"} & {tag for tag, _ in page.tags}
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "srcset", "action"):
            assert value.startswith("data:image/png;base64,")
    style = "".join(page.text("style"))
    for reference in ("http", "url(", "@import", "//"):
        assert reference not in style
    assert "http" not in text


def numbered(page, seen):
    """Each step can be chosen, and each label leads to one."""
    steps = [each["id"] for each in page.all("input") if each["type"] == "radio"]
    assert len(steps) == len(seen.forward) + len(seen.backward) == len({*steps})
    assert {each["for"] for each in page.all("label") if "for" in each} <= {*steps}
    assert len(page.all("article")) == len(steps)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len({*ids})
    for picture in page.all("img"):
        assert picture["alt"].startswith("heat map of")


def test_a_stack_of_models_is_traced_as_one(rng):
    net = f.serial(f.linear(3), f.relu, f.linear(2))
    params = tree.stack([net.init(seeded(i), (4,))[0] for i in range(3)])
    x = normal((3, 5, 4), rng).float(), normal((3, 5, 2), rng).float()
    seen = f.trace(f.supervised(net, f.mse(models=1)), params, x)
    assert seen.root.y.shape == (3,)
    agree(seen)
    assert "(3, 4, 3)" in seen.html()
