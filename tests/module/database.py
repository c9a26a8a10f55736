"""PyTorch's own database of modules, asked of ours: what agrees, and what is refused.

`python tests/module/database.py` writes the table in `docs/modules.md` anew.
"""

import copy
import inspect
import re
import sys
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import torch

import funcdl as f
from funcdl import tree
from funcdl.interop.rules import rules_of

PAGE = Path(__file__).parent.parent.parent / "docs" / "modules.md"
BEGIN, END = "<!-- the database's table -->\n", "<!-- its end -->\n"
AGREES = "agrees"


class Sample(NamedTuple):
    """One row of the database: how a module is made, and what it is given.

    Attributes:
        name: of the class.
        made: positional and named arguments.
        given: those of the forward pass.
        training: whether in training mode.
        place: among the samples of the class.
    """

    name: str
    made: tuple[Any, Any]
    given: tuple[Any, Any]
    training: bool
    place: int = 0

    def __str__(self):
        args, kwargs = self.made
        text = ", ".join([*map(_word, args), *(f"{k}={_word(v)}" for k, v in kwargs.items())])
        return f"{self.name}({text}) {'' if self.training else 'in eval '}{self.place}"


def _word(value):
    return str(tuple(value.shape)) if isinstance(value, torch.Tensor) else repr(value)


def samples(dtype):
    """List the samples of the classes that we have, with PyTorch's own inputs."""
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        found = [*new_samples(dtype), *old_samples(dtype)]
    counts = Counter()
    for i, sample in enumerate(found):
        found[i] = sample._replace(place=counts[sample.name])
        counts[sample.name] += 1
    return found


def new_samples(dtype):
    """List those of `common_modules.module_db`."""
    from torch.testing._internal.common_modules import module_db

    for info in module_db:
        name = info.name.rpartition(".")[2]
        if not hasattr(f, name):
            continue
        for training in (True, False) if info.train_and_eval_differ else (True,):
            torch.manual_seed(0)
            for row in info.module_inputs_func(
                info, device="cpu", dtype=dtype, requires_grad=False, training=training
            ):
                made, given = row.constructor_input, row.forward_input
                how = (made.args, made.kwargs), (given.args, given.kwargs)
                yield Sample(name, *how, training)


class Recorded(NamedTuple):
    """What a constructor of the database was called with."""

    name: str
    args: Any
    kwargs: Any


def recorder(name):
    return lambda *args, **kwargs: Recorded(name, args, kwargs)


def old_samples(dtype):
    """List those of `common_nn`: its tests of modules and of criterions."""
    from torch.testing._internal import common_nn

    torch.manual_seed(0)
    rows = [*common_nn.get_new_module_tests(), *common_nn.module_tests]
    ours = {name: recorder(name) for name in f.__all__ if hasattr(torch.nn, name)}
    for row in [*rows, *common_nn.criterion_tests]:
        if "constructor" in row:
            with patch.multiple(torch.nn, **ours):
                made = row["constructor"]()
        else:
            args = row.get("constructor_args", ())
            made = Recorded(row["module_name"], args, {})
        if not isinstance(made, Recorded) or made.name not in ours:
            continue
        inputs = [value_of(row, "input", dtype)]
        if "target_fn" in row or "target_size" in row:
            inputs.append(value_of(row, "target", dtype))
        flat = tuple(x for part in inputs for x in (part if isinstance(part, tuple) else (part,)))
        yield Sample(made.name, (made.args, made.kwargs), (flat, {}), True)


def value_of(row, what, dtype):
    """Make an input, or a target, in a dtype; integers stay as they are."""
    value = row[f"{what}_fn"]() if f"{what}_fn" in row else torch.rand(row[f"{what}_size"])
    return tree.map(lambda t: t.to(dtype) if t.is_floating_point() else t, value)


