"""Recurrent units: a step, and sequences with several layers, both directions, states, lengths."""

from __future__ import annotations

from typing import Any

from funcdl import layers
from funcdl.cases.case import Case, Oracle
from funcdl.layers.recurrent import Recurrent

__all__ = ["CASES", "recurrent"]


def recurrent(
    name: str,
    layers: int = 1,
    both: bool = False,
    *,
    initial: bool = False,
    final: bool = False,
    lengths: bool = False,
) -> Oracle:
    """Give PyTorch's unit of this name with our parameters; each sequence alone, cut at its end."""

    def oracle(nnf: Any, p: Any, x: Any) -> Any:
        units = [p] if isinstance(p, Recurrent) else p
        seen, *others = x if isinstance(x, tuple) else (x,)
        hidden, lead = units[0].h.w.shape[0], seen.shape[:-2]
        rows = seen.flatten(0, -3)
        states = _firsts(others[0], len(units)) if initial else None
        count = 2 if name == "lstm" else 1
        if states is None:
            states = [[rows.new_zeros(*lead, hidden)] * len(units)] * count
        hs = [nnf.torch.stack([t.flatten(0, -2) for t in each]) for each in states]
        ends = others[-1].flatten().tolist() if lengths else [rows.shape[-2]] * len(rows)
        ys, lasts = [], []
        for i, end in enumerate(ends):
            begin = [h[:, i : i + 1] for h in hs]
            y, *last = _ran(nnf, name, units, rows[i : i + 1, :end], begin, layers, both)
            ys.append(nnf.pad(y[0], (0, 0, 0, rows.shape[-2] - end)))
            lasts.append([t[:, 0] for t in last])
        y = nnf.torch.stack(ys).unflatten(0, lead)
        if not final:
            return y
        found = [nnf.torch.stack(each, 1).unflatten(1, lead).unbind(0) for each in zip(*lasts)]
        each = list(zip(*found)) if count > 1 else found[0]
        return y, each[0] if len(units) == 1 else tuple(each)

    return oracle


def _firsts(state: Any, count: int) -> list[Any]:
    """List the tensors h of all units, and then their tensors c."""
    units = [state] if count == 1 else state
    return [[*each] for each in zip(*units)] if isinstance(units[0], tuple) else [[*units]]


def _ran(nnf: Any, name: str, units: Any, rows: Any, begin: Any, layers: int, both: bool) -> Any:
    if not rows.shape[-2]:
        width = begin[0].shape[-1] * (2 if both else 1)
        return (rows.new_zeros(1, 0, width), *begin)
    biases = units[0].x.b != ()
    weights = [t for u in units for t in (u.x.w.T, u.h.w.T, *((u.x.b, u.h.b) if biases else ()))]
    first = begin if name == "lstm" else begin[0]
    settings = biases, layers, 0.0, False, both, True
    return getattr(nnf.torch, name)(rows, first, weights, *settings)


def _lstm_cell(nnf: Any, p: Any, x: Any) -> Any:
    return nnf.torch.lstm_cell(x[1], x[0], p.x.w.T, p.h.w.T, p.x.b, p.h.b)


def _noisy(nnf: Any, p: Any, x: Any) -> Any:
    """Two layers with noise between them, from the generator that rows of the table are given."""
    y = recurrent("gru")(nnf, p[0], x)
    y, _ = layers.dropout(0.4)((), y, nnf.torch.Generator().manual_seed(1))
    return recurrent("gru")(nnf, p[1], y)


ALL: dict[str, Any] = {"initial": True, "final": True, "lengths": True}
STATE, ROW = (3, 4), (3, 6, 2)

