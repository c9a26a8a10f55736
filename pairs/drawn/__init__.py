"""Digits that a person drew, from a picture's file to what a model says of them."""