def outcome(sample, dtype):
    """Return AGREES, or the sentence by which the sample is refused.

    Raises:
        AssertionError: a number differs.
    """
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore", UserWarning)
        theirs = made(torch.nn, sample, dtype)
        try:
            ours = made(f, sample, dtype)
            start(ours, theirs)
            inputs, named = cloned(sample.given)
            y = ours(*inputs, **named)
            back = ours.backward() if is_loss(ours) else ours.backward(*cotangents(y))
        except f.FuncdlError as error:
            return str(error)
        compare(ours, theirs, sample, y, back)
    return AGREES


def made(library, sample, dtype):
    """Make the module, with the same seed each time."""
    torch.manual_seed(1)
    args, kwargs = sample.made
    if library is f:
        args = [own_layer(arg) if isinstance(arg, torch.nn.Module) else arg for arg in args]
    kind = getattr(library, sample.name)
    # torch's recurrent modules hide their arguments.
    takes = sample.name in ("GRU", "LSTM", "RNN") or "dtype" in inspect.signature(kind).parameters
    module = kind(*args, **{**kwargs, **({"dtype": dtype} if takes else {})})
    return module.train(sample.training)


def own_layer(theirs):
    """Make our layer of a transformer for theirs, which a stack is made of."""
    ours = getattr(f, type(theirs).__name__)(
        theirs.self_attn.embed_dim,
        theirs.self_attn.num_heads,
        theirs.linear1.out_features,
        theirs.dropout.p,
        theirs.activation,
        theirs.norm1.eps,
        theirs.self_attn.batch_first,
        theirs.norm_first,
        theirs.linear1.bias is not None,
        dtype=theirs.linear1.weight.dtype,
    )
    ours.load_state_dict(theirs.state_dict())
    return ours


def is_loss(module):
    return "Loss" in type(module).__name__


def cloned(given):
    """Copy the arguments; in some samples input and target are one tensor."""
    return tree.map(lambda t: t.clone() if isinstance(t, torch.Tensor) else t, given)


def doubled(t):
    """Give floats in float64, where theirs is computed."""
    return t.double() if isinstance(t, torch.Tensor) and t.is_floating_point() else t


def cotangents(y):
    """Draw the same numbers for ours and theirs."""
    g = torch.Generator().manual_seed(2)
    outputs = y if isinstance(y, tuple) else (y,)

    def draw(t):
        return t if t is None else torch.rand(t.shape, generator=g).to(t.dtype)

    return [tree.map(draw, t) for t in outputs]


def pairs(ours, theirs):
    """List our tensors with theirs: what they are called there, ours as they lie there, gradients."""
    if getattr(ours, "layer", None) is None:
        for name, p in ours.named_parameters():
            yield name, attribute(theirs, name), p, p.grad
        return
    known = rules_of(type(ours).__name__, ours) if ours.params else ()
    rules = {rule.path: rule for rule in known}
    paths = [re.sub(r"[\[\].]+", ".", path).strip(".") for path in tree.paths(ours.params)]
    for path, p, g in zip(paths, tree.leaves(ours.params), tree.leaves(ours.grads)):
        name, axes = (rules[path].attribute, rules[path].axes) if path in rules else (path, (0,))
        there = attribute(theirs, name)
        if p.ndim == len(axes) > 1:
            p, g = (t.permute([axes.index(axis) for axis in range(p.ndim)]) for t in (p, g))
        yield name, there, p, g


def attribute(module, name):
    for part in name.split("."):
        module = getattr(module, part)
    return module


def start(ours, theirs):
    """See that both begin with the same numbers, then give them others, which are not special."""
    listed = list(pairs(ours, theirs))
    there = {**dict(theirs.named_parameters()), **dict(theirs.named_buffers())}
    there.pop("num_batches_tracked", None)
    if not is_loss(ours):
        assert sorted(name for name, *_ in listed) == sorted(there)
    for name, other, p, _ in listed:
        assert torch.equal(other, p), f"{name} starts with other numbers"
        with torch.no_grad():
            other.add_(torch.rand(other.shape, dtype=other.dtype))
            p.copy_(other)


def compare(ours, theirs, sample, y, back):
    """Assert that values, gradients of inputs and of parameters, and statistics are the same."""
    got = {"value": tree.leaves(y)}
    got["input"] = [d for d in tree.leaves(back) if d is not None]
    for name, other, p, g in pairs(ours, theirs):
        got[name] = [g if isinstance(other, torch.nn.Parameter) else p]
    names = [name for name in got if name not in ("value", "input")]
    exact = reference(copy.deepcopy(theirs).double(), sample, names, doubled)
    rounded = reference(theirs, sample, names, lambda t: t)
    assert got.keys() == exact.keys()
    for name, mine in got.items():
        assert len(mine) == len(exact[name]), name
        for one, other, like in zip(mine, exact[name], rounded[name]):
            close(name, one, other, like)


def reference(theirs, sample, names, kind):
    """Give PyTorch's numbers: values, gradients of inputs, and those of parameters by name."""
    inputs, named = tree.map(kind, cloned(sample.given))
    with torch.enable_grad():
        takes = list(inspect.signature(theirs.forward).parameters)
        given = [*zip(takes, inputs), *named.items()]
        # Ours gives back no gradient of a mask.
        live = tree.leaves([value for name, value in given if not name.endswith("mask")])
        ends = len(live) - ("target" in takes)
        live = [x for x in live[:ends] if isinstance(x, torch.Tensor) and x.is_floating_point()]
        for x in live:
            x.requires_grad_()
        y = theirs(*inputs, **named)
        outputs = tree.leaves(y)
        dys = (
            [torch.ones_like(t) for t in outputs] if is_loss(theirs) else tree.leaves(cotangents(y))
        )
        scalars = [(t * d.detach()).sum() for t, d in zip(outputs, dys) if t is not None]
        if any(t.requires_grad for t in scalars):
            sum(scalars).backward()
    found = {"value": [t if t is None else t.detach() for t in outputs]}
    found["input"] = [x.grad for x in live]
    for name in names:
        there = attribute(theirs, name)
        found[name] = [there.grad if isinstance(there, torch.nn.Parameter) else there]
    return found


def close(what, mine, exact, rounded):
    """Compare with what PyTorch computes in float64: ours may be off ten times as its own float32 is, which
    is luck where numbers cancel."""
    if mine is None or exact is None:
        assert mine is exact, what
        return
    assert mine.dtype == rounded.dtype, what
    if mine.dtype == torch.float64:
        torch.testing.assert_close(mine, exact, equal_nan=True, msg=lambda text: f"{what}: {text}")
        return
    off = (rounded.double() - exact).nan_to_num().abs()
    atol = max([1e-5, *(10 * off.amax().reshape(1)).tolist()]) if off.numel() else 1e-5
    torch.testing.assert_close(
        mine.double(),
        exact,
        rtol=1.3e-6,
        atol=atol,
        equal_nan=True,
        msg=lambda text: f"{what}: {text}",
    )


def reason(sentence):
    """Shorten a refusal to what was expected."""
    return sentence.partition(": expected ")[2].partition(", got")[0].replace("|", "\\|")


def table(found):
    """Write what agrees and what is refused, by class."""
    counts, why = defaultdict(lambda: [0, 0]), defaultdict(dict)
    for sample, words in found:
        counts[sample.name][words != AGREES] += 1
        if words != AGREES:
            why[sample.name][reason(words)] = None
    lines = ["| class | samples | agree | refused | what is expected there |\n"]
    lines.append("| --- | ---: | ---: | ---: | --- |\n")
    for name in sorted(counts, key=str.lower):
        agree, refused = counts[name]
        wanted = "; ".join(why[name])
        lines.append(f"| `{name}` | {agree + refused} | {agree} | {refused} | {wanted} |\n")
    agree, refused = map(sum, zip(*counts.values()))
    share = 100 * agree / (agree + refused)
    lines.append(f"| all | {agree + refused} | {agree} ({share:.0f} %) | {refused} | |\n")
    return "".join(lines)


def page(text):
    """Put the table of now in its place in the page."""
    before, _, rest = text.partition(BEGIN)
    found = [(sample, outcome(sample, torch.float64)) for sample in samples(torch.float64)]
    return before + BEGIN + table(found) + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
    print(f"{PAGE} is up to date", file=sys.stderr)
