"""Servers behind TLS: only those whose certificate is trusted are asked, and given a key."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from endpoint_model import KEY, KEY_VARIABLE, backend_of, model, request

from evalharness.backends.openai.served_models import list_served_models
from evalharness.errors import PermanentError

BODY = b'{"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}'
REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
)


@asynccontextmanager
async def secured(certificate):
    """Give the address of a server with this certificate, and what it was sent."""
    heard = []

    async def serve(reader, writer):
        heard.append(await reader.read(65536))
        writer.write(REPLY)
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", heard


@pytest.fixture
def authority():
    """A certificate authority that nobody has heard of."""
    return trustme.CA()


async def test_a_server_that_nobody_vouches_for_is_refused_and_never_sees_the_key(
    authority, monkeypatch
):
    """Whoever stands in between could read the questions, make up answers, and take the key."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    async with (
        secured(authority.issue_cert("127.0.0.1")) as (url, heard),
        backend_of(model(url, max_attempts=8)) as (backend, _),
    ):
        with pytest.raises(PermanentError, match="certificate verify failed") as refusal:
            await backend.complete(request())

    assert not any(heard)
    assert (refusal.value.reason, refusal.value.attempts) == ("certificate", 1)
    assert str(refusal.value) == (
        "the server cannot be trusted: certificate verify failed: unable to get local issuer "
        "certificate; if it is yours, name the file with the certificate of its authority in "
        "SSL_CERT_FILE"
    )


async def test_a_server_that_nobody_vouches_for_is_not_asked_for_its_models(authority, monkeypatch):
    """The list is asked for by another client."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    async with secured(authority.issue_cert("127.0.0.1")) as (url, heard):
        with pytest.raises(PermanentError, match=r"certificate verify failed.*SSL_CERT_FILE"):
            await asyncio.to_thread(list_served_models, model(url))
    assert not any(heard)


@pytest.mark.parametrize(
    ("host", "words"), [("127.0.0.1", "4"), ("elsewhere.example", "certificate verify failed")]
)
async def test_an_authority_of_ones_own_is_trusted_for_the_servers_that_it_names(
    authority, tmp_path, host, words
):
    """A company's servers: `SSL_CERT_FILE` names who vouches for them, and for no other host."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    code = (
        "import asyncio, sys\n"
        "from endpoint_model import model, request\n"
        "from evalharness.backends import openai_compatible\n"
        "async def ask():\n"
        "    backend = openai_compatible.connect(model(sys.argv[1], max_attempts=1))\n"
        "    try: print((await backend.complete(request())).text)\n"
        "    except Exception as error: print(error)\n"
        "    finally: await backend.close()\n"
        "asyncio.run(ask())\n"
    )
    async with secured(authority.issue_cert(host)) as (url, heard):
        asking = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            code,
            url,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": "tests/support",
                "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
                KEY_VARIABLE: KEY,
            },
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
        )
        said, _ = await asking.communicate()

    assert words in said.decode()
    assert any(KEY.encode() in each for each in heard) == (words == "4")
