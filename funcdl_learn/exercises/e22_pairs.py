"""Share weights, add an auxiliary loss, beat 3 %.

The study of this project: two handwritten digits, 14×14 pixels each. Is the first one lesser than or
equal to the second? There are 1,000 pairs to learn from. One bit a pair says little about what a 7
looks like; that both digits are read by the same network, and that you know in training which digits
they are, is what helps.

Write `learn`: it gets the training pairs and returns a function that answers other pairs. It is
tested on 2,000 pairs that it has not seen, and has to answer more than 97 % of them rightly, within
two minutes. All of funcdl is yours: `shared`, `tap`, `weighted_sum`, `conv2d`, `batch_norm`, `adam`,
`stage`, `batches`. Draw all random numbers from `rng`, so that the same seed gives the same network.

    pairs.images    (1000, 2, 14, 14), numbers from 0 to 1
    pairs.target    (1000,), 1 where the first digit is at most the second, otherwise 0
    pairs.classes   (1000, 2), the digits, 0 to 9

A hint: a network with batch norm needs `calibrate` before it answers. Another: images moved by a
pixel, anew in each epoch, are more images.

Tutorial: "All of it at once".
"""

import torch

import funcdl as f


def learn(pairs, rng):
    """Return a function from images (n, 2, 14, 14) to answers (n,), 1 for at most and 0 if not."""
    # solution
    mean, deviation = pairs.images.mean(), pairs.images.std()

    def conv(out):
        return f.conv2d(out, 3), f.max_pool2d(2), f.batch_norm(), f.relu

    digit = f.serial(
        *(f.expand_dims(-1), *conv(32), *conv(64), f.flatten(3)),
        *(f.linear(128), f.batch_norm(), f.relu, f.linear(10)),
    )
    answer = f.serial(f.relu, f.flatten(2), f.linear(60), f.batch_norm(), f.relu, f.linear(2))
    net = f.serial(f.shared(digit, axis=-3), f.tap(answer))
    loss = f.weighted_sum((1.0, f.cross_entropy()), (1.0, f.cross_entropy()))

    epochs, size = 25, 50
    steps = epochs * len(pairs.images) // size
    optimiser = f.adam(f.schedules.cosine(1e-2, steps))
    params, _ = net.init(rng, (2, 14, 14))
    step = f.stage(f.training_step(f.supervised(net, loss), optimiser))
    state = optimiser.init(params)

    def moved(images):
        """Move each image by up to a pixel, either way."""
        n = images.shape[0] * 2
        wide = images.new_zeros(n, 16, 16)
        wide[:, 1:15, 1:15] = images.reshape(n, 14, 14)
        down, right = torch.randint(0, 3, (2, n, 1), generator=rng)
        rows, columns = down + torch.arange(14), right + torch.arange(14)
        found = wide[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
        return found.reshape(images.shape)

    for _ in range(epochs):
        x = (moved(pairs.images) - mean) / deviation
        for batch in f.batches((x, (pairs.target, pairs.classes)), size, rng):
            params, state, _ = step(params, state, batch, rng)

    x = (pairs.images - mean) / deviation
    params = f.calibrate(net, params, x.split(100), rng)

    def answers(images):
        (logits, _), _ = net(params, (images - mean) / deviation)
        return logits.argmax(-1)

    return answers


# ---------- the teacher's half ----------
from funcdl_learn.given import WrongError
from funcdl_learn.values import same, unchanged
from pairs.data import Pairs, draw_split, load_digits

LIMIT = 120.0
UNTRIED = ("learn",)

WRONG = {
    "the answer is always yes": ("logits.argmax(-1)", "logits.argmax(-1) * 0 + 1"),
    "the answers are turned round": ("logits.argmax(-1)", "1 - logits.argmax(-1)"),
    "an epoch alone": ("epochs, size = 25, 50", "epochs, size = 1, 50"),
    "no training": ("epochs, size = 25, 50", "epochs, size = 0, 1"),
    "the logits": ("logits.argmax(-1)", "logits"),
    "one answer": ("logits.argmax(-1)", "logits.argmax()"),
    "the digits": ("(logits, _), _ = net", "(_, logits), _ = net"),
    "the training pairs alone": ("return logits.argmax(-1)", "return pairs.target[: len(images)]"),
    "no calibration": ("params = f.calibrate(net, params, x.split(100), rng)", "pass"),
    "the pairs are written to": ("wide = images.new_zeros", "images.mul_(0.5); wide = images.new_zeros"),
    "the global generator": ("(2, n, 1), generator=rng)", "(2, n, 1))"),
    "truth values": ("logits.argmax(-1)", "(logits.argmax(-1) == 0)"),
    "no scaling of what is asked": ("(images - mean) / deviation)\n        return", "255 * images)\n        return"),
}  # fmt: skip
SLOW = {
    "without the auxiliary loss": ("(1.0, f.cross_entropy()))", "(0.0, f.cross_entropy()))"),
    "a tenth of the pairs": ("mean, deviation = pairs", "pairs = type(pairs)(*(part[:100] for part in pairs)); mean, deviation = pairs"),
}  # fmt: skip
WRONG |= SLOW


def grade(given):
    split = draw_split(load_digits(), 1000, 2000, torch.Generator().manual_seed(2026))
    few = Pairs(*(part[:100].clone() for part in split.train))
    kept = Pairs(*(part.clone() for part in few))
    state = torch.get_rng_state()
    first, again = (given.learn(few, torch.Generator().manual_seed(1)) for _ in range(2))
    unchanged("pairs", few, kept)
    if not torch.equal(torch.get_rng_state(), state):
        raise WrongError(
            "expected learn to draw from rng alone, but PyTorch's global generator was used"
        )
    shown = split.train.images[100:300]
    both = [_answers(answer, shown, "learning from 100 pairs") for answer in (first, again)]
    same("the answers of a second network of the same seed", both[1], both[0], "")
    answer = given.learn(split.train, torch.Generator().manual_seed(0))
    said = _answers(answer, split.test.images, "learning from 1,000 pairs")
    error = float((said != split.test.target).float().mean())
    if error >= 0.03:
        raise WrongError(
            f"expected fewer than 3 % of 2,000 unseen pairs to be answered wrongly, got {error:.2%}"
        )


def _answers(answer, images, when):
    if not callable(answer):
        raise WrongError(f"expected learn to return a function, got {type(answer).__name__} {when}")
    said = answer(images.clone())
    if not isinstance(said, torch.Tensor) or said.shape != images.shape[:1]:
        kind = tuple(said.shape) if isinstance(said, torch.Tensor) else type(said).__name__
        raise WrongError(f"expected answers of shape ({len(images)},), got {kind} {when}")
    if not ((said == 0) | (said == 1)).all():
        raise WrongError(
            f"expected answers that are 0 or 1, got {said.unique().tolist()[:5]} {when}"
        )
    return said.long()
