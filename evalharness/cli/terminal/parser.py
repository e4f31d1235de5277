"""Parse arguments so that the parser's own exits can be told from those of libraries."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn


class ParserExit(SystemExit):
    """The arguments ask for help (code 0), or are refused (code 2)."""


class VerbParser(argparse.ArgumentParser):
    """A parser whose exits are `ParserExit`."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Print the message on stderr, and raise `ParserExit`."""
        if message:
            self._print_message(message, sys.stderr)
        raise ParserExit(status)
