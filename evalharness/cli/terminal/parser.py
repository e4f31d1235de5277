"""Parse arguments, and refuse wrong ones in one line that says what to type instead."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import fields
from typing import NoReturn

from evalharness.errors import suggest_close_match

SETTING = "KEY=VALUE"
"""The metavariable of settings among the arguments of a verb."""


class ParserExit(SystemExit):
    """The arguments ask for help (code 0), or are refused (code 2)."""


class VerbParser(argparse.ArgumentParser):
    """A parser whose exits are `ParserExit`, told apart from those of libraries."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Print the message on stderr, and raise `ParserExit`."""
        if message:
            self._print_message(message, sys.stderr)
        raise ParserExit(status)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the arguments, and raise `ParserExit`."""
        self.exit(2, f"evalharness: {self._explain(message)}; see {self.prog} --help\n")

    def _explain(self, message: str) -> str:
        """Return an error of argparse in plain words."""
        if found := re.match(r"unrecognized arguments: (.+)", message, re.DOTALL):
            return self._explain_unknown(found[1].split()[0])
        if found := re.match(r"the following arguments are required: (.+)", message):
            return f"missing: {found[1]}; write {self._describe_needed()}"
        if found := re.match(
            r"argument (.+?): invalid choice: (.+) \(choose from (.+)\)", message, re.DOTALL
        ):
            name, value, listed = found[1], found[2].strip("'\""), found[3].replace("'", "")
            near = suggest_close_match(value, listed.split(", "))
            return f"{name} {value}: there is no such choice{near}; there are {listed}"
        if found := re.match(r"argument (.+?): expected (?:at least )?one argument", message):
            return f"{found[1]}: a value is missing behind it"
        return re.sub(r"^argument ", "", message)

    def _explain_unknown(self, word: str) -> str:
        """Return what may have been meant by an argument that the verb does not have."""
        if not word.startswith("-"):
            return f"{word}: one argument too many"
        option, _, value = word.partition("=")
        name = option.lstrip("-").replace("-", "_")
        near = suggest_close_match(option, list(self._option_string_actions))
        if any(action.metavar == SETTING for action in self._actions) and _is_setting(name):
            near = f"; a setting is written without dashes: {name}={value or 'VALUE'}"
        return f"{word}: there is no such option{near}"

    def _describe_needed(self) -> str:
        """Return the command with what it cannot do without."""
        words = [self.prog]
        for action in self._actions:
            value = str(action.metavar or action.dest.upper())
            if action.required and action.option_strings:
                words.append(f"{action.option_strings[0]} {value}")
            elif action.required:
                words.append(value)
        return " ".join(words)


def _is_setting(name: str) -> bool:
    from evalharness.config import RootConf

    return name.partition(".")[0] in {field.name for field in fields(RootConf)}
