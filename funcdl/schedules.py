"""Schedules: learning rates as functions of the number of steps taken.

A schedule takes the count of steps, a tensor without axes (or a number, to look at it), and gives a
float64 tensor without axes. It is made of tensor methods alone, so that a staged step records it;
write your own likewise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from funcdl.arguments import MOST, integer, number
from funcdl.errors import InputError, KindError
from funcdl.portable import Portable
from funcdl.tensor import Tensor, empty

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "cyclic",
    "exponential",
    "inverse_time",
    "joined",
    "one_cycle",
    "piecewise",
    "polynomial",
    "restarts",
    "staircase",
    "warm_up",
]

Schedule = Callable[[Any], Tensor]


def constant(rate: float) -> Schedule:
    """Give the same rate at all times.

    Raises:
        InputError, KindError: the rate is not a number of at least 0.

    >>> float(constant(0.1)(7))
    0.1
    """
    number("constant", "rate", rate, 0)
    return Portable(lambda steps: _count(steps).mul(0.0).add(rate))


def exponential(start: float, factor: float, every: int = 1) -> Schedule:
    """Multiply by a factor every so many steps, smoothly: start factor^(t / every).

    Args:
        start: at least 0.
        factor: at least 0.
        every: at least 1.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> float(exponential(1.0, 0.25, every=2)(1))
    0.5
    """
    number("exponential", "start", start, 0)
    number("exponential", "factor", factor, 0)
    integer("exponential", "every", every, 1)
    return Portable(lambda steps: (factor ** (_count(steps) / every)) * start)


def inverse_time(start: float, rate: float) -> Schedule:
    """Fall as one over time: start / (1 + rate t).

    Raises:
        InputError, KindError: an argument is not a number of at least 0.

    Robbins and Monro, "A stochastic approximation method" (1951), whose rates sum to infinity and
    whose squares do not.

    >>> float(inverse_time(1.0, 0.5)(2))
    0.5
    """
    number("inverse_time", "start", start, 0)
    number("inverse_time", "rate", rate, 0)
    return Portable(lambda steps: (_count(steps) * rate + 1).reciprocal() * start)


def polynomial(start: float, end: float, steps: int, power: float = 1.0) -> Schedule:
    """Go from one rate to another: end + (start − end) (1 − t / steps)^power, then stay.

    Args:
        start: at least 0.
        end: at least 0.
        steps: how many steps that takes, at least 1.
        power: at least 0; 1 is a straight line.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> float(polynomial(1.0, 0.0, 4)(1)), float(polynomial(1.0, 0.0, 4)(9))
    (0.75, 0.0)
    """
    number("polynomial", "start", start, 0)
    number("polynomial", "end", end, 0)
    integer("polynomial", "steps", steps, 1)
    number("polynomial", "power", power, 0)
    return Portable(lambda t: (1 - _share(t, steps)) ** power * (start - end) + end)


def piecewise(start: float, factors: dict[int, float]) -> Schedule:
    """Multiply by a factor at some steps: start Π factorᵢ over stepᵢ ≤ t.

    Args:
        start: at least 0.
        factors: from steps to factors of at least 0.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> steps = piecewise(1.0, {2: 0.5, 4: 0.5})
    >>> [float(steps(t)) for t in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """
    number("piecewise", "start", start, 0)
    if not isinstance(factors, dict):
        raise KindError(f"piecewise: expected factors to be a dict, got {type(factors).__name__}")
    for step, factor in factors.items():
        integer("piecewise", "each step", step, 0)
        number("piecewise", "each factor", factor, 0, most=math.inf)

    def schedule(steps: Any) -> Tensor:
        t = _count(steps)
        rate = t.mul(0.0).add(start)
        for step, factor in factors.items():
            rate = rate.mul(factor).where(t >= step, rate)
        return rate

    return Portable(schedule)


def cosine(start: float, steps: int, end: float = 0.0) -> Schedule:
    """Fall along half a wave: end + (start − end) (1 + cos(π t / steps)) / 2, then stay.

    Args:
        start: at least 0.
        steps: how many steps that takes, at least 1.
        end: at least 0.

    Raises:
        InputError, KindError: an argument is out of its range.

    Loshchilov and Hutter, "SGDR: Stochastic gradient descent with warm restarts" (2017).

    >>> round(float(cosine(1.0, 10)(5)), 6), float(cosine(1.0, 10)(10))
    (0.5, 0.0)
    """
    number("cosine", "start", start, 0)
    integer("cosine", "steps", steps, 1)
    number("cosine", "end", end, 0)
    return Portable(lambda t: _wave(start, end, _share(t, steps)))


def warm_up(steps: int, then: Schedule | float, start: float = 0.0) -> Schedule:
    """Rise along a line for so many steps, then begin another schedule.

        (start + (1 − start) t / steps) then(0) for t < steps, then(t − steps) from there

    Args:
        steps: at least 1.
        then: a schedule, or a rate.
        start: the share of `then(0)` to begin with, in [0, 1).

    Raises:
        InputError, KindError: an argument is out of its range.

    Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour" (2017).

    >>> rate = warm_up(2, cosine(1.0, 10))
    >>> [round(float(rate(t)), 6) for t in (0, 1, 2, 7, 12)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    integer("warm_up", "steps", steps, 1)
    number("warm_up", "start", start, 0, 1)
    follow = then if callable(then) else constant(then)

    def schedule(t: Any) -> Tensor:
        rise = _share(t, steps) * (1 - start) + start
        return follow((_count(t) - steps).clamp_min(0)) * rise

    return Portable(schedule)


def one_cycle(
    peak: float, steps: int, *, rise: float = 0.3, first: float = 25.0, last: float = 1e4
) -> Schedule:
    """Rise to a peak and fall to almost nothing, each along half a wave.

        from peak / first to peak over the first share `rise` of the steps,
        then to peak / (first last) at the last of them

    Args:
        peak: the highest rate, at least 0.
        steps: how many steps there will be, at least 1.
        rise: the share of the steps before the peak, in [0, 1).
        first: at least 1.
        last: at least 1.

    Raises:
        InputError, KindError: an argument is out of its range.

    Smith and Topin, "Super-convergence: very fast training of neural networks using large learning
    rates" (2018); the steps are those of PyTorch's OneCycleLR.

    >>> rate = one_cycle(1.0, 11, rise=4 / 11)
    >>> [round(float(rate(t)), 4) for t in (0, 3, 10)]
    [0.04, 1.0, 0.0]
    """
    number("one_cycle", "peak", peak, 0)
    integer("one_cycle", "steps", steps, 1)
    number("one_cycle", "rise", rise, 0, 1)
    number("one_cycle", "first", first, 1)
    number("one_cycle", "last", last, 1)
    top = rise * steps - 1
    bottom = peak / first / last

    def schedule(t: Any) -> Tensor:
        t = _count(t)
        down = _wave(peak, bottom, ((t - top) / max(steps - 1 - top, 1e-12)).clamp(0, 1))
        if top <= 0:
            return down
        return _wave(peak / first, peak, _share(t, top)).where(t < top, down)

    return Portable(schedule)


def staircase(start: float, factor: float, every: int) -> Schedule:
    """Multiply by a factor every so many steps, at once: start factor^⌊t / every⌋.

    Args:
        start: at least 0.
        factor: at least 0.
        every: at least 1.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> [float(staircase(1.0, 0.5, 2)(t)) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    number("staircase", "start", start, 0)
    number("staircase", "factor", factor, 0)
    integer("staircase", "every", every, 1)
    return Portable(lambda steps: (factor ** (_count(steps) / every).floor()) * start)


def cyclic(
    low: float, high: float, rise: int, fall: int | None = None, *, factor: float = 1.0
) -> Schedule:
    """Go up and down along lines, again and again.

        low + (high − low) share factor^cycle, with a share that rises from 0 to 1 and falls to 0

    Args:
        low: the rate at the ends of a cycle, at least 0.
        high: that at the top of the first one, at least 0.
        rise: how many steps it takes up, at least 1.
        fall: how many down, at least 1; as many as up without it.
        factor: what each cycle's height is of that before, at least 0; 1/2 halves it.

    Raises:
        InputError, KindError: an argument is out of its range.

    Smith, "Cyclical learning rates for training neural networks" (2017); PyTorch's CyclicLR calls a
    factor of 1 "triangular", one of 1/2 "triangular2".

    >>> [float(cyclic(0.0, 1.0, 2, factor=0.5)(t)) for t in range(9)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 0.5, 0.25, 0.0]
    """
    number("cyclic", "low", low, 0)
    number("cyclic", "high", high, 0)
    integer("cyclic", "rise", rise, 1)
    down = rise if fall is None else integer("cyclic", "fall", fall, 1)
    number("cyclic", "factor", factor, 0)

    def schedule(steps: Any) -> Tensor:
        t = _count(steps)
        cycle = (t / (rise + down)).floor()
        place = t - cycle * (rise + down)
        share = (place / rise).minimum((rise + down - place) / down)
        return share * (factor**cycle) * (high - low) + low

    return Portable(schedule)


def restarts(start: float, steps: int, end: float = 0.0, *, times: int = 1) -> Schedule:
    """Fall along half a wave, begin again, and so on: `cosine` with warm restarts.

    Args:
        start: at least 0.
        steps: how many steps the first fall takes, at least 1.
        end: at least 0.
        times: how many times as long each fall is as that before, at least 1.

    Raises:
        InputError, KindError: an argument is out of its range.

    Loshchilov and Hutter, "SGDR: Stochastic gradient descent with warm restarts" (2017); the steps
    are those of PyTorch's CosineAnnealingWarmRestarts.

    >>> [round(float(restarts(1.0, 2, times=2)(t)), 3) for t in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """
    number("restarts", "start", start, 0)
    integer("restarts", "steps", steps, 1)
    number("restarts", "end", end, 0)
    integer("restarts", "times", times, 1, 2**53)

    def schedule(t: Any) -> Tensor:
        t = _count(t)
        if times == 1:
            return _wave(start, end, t / steps - (t / steps).floor())
        # The n-th fall begins at steps (timesⁿ − 1) / (times − 1); of whole numbers the logarithm
        # is rounded, by much less than what is added.
        n = ((t * (times - 1) / steps + 1).log2() / math.log2(times) + 1e-12).floor()
        long = (times**n) * steps
        begun = (long - steps) / (times - 1)
        return _wave(start, end, ((t - begun) / long).clamp(0, 1))

    return Portable(schedule)


def joined(first: Schedule | float, others: dict[int, Schedule | float]) -> Schedule:
    """Follow one schedule, then others from given steps on, each from its own beginning.

        first(t) before the first of the steps, otherᵢ(t − stepᵢ) from stepᵢ on

    Args:
        first: a schedule, or a rate.
        others: from steps to schedules, or rates.

    Raises:
        InputError, KindError: an argument is out of its range.

    >>> rate = joined(0.1, {2: polynomial(1.0, 0.0, 2), 5: 0.5})
    >>> [float(rate(t)) for t in range(6)]
    [0.1, 0.1, 1.0, 0.5, 0.0, 0.5]
    """
    if not isinstance(others, dict):
        raise KindError(f"joined: expected others to be a dict, got {type(others).__name__}")
    begin = first if callable(first) else constant(first)
    parts = []
    for step in sorted(integer("joined", "each step", step, 0) for step in others):
        part = others[step]
        parts.append((step, part if callable(part) else constant(part)))

    def schedule(steps: Any) -> Tensor:
        t = _count(steps)
        rate = begin(t)
        for step, part in parts:
            rate = part((t - step).clamp_min(0)).where(t >= step, rate)
        return rate

    return Portable(schedule)


def _count(steps: Any) -> Tensor:
    if isinstance(steps, Tensor):
        return steps
    if isinstance(steps, bool) or not isinstance(steps, (int, float)):
        raise KindError(f"schedule: expected a number of steps, got {steps!r}")
    number("schedule", "the steps", steps, -MOST)
    if steps < 0:
        raise InputError(f"schedule: expected a number of steps of at least 0, got {steps}")
    zero = empty(())
    return zero.double().fill_(steps)


def _share(t: Any, steps: float) -> Tensor:
    """Say how much of the steps is done, from 0 to 1."""
    return (_count(t) / steps).clamp(0, 1)


def _wave(start: float, end: float, share: Tensor) -> Tensor:
    return (share.mul(math.pi).cos() + 1) * ((start - end) / 2) + end
