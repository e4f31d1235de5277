"""The body of a reply: as it was packed, and never more than its limit."""

from __future__ import annotations

import gzip
import zlib

import pytest

from evalharness.backends.openai.replies.body import ReplyBody
from evalharness.errors import PermanentError, TransientError

WORDS = b'{"text": "4"}' * 50
BARE = zlib.compressobj(wbits=-zlib.MAX_WBITS)
PACKED = {
    "": WORDS,
    "identity": WORDS,
    "UTF-8": WORDS,  # no encoding at all, but sent by some servers
    "gzip": gzip.compress(WORDS, mtime=0),
    "X-GZIP ": gzip.compress(WORDS[:90], mtime=0) + gzip.compress(WORDS[90:], mtime=0),
    "deflate": zlib.compress(WORDS),
    "Deflate": BARE.compress(WORDS) + BARE.flush(),
}


def read(
    encoding: str, content: bytes, *, limit_mb: float = 1.0, step: int = 7, cuts: bool = False
):
    """Return what is read of a content that arrives in small parts."""
    body = ReplyBody(encoding, limit_mb, "max_reply_mb", cuts=cuts)
    for start in range(0, len(content), step):
        body.add(content[start : start + step])
    return body.finish()


@pytest.mark.parametrize("encoding", PACKED)
@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_a_body_is_unpacked_however_it_was_packed(encoding, step):
    """Servers pack as they like, and send any part at any time."""
    assert read(encoding, PACKED[encoding], step=step) == WORDS


@pytest.mark.parametrize("encoding", PACKED)
def test_the_limit_is_of_what_a_body_unpacks_to(encoding):
    """Exactly the limit is allowed; one byte more is not."""
    limit_mb = len(WORDS) / 2**20
    assert read(encoding, PACKED[encoding], limit_mb=limit_mb) == WORDS
    with pytest.raises(PermanentError, match="larger than max_reply_mb=") as refusal:
        read(encoding, PACKED[encoding], limit_mb=limit_mb - 1 / 2**20)
    assert refusal.value.reason == "reply_too_large"


@pytest.mark.parametrize("encoding", PACKED)
def test_the_words_of_a_refusal_are_cut_at_the_limit(encoding):
    """What it is about stands at its beginning."""
    assert read(encoding, PACKED[encoding], limit_mb=10 / 2**20, cuts=True) == WORDS[:10]


def test_a_small_body_that_unpacks_to_a_gigabyte_is_refused_before_it_is_unpacked():
    """The parts that were unpacked stay below the limit, whatever one chunk holds."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()
    body = ReplyBody("gzip", 1.0, "max_reply_mb")

    with pytest.raises(PermanentError, match="max_reply_mb=1"):
        body.add(bomb)
    assert sum(map(len, body._parts)) <= 2**20


@pytest.mark.parametrize(
    ("encoding", "content", "words"),
    [
        ("gzip", b"{}", "not in the encoding gzip"),
        ("deflate", b"\x78\x9c\xff\xff\xff", "not in the encoding deflate"),
        ("gzip", PACKED["gzip"][:-9], "breaks off"),
    ],
)
def test_a_body_that_is_not_what_it_says_may_be_asked_for_again(encoding, content, words):
    """A proxy may have broken it."""
    with pytest.raises(TransientError, match=words) as refusal:
        read(encoding, content)
    assert refusal.value.reason == "bad_reply"
