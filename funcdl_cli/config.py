"""Options from a TOML file: a table for each command, keys named as its options are.

[pairs]
models = ["conv-shared", "conv-shared-aux"]
rounds = 20
out = "results"
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer

from funcdl import FuncdlError
from studykit.files import bytes_of
from studykit.schema import field, nearest, short, unknown

__all__ = ["ConfigError", "configure"]

MOST = 1 << 20
"""Bytes that a file of options may have."""

NOT_IN_FILES = {"config", "help", "list"}


class ConfigError(FuncdlError, ValueError):
    """A file of options that cannot be read, or that says what no option takes."""


def configure(context: typer.Context, path: Path | None) -> Path | None:
    """Make a file's options the defaults of a command: the callback of its `--config`.

    Raises:
        ConfigError: the file cannot be read or is no TOML, a table is of no command, a key of no
            option, or a value none that the option takes; one sentence with file and key.
    """
    if path is None or context.resilient_parsing:
        return path
    command, parent = str(context.info_name), context.parent
    known = sorted(getattr(parent.command, "commands", {})) if parent else [command]
    tables = _read(path)
    for name, table in tables.items():
        if name not in known:
            raise ConfigError(
                f"{path}: {name}: expected a table of {', '.join(known)}{nearest(name, known)}"
            )
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {name}: expected a table, got {short(table)}")
    options = _options(context)
    defaults = {}
    for key, value in tables.get(command, {}).items():
        where = f"{path}: {command}.{key}"
        if key not in options:
            raise ConfigError(f"{where}: {unknown(key, sorted(options), 'options')}")
        defaults[options[key].name] = _value(context, options[key], value, where)
    context.default_map = defaults
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        content = bytes_of(path, MOST + 1)
    except OSError as error:
        raise ConfigError(f"{path}: expected a file of options, got: {error.strerror}") from None
    if len(content) > MOST:
        raise ConfigError(f"{path}: expected a file of at most {MOST:,} bytes, got more")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: expected TOML in UTF-8, got: {error}") from None


def _options(context: typer.Context) -> dict[str, Any]:
    """Give a command's options by their names without the dashes."""
    found = {
        name.removeprefix("--"): param
        for param in context.command.params
        for name in param.opts
        if name.startswith("--")
    }
    return {key: param for key, param in found.items() if key not in NOT_IN_FILES}


def _value(context: typer.Context, param: Any, value: Any, where: str) -> Any:
    """Check a value as the command line would, and stricter: a number is not a string here."""
    hint = get_type_hints(context.command.callback)[param.name]
    kind = next((kind for kind in (hint, *get_args(hint)) if kind in (int, float, bool)), str)
    if kind is str and isinstance(value, list) and value:
        parts = [part for part in value if isinstance(part, (str, int, float))]
        value = ",".join(map(str, parts)) if len(parts) == len(value) else value
    value = field(kind, value, where, ConfigError)
    try:
        param.process_value(context, value)
    except typer.BadParameter as error:
        raise ConfigError(f"{where}: {error.message}") from None
    return value