CASES = [
    Case(
        layers.gru_cell(4),
        ((3, 4), (3, 2)),
        oracle=lambda nnf, p, x: nnf.torch.gru_cell(x[1], x[0], p.x.w.T, p.h.w.T, p.x.b, p.h.b),
        module=("GRUCell", 2, 4),
    ),
    Case(layers.gru_cell(4), ((2, 3, 4), (2, 3, 2)), id="gru_cell on two leading axes"),
    Case(layers.gru(4), ROW, oracle=recurrent("gru"), module=("GRU", 2, 4, 1, True, True)),
    Case(layers.gru(4), (3, 1, 2), oracle=recurrent("gru"), id="gru of one step"),
    Case(layers.gru(3), (2, 3, 4, 5), oracle=recurrent("gru"), id="gru on two leading axes"),
    Case(layers.gru(3, b_init=None), ROW, oracle=recurrent("gru"), id="gru without bias"),
    Case(
        layers.gru(4, layers=2, bidirectional=True, **ALL),
        (ROW, (STATE,) * 4, (3,)),
        oracle=recurrent("gru", 2, True, **ALL),
    ),
    Case(layers.gru(4, initial=True), (ROW, STATE), oracle=recurrent("gru", initial=True)),
    Case(layers.gru(4, lengths=True), (ROW, (3,)), oracle=recurrent("gru", lengths=True)),
    Case(layers.gru(4, layers=2, dropout=0.4), ROW, oracle=_noisy, random=True),
    Case(
        layers.lstm_cell(4),
        ((STATE, STATE), (3, 2)),
        oracle=_lstm_cell,
        module=("LSTMCell", 2, 4),
    ),
    Case(layers.lstm(4), ROW, oracle=recurrent("lstm"), module=("LSTM", 2, 4, 1, True, True)),
    Case(layers.lstm(3), (2, 3, 4, 5), oracle=recurrent("lstm"), id="lstm on two leading axes"),
    Case(layers.lstm(3, b_init=None), ROW, oracle=recurrent("lstm"), id="lstm without bias"),
    Case(
        layers.lstm(4, layers=2, bidirectional=True, **ALL),
        (ROW, ((STATE, STATE),) * 4, (3,)),
        oracle=recurrent("lstm", 2, True, **ALL),
    ),
    Case(
        layers.lstm(4, **ALL),
        (ROW, (STATE, STATE), (3,)),
        oracle=recurrent("lstm", **ALL),
    ),
    Case(
        layers.lstm(4, bidirectional=True, final=True),
        ROW,
        oracle=recurrent("lstm", 1, True, final=True),
    ),
    Case(
        layers.rnn_cell(4),
        (STATE, (3, 2)),
        oracle=lambda nnf, p, x: nnf.torch.rnn_tanh_cell(
            x[1], x[0], p.x.w.T, p.h.w.T, p.x.b, p.h.b
        ),
        module=("RNNCell", 2, 4),
    ),
    Case(
        layers.rnn_cell(4, "relu"),
        (STATE, (3, 2)),
        oracle=lambda nnf, p, x: nnf.torch.rnn_relu_cell(
            x[1], x[0], p.x.w.T, p.h.w.T, p.x.b, p.h.b
        ),
        module=("RNNCell", 2, 4, True, "relu"),
    ),
    Case(
        layers.rnn(4),
        ROW,
        oracle=recurrent("rnn_tanh"),
        module=("RNN", 2, 4, 1, "tanh", True, True),
    ),
    Case(layers.rnn(3, b_init=None), (2, 3, 4, 5), oracle=recurrent("rnn_tanh")),
    Case(
        layers.rnn(4, "relu"),
        ROW,
        oracle=recurrent("rnn_relu"),
        module=("RNN", 2, 4, 1, "relu", True, True),
    ),
    Case(
        layers.rnn(4, layers=2, bidirectional=True, **ALL),
        (ROW, (STATE,) * 4, (3,)),
        oracle=recurrent("rnn_tanh", 2, True, **ALL),
    ),
    Case(
        layers.rnn(4, "relu", **ALL),
        (ROW, STATE, (3,)),
        oracle=recurrent("rnn_relu", **ALL),
    ),
]
