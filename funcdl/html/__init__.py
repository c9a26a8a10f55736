"""Pages: what `trace` and the table of a `summary` are shown by, without a script.

One style sheet, a few elements, and tensors as numbers or as small pictures. Nothing in a page
refers to a place outside of it.
"""
