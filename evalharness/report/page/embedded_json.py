"""What the page holds in compressed form, to be unpacked by its script when a reader opens it."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

_COMPRESSION_LEVEL = 6
"""Level 9 takes twice the time for one percent."""


def compress_json(content: Any) -> str:
    """Return JSON-like content as base64 of zlib data, which `DecompressionStream` unpacks."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair cannot be encoded; `replace` shows it as a question mark.
    return base64.b64encode(
        zlib.compress(text.encode("utf-8", "replace"), _COMPRESSION_LEVEL)
    ).decode("ascii")


def escape_script_json(content: Any) -> str:
    """Return JSON-like content as it may stand in a `script` element, which no text can end."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
