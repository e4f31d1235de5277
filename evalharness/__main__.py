"""Run the command line with `python -m evalharness VERB ...`."""

from __future__ import annotations

import sys

from evalharness.cli import main

if __name__ == "__main__":
    sys.exit(main())
