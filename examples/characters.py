"""A recurrent network that writes: it learns, character by character, the sentences of a grammar.

The grammar is a list of weighted choices, so that the probability of each sentence is known, and
with it the least loss that any model can reach: the entropy of the text. Note the agreement of
noun and verb across the words between them ("the cats we see sleep"), which a model without memory
cannot learn. Training runs `gru` over whole windows; writing steps through `gru_cell` with the same
parameters.
"""

import math
import re
from typing import Annotated, Any

import torch
import typer
from torch import Generator, Tensor

from funcdl import (
    adam,
    cross_entropy,
    embedding,
    gru,
    gru_cell,
    linear,
    schedules,
    serial,
    stage,
    supervised,
    training_step,
)

# A symbol's choices with their weights; what is no symbol is written as it is.
GRAMMAR = {
    "text": [(1, ["one", "\n"]), (1, ["many", "\n"])],
    "one": [(1, ["the ", "old", "noun", "that", " ", "does"])],
    "many": [(1, ["the ", "old", "noun", "s", "that", " ", "do"])],
    "old": [(3, []), (1, ["old "]), (1, ["small "])],
    "noun": [(2, ["cat"]), (1, ["dog"]), (1, ["owl"])],
    "that": [(2, []), (1, [" we see"]), (1, [" I saw"])],
    "does": [(2, ["sleeps"]), (1, ["runs"]), (1, ["sings"])],
    "do": [(2, ["sleep"]), (1, ["run"]), (1, ["sing"])],
}
PARTS = [part for row in GRAMMAR.values() for _, parts in row for part in parts]
ALPHABET = sorted(set("".join(part for part in PARTS if part not in GRAMMAR)))


def write(symbol: str, rng: Generator) -> tuple[str, float]:
    """Write out a symbol by chance; give also −log of its probability, in nats."""
    if symbol not in GRAMMAR:
        return symbol, 0.0
    weights = torch.tensor([float(weight) for weight, _ in GRAMMAR[symbol]])
    choice = int(torch.multinomial(weights, 1, generator=rng))
    written = [write(part, rng) for part in GRAMMAR[symbol][choice][1]]
    surprise = -math.log(float(weights[choice] / weights.sum()))
    return "".join(t for t, _ in written), surprise + sum(s for _, s in written)


def entropy(symbol: str) -> tuple[float, float]:
    """Give the entropy of a symbol, in nats, and its mean length in characters."""
    if symbol not in GRAMMAR:
        return 0.0, float(len(symbol))
    nats = length = 0.0
    total = sum(weight for weight, _ in GRAMMAR[symbol])
    for weight, parts in GRAMMAR[symbol]:
        inside = [entropy(part) for part in parts]
        nats += weight / total * (sum(h for h, _ in inside) - math.log(weight / total))
        length += weight / total * sum(n for _, n in inside)
    return nats, length


def pattern(symbol: str) -> str:
    """Give the regular expression of what a symbol can be written out as."""
    if symbol not in GRAMMAR:
        return re.escape(symbol)
    return "(?:" + "|".join("".join(map(pattern, parts)) for _, parts in GRAMMAR[symbol]) + ")"


def encode(text: str) -> Tensor:
    """Give the place of each character in the alphabet, (time,) int64."""
    return torch.tensor([ALPHABET.index(c) for c in text])


def sample(params: Any, hidden: int, length: int, rng: Generator) -> str:
    """Let the network write: each character is drawn from what it expects after those before."""
    look_up, recurrent, out = params
    cell, h, text = gru_cell(hidden), torch.zeros(hidden), "\n"
    for _ in range(length):
        seen, _ = embedding(len(ALPHABET), 16)(look_up, torch.tensor(ALPHABET.index(text[-1])))
        h, _ = cell(recurrent, (h, seen))
        logits, _ = linear(len(ALPHABET))(out, h)
        text += ALPHABET[int(torch.multinomial(logits.softmax(-1), 1, generator=rng))]
    return text[1:]


def main(
    steps: Annotated[int, typer.Option(min=1, help="Of Adam, 32 windows each.")] = 500,
    hidden: Annotated[int, typer.Option(min=1, help="Width of the state.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
) -> None:
    """Learn to write the sentences of a small grammar."""
    torch.set_num_threads(1)
    rng = Generator().manual_seed(seed)
    nats, length = entropy("text")
    sentences = [write("text", rng)[0] for _ in range(2000)]
    text = encode("\n" + "".join(sentences))
    # Windows begin where a sentence does: nothing before it says anything about it.
    starts = torch.tensor([0, *map(len, sentences)]).cumsum(0)
    time = 48
    starts = starts[starts + time < len(text)]

    net = serial(embedding(len(ALPHABET), 16), gru(hidden), linear(len(ALPHABET)))
    params, _ = net.init(rng, (time,))
    print(f"before: {sample(params, hidden, 60, rng)!r}\n")
    optimiser = adam(schedules.one_cycle(2e-2, steps))
    state = optimiser.init(params)
    step = stage(training_step(supervised(net, cross_entropy()), optimiser))
    for i in range(1, steps + 1):
        chosen = starts[torch.randint(len(starts), (32,), generator=rng)]
        windows = text[chosen.unsqueeze(-1) + torch.arange(time + 1)]
        params, state, loss = step(params, state, (windows[:, :-1], windows[:, 1:]))
        if i % max(steps // 5, 1) == 0:
            print(f"step {i:4d}: loss {float(loss):.3f} nats a character")

    # On fresh sentences the grammar's own surprise is known, the least that can be hoped for.
    fresh = [write("text", rng) for _ in range(200)]
    test = encode("\n" + "".join(t for t, _ in fresh))
    reached, _ = supervised(net, cross_entropy())(params, (test[:-1], test[1:]))
    least = sum(s for _, s in fresh) / (len(test) - 1)
    print(f"\nfresh sentences: loss {float(reached):.3f}, where the grammar itself has {least:.3f}")
    print(f"entropy of the grammar: {nats / length:.3f} nats a character")
    print(f"guessing among {len(ALPHABET)} characters: {math.log(len(ALPHABET)):.3f}")
    written = sample(params, hidden, 2000, rng).splitlines(keepends=True)[:-1]
    right = sum(bool(re.fullmatch(pattern("text"), sentence)) for sentence in written)
    print(f"\nafter: {right} of {len(written)} sentences are the grammar's")
    print("".join(written[:8]), end="")


if __name__ == "__main__":
    typer.run(main)
