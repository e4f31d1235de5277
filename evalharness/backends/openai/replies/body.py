"""Collect the body of a reply up to a limit, which holds for what its compression unpacks to."""

from __future__ import annotations

import zlib

from evalharness.errors import PermanentError, TransientError

MAX_REFUSAL_MB = 1.0  # of the words of a refusal, which are cut
_BYTES_PER_MB = 2**20
ACCEPTED_ENCODINGS = "gzip, deflate"
TOO_LARGE = "reply_too_large"
_GZIP_ENCODINGS = ("gzip", "x-gzip")
_GZIP_WBITS = 16 + zlib.MAX_WBITS
_DEFLATE = "deflate"
_ZLIB_METHOD = 8  # in the low half of the first byte of a zlib stream; others are bare


class ReplyBody:
    """The body of one reply while it arrives."""

    def __init__(self, encoding: str, limit_mb: float, setting: str, *, cuts: bool = False) -> None:
        """Start without content.

        Args:
            encoding: the header `Content-Encoding`; one that is not understood leaves the bytes as
                they are, since some servers write a character set there.
            limit_mb: the most that the content may have, in MiB, after it is unpacked.
            setting: the setting of the limit, for the message.
            cuts: whether what is beyond the limit is dropped, in place of an error.
        """
        self._encoding = encoding.strip().lower()
        self._limit = int(limit_mb * _BYTES_PER_MB)
        self._words = f"the reply is larger than {setting}={limit_mb:g}"
        self._cuts = cuts
        self._parts: list[bytes] = []
        self._size = 0
        self._unpacker: zlib._Decompress | None = None

    @property
    def is_full(self) -> bool:
        """Whether the limit is reached, so that more of a reply that is cut need not be read."""
        return self._size >= self._limit

    def add(self, chunk: bytes) -> None:
        """Add bytes as they were sent.

        Raises:
            PermanentError: the content is larger than the limit.
            TransientError: the bytes are not in the encoding that the server named.
        """
        if self._encoding in _GZIP_ENCODINGS or self._encoding == _DEFLATE:
            self._unpack(chunk)
        else:
            self._append(chunk)

    def finish(self) -> bytes:
        """Return the whole content.

        Raises:
            TransientError: the compressed content breaks off.
        """
        if self._unpacker is not None and not self._unpacker.eof and not self.is_full:
            msg = f"the reply breaks off: its {self._encoding} content has no end"
            raise TransientError(msg, reason="bad_reply")
        return b"".join(self._parts)

    def _append(self, content: bytes) -> None:
        room = self._limit - self._size
        if len(content) > room:
            if not self._cuts:
                raise PermanentError(self._words, reason=TOO_LARGE)
            content = content[:room]
        self._size += len(content)
        self._parts.append(content)

    def _unpack(self, chunk: bytes) -> None:
        """Add what a chunk unpacks to, never more at once than the limit leaves."""
        while chunk and not (self._cuts and self.is_full):
            if self._unpacker is None:
                self._unpacker = zlib.decompressobj(self._choose_wbits(chunk))
            try:
                self._append(self._unpacker.decompress(chunk, self._limit - self._size + 1))
            except zlib.error as error:
                msg = f"the reply is not in the encoding {self._encoding} that it names: {error}"
                raise TransientError(msg, reason="bad_reply") from None
            if not self._unpacker.eof:
                chunk = self._unpacker.unconsumed_tail
            elif chunk := self._unpacker.unused_data:  # gzip may have several members
                self._unpacker = None

    def _choose_wbits(self, start: bytes) -> int:
        if self._encoding in _GZIP_ENCODINGS:
            return _GZIP_WBITS
        is_wrapped = start[0] & 0x0F == _ZLIB_METHOD
        return zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS
