"""What a user confirms on the command line: `--trust-config` and `--trust-code`."""

from __future__ import annotations

from dataclasses import dataclass

TRUST_CONFIG_OPTION = "--trust-config"
"""The option that lets the settings of an imported run choose what is called, sent and run."""

TRUST_CODE_OPTION = "--trust-code"
"""The option that lets a folder of benchmark tasks run its own Python."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the user has confirmed.

    Attributes:
        config: whether the settings of an imported run may choose addresses, environment variables,
            weights, templates and code.
        code: whether the Python in a folder of benchmark tasks may run.
    """

    config: bool = False
    code: bool = False


NO_TRUST = Trust()
"""Nothing is confirmed."""
