"""What the page holds in compressed form, to be unpacked by its script when a reader opens it."""

from __future__ import annotations

import base64
import zlib


def pack(html: str) -> str:
    """Return HTML as base64 of zlib data, which a browser's `DecompressionStream` unpacks."""
    # Half a surrogate pair cannot be encoded; `replace` shows it as a question mark.
    return base64.b64encode(zlib.compress(html.encode("utf-8", "replace"), 9)).decode("ascii")
