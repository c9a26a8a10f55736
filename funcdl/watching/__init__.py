"""Watching: see what a pure function calls on tensors, or record it.

A `Watcher` sees every operation and every layer that its tensors go through; `summary` counts with
one, and `calibrate` measures. A `Recorder` is a watcher that notes what it sees as `Call`s, from
which `funcdl.staging` makes the plan of a step.
"""
