"""Plain words for characters that an encoding lacks: ± becomes +/-, ≤ becomes <=, é becomes e.

What is not in the table and has no plain form, such as a letter of another script in the name of a
file, becomes its code point, <U+6570>: unlike a question mark, that tells two names apart.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

__all__ = ["fits", "plain", "plain_streams"]

WORDS = r"""
± +/-  ∓ -/+  × x  · .  ⋅ *  ∗ *  ÷ /  − -  ≤ <=  ≥ >=  ≠ !=  ≈ ~  ≡ ==  ∈ in  ∞ inf  √ sqrt
∑ sum  Σ sum  ∏ prod  Π prod  ∂ d  ∇ grad  ∥ ||  ‖ ||  ∣ |  ⁄ /  µ u  μ u  ° deg  ‰ o/oo  ′ '  ″ "
→ ->  ← <-  ↔ <->  ↦ |->  ⇒ =>  ⇐ <=  ↑ ^  ↓ v  … ...  • *  ★ *  ✓ v  ✔ v  ✗ x  ✘ x  › >  ‹ <
‘ '  ’ '  ‚ '  “ "  ” "  „ "  « "  » "  ´ '  ß ss  æ ae  Æ AE  œ oe  Œ OE  ø o  Ø O  ł l  Ł L
λ lambda  Λ Lambda  đ d  Đ D  ð d  þ th  ı i  € EUR  £ GBP  ¥ JPY  © (c)  ® (R)  § S  ¶ P  ¿ ?  ¡ !
⊙ *  ⊗ x  ⊕ +  ∘ o  ⌊ [  ⌋ ]  ⌈ [  ⌉ ]  ∀ all  ∃ some  ¬ not  ∧ and  ∨ or  ⟨ <  ⟩ >
░ .  ▒ :  ▏ |  ▕ |  ╱ /  ╲ \  ╳ x
"""
PLAIN = dict(zip(WORDS.split()[::2], WORDS.split()[1::2]))
UNREAD = re.compile("[\udc80-\udcff]+")
ERRORS = "funcdl.plain"
"""The name under which codecs know this."""


def fits(text: str, encoding: str) -> bool:
    """Tell whether an encoding has all the characters of a text.

    >>> fits("±", "latin-1"), fits("≤", "latin-1"), fits("≤", "no such encoding")
    (True, False, False)
    """
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def plain(text: str, encoding: str) -> str:
    """Write a text with what an encoding has.

    >>> plain("15.10 ± 1.22, −3 µs: left ≤ right", "ascii")
    '15.10 +/- 1.22, -3 us: left <= right'
    >>> plain("15.10 ± 1.22, −3 µs: left ≤ right", "cp1252")
    '15.10 ± 1.22, -3 µs: left <= right'
    """
    if fits(text, encoding):
        return text
    return "".join(char if fits(char, encoding) else _plain(char) for char in _names(text))


@contextmanager
def plain_streams(*streams: TextIO | None) -> Iterator[None]:
    """Let streams write what their encoding lacks in plain words, whoever prints to them."""
    taken = [stream for stream in streams if hasattr(stream, "reconfigure")]
    before = [stream.errors for stream in taken]  # type: ignore[union-attr]
    for stream in taken:
        stream.reconfigure(errors=ERRORS)  # type: ignore[union-attr]
    try:
        yield
    finally:
        for stream, errors in zip(taken, before):
            with suppress(OSError, ValueError):  # it flushes; what is full or closed was told of
                stream.reconfigure(errors=errors)  # type: ignore[union-attr]


def _names(text: str) -> str:
    """Read the bytes of a file's name that Python could not, as UTF-8; they are that as a rule."""

    def read(found: re.Match[str]) -> str:
        return found[0].encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")

    return UNREAD.sub(read, text)


def _plain(char: str) -> str:
    """Write a character in ASCII."""
    if char.isascii():
        return char
    if char in PLAIN:
        return PLAIN[char]
    if "\udc80" <= char <= "\udcff":
        return f"<0x{ord(char) - 0xDC00:X}>"
    name, kind = unicodedata.name(char, ""), unicodedata.category(char)
    if name.startswith("BOX DRAWINGS"):
        return _line(name)
    if name.startswith("GREEK") and " LETTER " in name and "WITH" not in name:
        word = name.rpartition(" ")[2].lower()
        return word.capitalize() if kind == "Lu" else word
    if name.startswith("SUPERSCRIPT"):
        return "^" + unicodedata.normalize("NFKD", char)
    if kind in ("Zs", "Pd", "Mn", "Cf"):  # spaces, dashes, accents, what is not seen
        return {"Zs": " ", "Pd": "-"}.get(kind, "")
    if 0x2580 <= ord(char) <= 0x259F:
        return "#"
    if 0x2800 <= ord(char) <= 0x28FF:  # Braille, of which spinners are made
        return "*"
    parts = unicodedata.normalize("NFKD", char)
    return "".join(map(_plain, parts)) if parts != char else f"<U+{ord(char):04X}>"


def _line(name: str) -> str:
    """Draw a piece of a table's lines."""
    across = any(word in name for word in ("HORIZONTAL", "LEFT", "RIGHT"))
    down = any(word in name for word in ("VERTICAL", "UP", "DOWN"))
    if across and down:
        return "+"
    return "|" if down else "=" if "DOUBLE" in name else "-"


def _handle(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    run = _names(error.object[error.start : error.end])
    if error.encoding == "utf-8" and fits(run, "utf-8"):
        return run.encode(), error.end  # of a string the codec takes ASCII alone
    return "".join(map(_plain, run)), error.end


codecs.register_error(ERRORS, _handle)
