"""Run the command line with `python -m evalharness VERB ...`, or as the command `evalharness`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line, and return its exit code.

    Python's own exit code for an error is 1, which means a decision in some verbs. Therefore what
    fails while modules are imported is caught here too.
    """
    try:
        from evalharness.cli import main as run_verb

        return run_verb()
    except Exception as error:  # noqa: BLE001 - a broken installation may raise anything
        from evalharness.cli import UNEXPECTED, report_unexpected_error

        report_unexpected_error(error, debug="--debug" in sys.argv)
        return UNEXPECTED
    except KeyboardInterrupt:
        from evalharness.cli import INTERRUPTED

        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
