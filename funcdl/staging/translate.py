"""From a recording to the program that the passes go over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from funcdl import tree
from funcdl.contract import Params, Value
from funcdl.errors import KindError
from funcdl.staging.carried import Carried
from funcdl.staging.memory import Buffer, Slot, packed
from funcdl.staging.program import Program
from funcdl.staging.recording import Recording, run
from funcdl.tensor import Tensor
from funcdl.watching.nested import rebuild, storage, tensors

__all__ = ["program_of", "translate"]


def program_of(step: Any, params: Params, state: Any, batch: Value) -> Program:
    """Record a step and give its program, to look at: `stage` does the same, and proves it.

    >>> import torch
    >>> def step(params, state, batch):
    ...     return params - 0.1 * (params * batch - 1) * batch, state, params.sum()
    >>> print(program_of(step, torch.ones(3), (), torch.ones(3)))
    t1 = mul(params, batch)
    t2 = sub(t1, 1)
    t3 = mul(t2, 0.1)
    t4 = mul(t3, batch)
    t5 = sub(params, t4)
    t6 = sum(params)
    params <- t5
    gives t6
    """
    program = translate(run(step, (params, state, batch)), Carried((params, state)))
    if program is None:
        raise KindError("program_of: expected a step that writes into none of its arguments")
    return program


def translate(recording: Recording, carried: Carried) -> Program | None:
    """Put slots in the place of a recording's tensors, and what is carried into its own memory.

    None for a step that writes into its params or state, or reads memory as a conjugate.
    """
    old, new = (tree.leaves(value[:2]) for value in (recording.inputs, recording.outputs))
    starts, batch = tensors(old), tensors(recording.inputs[2])
    everything = tensors([(call.args, call.kwargs, call.outs) for call in recording.calls])
    if any(t.is_conj() or t.is_neg() for t in everything):
        return None  # a view of another place in memory would be of other numbers
    homes = {storage(t) for t in starts}
    if any(not call.fresh and homes & set(map(storage, call.outs)) for call in recording.calls):
        return None

    buffers, packs = _carried(recording, carried)
    for name, t in zip(_names("batch", recording.inputs[2]), batch):
        buffers[storage(t)] = _recorded(name, t)
    count = 0
    for call in recording.calls:
        for t in call.outs if call.fresh else ():
            if storage(t) not in buffers:
                count += 1
                buffers[storage(t)] = _recorded(f"t{count}", t)
    for t in tensors((everything, recording.outputs)):
        if storage(t) not in buffers:
            buffers[storage(t)] = _recorded(f"c{len(buffers)}", t)

    def place(value: Any) -> Any:
        return rebuild(value, lambda t: _slot(buffers[storage(t)], t))

    closures: dict[Any, Buffer] = {}

    def memory(names: frozenset[Any]) -> frozenset[Any]:
        return frozenset(
            buffers.get(name) or closures.setdefault(name, Buffer("closure", (), None))
            for name in names
        )

    return Program(
        calls=tuple(
            replace(
                call,
                args=place(call.args),
                kwargs=place(call.kwargs),
                outs=place(call.outs),
                holds=memory(call.holds),
                keeps=memory(call.keeps),
            )
            for call in recording.calls
        ),
        starts=tuple(place(starts)),
        ends=tuple(place([n for o, n in zip(old, new) if isinstance(o, Tensor)])),
        batch=tuple(place(batch)),
        rest=place(recording.outputs[2:]),
        packs=packs,
    )


def _carried(
    recording: Recording, carried: Carried
) -> tuple[dict[int, Buffer], tuple[Buffer, ...]]:
    """Make the buffers of what is carried: by the storages of the recorded inputs, and in packs."""
    old = tree.leaves(recording.inputs[:2])
    names = [
        path
        for name, value in zip(("params", "state"), recording.inputs)
        for path in [name + path for path in tree.paths(value)]
    ]
    memory = {storage(t): _flat(t) for t in tensors(carried.leaves)}
    own = {
        i: Buffer(names[i], tuple(t.shape), memory[storage(t)], int(t.storage_offset()))
        for i, t in enumerate(carried.leaves)
        if isinstance(t, Tensor)
    }
    packs = tuple(
        packed([own[i] for i in places], memory[storage(pack.vector)])
        for pack, places in carried.packs
    )
    return {storage(old[i]): buffer for i, buffer in own.items()}, packs


def _names(name: str, value: Any) -> list[str]:
    """Name the tensors of a value by their paths."""
    leaves = zip(tree.paths(value), tree.leaves(value))
    return [name + path for path, leaf in leaves if isinstance(leaf, Tensor)]


def _recorded(name: str, t: Tensor) -> Buffer:
    """Make a buffer of the memory of a recorded tensor, whatever view of it that is."""
    memory = _flat(t)
    shape = tuple(t.shape) if memory.numel() == t.numel() else tuple(memory.shape)
    return Buffer(name, shape, memory)


def _flat(t: Tensor) -> Tensor:
    """Give all of the memory that a tensor is a view of."""
    size = t.untyped_storage().nbytes() // t.element_size()
    return t.detach().as_strided((size,), (1,), 0)


def _slot(buffer: Buffer, t: Tensor) -> Slot:
    """Give the slot of a buffer that a recorded tensor, a view of the same memory, stands for."""
    start = buffer.start * buffer.memory.element_size() // t.element_size()
    offset = int(t.storage_offset()) + start
    return Slot(buffer, tuple(t.shape), tuple(t.stride()), offset, t.dtype)
