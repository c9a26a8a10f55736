"""Mutation testing of the derivatives: break each vjp in turn and see whether a test notices.

    python tests/mutation.py [--list] [--only conv] [--seconds 600] [--from N]

Every function called `vjp`, `pull`, `spread`, `backward` or the like in the operations, layers,
losses and combinators, and the lambdas that a rule returns, are changed in one place at a time: a
sign flipped, an operand dropped or swapped, a number moved by one, a sum along another axis, a
transposition left out, a condition negated. Each mutant is written into a copy of the project and
the tests of the contract run there until one fails. What survives is either equivalent, and says
why in EQUIVALENT, or a gap in the tests.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch  # once, for all children

ROOT = Path(__file__).parents[1]
ROOMS = ["ops", "layers", "losses", "combinators"]
BACKWARD = {
    *("vjp", "pull", "backward", "spread", "scatter", "_add", "against", "unpad", "total"),
    *("factors", "state_part", "input_part", "_unfold", "accumulate", "cut", "pooled"),
}
SWAPS: dict[str, str] = {
    "add": "sub",
    "sub": "add",
    "add_": "sub_",
    "sub_": "add_",
    "mul": "div",
    "div": "mul",
    "mul_": "add_",
    "div_": "mul_",
    "addcmul": "addcdiv",
    "addcmul_": "addcdiv_",
    "square": "abs",
    "square_": "abs_",
    "sign": "abs",
    "sign_": "abs_",
    "exp": "exp2",
    "sigmoid": "tanh",
    "clamp_min": "clamp_max",
    "clamp_min_": "clamp_max_",
    "relu": "abs",
    "scatter_add_": "scatter_",
    "new_zeros": "new_ones",
    "select": "narrow_copy",
}
DROPPED = {"neg", "neg_", "mul_", "add_", "sub_", "div_", "sum", "sign_", "floor_", "addcmul_"}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip

SIZES = "how large blocks are changes the time alone"
EQUIVALENT = {
    ("ops/convolve", "models, channels = w.ndim - 2, shape[-1]"): SIZES,
    ("ops/convolve", "each = d.shape[-3] * d.shape[-2]"): SIZES,
    ("ops/convolve", "if d.shape[models:-3].numel() * each <= BLOCK:"): SIZES,
    ("ops/convolve", "max(BLOCK // each, 1)"): SIZES,
    ("ops/convolve", "if channels < MANY_CHANNELS:"): "both ways give the same numbers",
    ("ops/depthwise", "total(view.mul(dy).sum(w.ndim - 2), one)"): "the sum over all follows",
    ("ops/normalise", "split = sums.reshape("): "an axis of length 1 comes back with the shape",
    ("ops/window", "if amount == (0, 0):"): "a border of 0 is cut off by the other way, too",
    ("ops/recurrence", ".movedim(-2, 0)"): "-2 and 2 are one axis of four",
    ("ops/gru", ".unsqueeze(-2))"): "-2 and 2 are one axis of three",
    ("ops/lstm", ".unsqueeze(-2))"): "-2 and 2 are one axis of three",
    ("layers/pool", "share.unsqueeze(-2).unsqueeze(-2)"): "the axes of length 1 stand side by side",
    ("combinators/fan_out", "if need_dx else None"): "without need_dx there is None to be added",
}
"""Mutants that may survive, by file and a part of the line: why they change no answer."""

WORDS = {
    "affine": "linear",
    "linear": "linear",
    "gru": "gru",
    "lstm": "lstm",
    "rnn": "rnn",
    "recurrence": "gru or lstm or rnn",
    "recurrent": "gru or lstm or rnn",
    "sequence": "gru or lstm or rnn",
    "ops/attention": "attention",
    "layers/attention": "attention",
    "convolve": "conv",
    "depthwise": "depthwise or groups",
    "conv": "conv",
    "window": "conv or pool",
    "pool": "pool",
    "normalise": "norm",
    "norms": "norm",
    "batch_norm": "batch_norm",
    "embeddings": "cosine or contrastive",
    "embedding": "embedding",
    "dropout": "dropout",
    "maxout": "maxout",
    "prelu": "prelu",
    "rectifiers": "elu or mish or silu",
    "activations": "elu or tanh or sigmoid or softmax or softplus or exp",
    "distributions": "binary or kl_",
    "margins": "hinge",
    "regression": "mse or l1 or huber",
    "classes": "cross_entropy or nll",
}
"""Which of the cases are tried first for a file; otherwise all of them are."""

THEN = [
    *("-x", "-q", "-p", "no:cacheprovider"),
    "tests/contract/test_contract.py::test_nobody_computes_a_cotangent_that_nobody_asked_for",
    "tests/contract/test_contract.py::test_without_the_inputs_cotangent_its_products_are_saved",
    *(f"tests/layers/test_{name}.py" for name in ("images", "sequences", "norms")),
    *("tests/losses/test_losses.py", "tests/combinators/test_laws.py"),
]
"""What is run where they notice nothing."""

LIMIT = 60


def targets(tree: ast.Module) -> Iterator[ast.AST]:
    """Find the functions that go back: by their names, and the lambdas that rules return."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in BACKWARD:
            yield node
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            for entry in node.value.elts:
                yield from (n for n in ast.walk(entry) if isinstance(n, ast.Lambda))


def sites(tree: ast.Module) -> list[ast.AST]:
    """List the nodes inside of them, each once."""
    found: dict[int, ast.AST] = {}
    for target in targets(tree):
        body = target.body if isinstance(target, ast.FunctionDef) else [target.body]  # type: ignore[attr-defined]
        for part in body:
            if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
                continue  # a docstring
            for node in ast.walk(part):
                found[id(node)] = node
    return list(found.values())


