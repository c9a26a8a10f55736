"""A column of ones: [x 1] [w; b] is x w + b in one product, and [x 1]ᵀ dy is dw and db."""

from __future__ import annotations

from dataclasses import replace

from funcdl.staging.memory import Buffer, Rows, Slot

__all__ = ["fits", "in_rows", "stacked", "wide", "widened"]


def widened(buffer: Buffer, width: int, ones: bool) -> Buffer:
    """Make memory for a buffer's rows of so many columns with one column more."""
    # Long rows begin at a multiple of 16 numbers: products of matrices are a tenth faster.
    pitch = width + 1 if width < 64 else -(-(width + 1) // 16) * 16
    memory = buffer.memory.new_ones(buffer.size // width * pitch)
    return replace(buffer, memory=memory, rows=Rows(width, pitch, ones))


def fits(slot: Slot, width: int) -> bool:
    """Tell whether a view can be had of memory with a column more: each axis is along or across."""
    if slot.dtype.itemsize != slot.buffer.memory.element_size():
        return False
    start = slot.offset % width
    for length, stride in zip(slot.shape, slot.stride):
        along = stride == 1 and start + length <= width
        if length > 1 and not along and stride % width:
            return False
    return True


def in_rows(buffer: Buffer, slot: Slot) -> Slot:
    """Give the place of a slot in a widened buffer."""
    assert buffer.rows is not None
    width, pitch, _ = buffer.rows
    stride = tuple(n // width * pitch + n % width for n in slot.stride)
    offset = slot.offset // width * pitch + slot.offset % width
    return replace(slot, buffer=buffer, stride=stride, offset=offset)


def wide(slot: Slot, ones: bool = False) -> Slot | None:
    """Add to a view of rows its last column, with `ones` one of ones; None where there is none."""
    rows = slot.buffer.rows
    if rows is None or (ones and not rows.ones) or not slot.ndim:
        return None
    if slot.shape[-1] != rows.width or slot.stride[-1] != 1:
        return None
    return replace(slot, shape=(*slot.shape[:-1], rows.width + 1))


def stacked(w: Slot, b: Slot) -> Slot | None:
    """View w (in, out) and the b (out,) behind it as one matrix (in + 1, out)."""
    if w.ndim != 2 or b.numel != w.shape[-1] or w.dtype != b.dtype:
        return None
    if w.buffer.memory is not b.buffer.memory or b.offset != w.offset + w.numel:
        return None
    if not (w.is_contiguous() and b.is_contiguous()):
        return None
    return replace(w, shape=(w.shape[0] + 1, w.shape[1]))
