"""The help of a command; on a terminal too narrow for columns, an option above what it does."""

from __future__ import annotations

import inspect
from textwrap import fill
from typing import Any

from rich.console import Console
from rich.markup import render
from typer.core import TyperCommand, TyperGroup

from funcdl_cli.console import out, say
from funcdl_cli.plain import plain

__all__ = ["Command", "Group"]

NARROW = 60
"""Below so many columns, typer's panels cut names of options and leave a word a line."""


class Command(TyperCommand):
    """A command whose help can be read at any width, in any encoding."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        if not _narrow(self, ctx):
            super().format_help(ctx, formatter)


class Group(TyperGroup):
    """The command of commands, likewise."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        if not _narrow(self, ctx):
            super().format_help(ctx, formatter)


def _narrow(command: Any, ctx: Any) -> bool:
    """Print the help where it needs few columns; tell whether it did."""
    commands = [command.get_command(ctx, name) for name in getattr(command, "commands", {})]
    for told in (command, *commands, *command.get_params(ctx)):
        # Before it is laid out: paragraphs that flow, in characters that the stream has.
        if told.help:
            told.help = plain(_flowing(told.help), out.encoding)
    width = Console().width  # as typer takes it
    if width >= NARROW:
        return False
    say(_lines(command.get_usage(ctx), width, "  "))
    for paragraph in command.help.split("\n\n"):
        say("\n" + _lines(paragraph, width))
    panels: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(ctx):
        if (record := param.get_help_record(ctx)) is not None:
            kind = f"{param.param_type_name.capitalize()}s"
            panels.setdefault(getattr(param, "rich_help_panel", None) or kind, []).append(record)
    if commands:
        panels["Commands"] = [(told.name, told.help.split("\n\n")[0]) for told in commands]
    for name, records in panels.items():
        out.print(f"\n[bold]{name}[/bold]")
        for names, about in records:
            if len(names) + 2 > width:  # of many choices
                names = names.replace("|", "| ")
            say(_lines(f"  {names}", width, "  ") + "\n" + _lines(f"      {about}", width))
    if command.epilog:
        lines = str(render(command.epilog)).split("\n")
        say("\n" + "\n".join(_lines(line, width, "  ") for line in lines))
    return True


def _flowing(text: str) -> str:
    """Join the lines of each paragraph."""
    return "\n\n".join(part.replace("\n", " ") for part in inspect.cleandoc(text).split("\n\n"))


def _lines(text: str, width: int, further: str = "") -> str:
    """Break a line between words, what follows some spaces further in."""
    inside = " " * (len(text) - len(text.lstrip()))
    return fill(
        text,
        width,
        subsequent_indent=inside + further,
        break_long_words=False,
        break_on_hyphens=False,
    )
