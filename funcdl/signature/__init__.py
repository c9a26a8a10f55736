"""What a layer declares: patterns with named axes, checked and worded in one place."""

from funcdl.signature.pattern import ANYTHING, anything, each, numbered, of
from funcdl.signature.signature import Signature

__all__ = ["ANYTHING", "Signature", "anything", "each", "numbered", "of"]