def changes(node: ast.AST) -> list[tuple[str, ast.AST]]:
    """List what a node may be changed to, each with a word for it."""
    made: list[tuple[str, ast.AST]] = []

    def like(word: str, **fields: object) -> None:
        other = copy.copy(node)
        for name, value in fields.items():
            setattr(other, name, value)
        made.append((word, other))

    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        like("operator", op=OPERATORS[type(node.op)]())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        made.append(("sign", node.operand))
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        like("comparison", ops=[COMPARISONS[type(node.ops[0])]()])
    if isinstance(node, ast.IfExp):
        like("condition", body=node.orelse, orelse=node.body)
    if isinstance(node, ast.BoolOp):
        like("and/or", op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    if isinstance(node, ast.If):
        like("condition", test=ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        like("number", value=node.value + 1)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        like("truth", value=not node.value)
    if isinstance(node, ast.Attribute) and node.attr == "mT":
        made.append(("transpose", node.value))
    if isinstance(node, ast.Name) and node.id == "need_dx":
        made.append(("need_dx", ast.Constant(True)))
        made.append(("need_dx", ast.Constant(False)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        name, inner = node.func.attr, node.func.value
        if name in SWAPS:
            like(f"{name} → {SWAPS[name]}", func=ast.Attribute(inner, SWAPS[name], ast.Load()))
        if name in DROPPED:
            made.append((f"no {name}", inner))
        if name in ("matmul", "bmm") and len(node.args) == 1:
            swapped = ast.Attribute(node.args[0], name, ast.Load())
            like("operands", func=swapped, args=[inner])
    return made


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Give every mutant of a file: its line, a word for it, and the whole text."""
    count = len(sites(ast.parse(source)))
    for i in range(count):
        for k in range(len(changes(sites(ast.parse(source))[i]))):
            tree = ast.parse(source)
            node = sites(tree)[i]
            word, other = changes(node)[k]
            line = node.lineno if hasattr(node, "lineno") else 0
            ast.fix_missing_locations(ast.copy_location(other, node))
            text = ast.unparse(_Replace(node, other).visit(tree))
            if text != ast.unparse(ast.parse(source)):
                yield line, word, text


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def main() -> None:
    """Try the mutants one after the other and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="count the mutants of each file")
    parser.add_argument("--only", default="", help="files whose path contains this")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--every", type=int, default=1, help="try each n-th mutant alone")
    parser.add_argument("--offset", type=int, default=0, help="and begin with this one")
    options = parser.parse_args()
    found = [p for room in ROOMS for p in sorted((ROOT / "funcdl" / room).glob("*.py"))]
    files = [str(p.relative_to(ROOT)) for p in found if options.only in str(p.relative_to(ROOT))]
    torch.set_num_threads(1)
    end = time.monotonic() + options.seconds
    table, survived = [], []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "tree"
        shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(".*", "docs"))
        if not options.list and fails(place, "nothing is changed"):
            sys.exit("expected the tests to pass before anything is changed")
        for name in files:
            original = (place / name).read_text()
            tried = list(mutants(original))[options.offset :: options.every]
            if options.list:
                print(f"{name}: {len(tried)}")
                continue
            if not tried:
                continue
            caught = count = equal = 0
            for line, word, text in tried:
                if time.monotonic() > end:
                    break
                count += 1
                source = original.splitlines()[line - 1].strip()
                (place / name).write_text(text)
                if fails(place, name):
                    caught += 1
                elif any(file in name and part in source for file, part in EQUIVALENT):
                    equal += 1
                else:
                    survived.append(f"{name}:{line} {word}: {source}")
                    print(f"survived: {survived[-1]}", flush=True)
            (place / name).write_text(original)
            table.append((name, len(tried), count, caught, equal))
            print(f"{name}: {caught} of {count} caught, {equal} equivalent", flush=True)
    total, count, caught, equal = (sum(row[i] for row in table) for i in (1, 2, 3, 4))
    print(f"{total} mutants, {count} tried, {caught} caught, {equal} equivalent")
    print(f"{len(survived)} survived", *survived, sep="\n  ")


def fails(place: Path, name: str) -> bool:
    """Try the contract on the file's own cases, then more, until something fails."""
    words = next((word for part, word in WORDS.items() if part in name), "").split(" or ")
    return in_child(place, lambda: contract(words)) or in_child(place, lambda: pytest.main(THEN))


def contract(words: list[str]) -> int:
    """Call the tests of the contract one by one, which takes a tenth of pytest's time."""
    torch.set_grad_enabled(False)
    sys.path[1:1] = ["tests", "tests/contract"]
    import test_contract as tests

    import funcdl

    for case in tests.CASES:
        if any(word in str(case) for word in words):
            for test in (test for name, test in vars(tests).items() if name.startswith("test_")):
                rng = torch.Generator().manual_seed(0)
                layer = funcdl.as_layer(case.layer)
                given = {"case": case, "layer": layer, "rng": rng}
                given |= {"params": case.params(rng), "x": case.inputs(rng)}
                wanted = test.__code__.co_varnames[: test.__code__.co_argcount]
                alone = case.random and "leading" in test.__name__
                if set(wanted) <= set(given) and not alone:
                    test(**{key: given[key] for key in wanted})
    return 0


def in_child(place: Path, tests: Callable[[], int]) -> bool:
    """Run tests in a child of this process, which has torch loaded already; True for a failure."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    code = 1
    try:
        os.chdir(place)
        sys.path[:] = [str(place), *(p for p in sys.path if p != str(ROOT))]
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        signal.alarm(LIMIT)  # what never ends is caught, too
        code = int(tests())
    finally:
        os._exit(code)  # nothing of the parent's is tidied up here


if __name__ == "__main__":
    sys.exit(main())
