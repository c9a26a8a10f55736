"""Primitive operations on tensors: each returns its value and its own derivative, or its adjoint.

They know nothing of layers, parameters' names or generators.
"""
