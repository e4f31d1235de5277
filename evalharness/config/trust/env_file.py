"""Read the `.env` of the working folder, which may be a folder of somebody else.

A folder's file may bring keys and addresses. It must not send a key of the user's to an address of its
own: an address and the keys that go there come from one hand.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENV_FILE = ".env"
_MAX_BYTES = 65_536
NAMES_A_SECRET = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
"""The names of variables that hold a key, a token or a password."""

_NAMES_AN_ADDRESS = re.compile(r"[A-Z0-9]+_(?:[A-Z0-9]+_)*(?:URL|BASE|ENDPOINT|HOST|SERVER)")
_OTHER_OWNERS = {
    "HF": ("HF", "HUGGING", "HUGGINGFACE", "HUGGINGFACEHUB"),
    "GEMINI": ("GEMINI", "GOOGLE"),
    "GOOGLE": ("GEMINI", "GOOGLE"),
}
_HUB_ADDRESS, _HUB_TOKEN, _HUB_TOKEN_PATH = "HF_ENDPOINT", "HF_TOKEN", "HF_TOKEN_PATH"
_CONNECTION_VARIABLES = frozenset(
    {
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    }
)
_CODE_VARIABLES = frozenset(
    {
        *("PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES"),
        *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "HF_MODULES_CACHE"),
    }
)


def load_env_file(folder: Path) -> None:
    """Add the variables in a folder's `.env` to the environment; existing variables keep their values.

    Raises:
        ConfigError: the file would send a key of the user's to an address of the folder's, or has a
            variable that lets a process load code.
        InputError: the file is not UTF-8 text, or too large.
    """
    path = folder / ENV_FILE
    if not path.is_file():
        return
    from io import StringIO

    from dotenv import dotenv_values, load_dotenv

    text = _read_text(path)
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    new = {name: value for name, value in values.items() if value and name not in os.environ}
    for name, value in new.items():
        if name.upper() in _CODE_VARIABLES:
            msg = f"{path} sets {name}, which lets a process load code; export it yourself"
            raise ConfigError(msg)
        for key in _list_foreign_keys(name, values):
            msg = (
                f"{path} sets {name}, but {key} comes from your environment: it would be sent to "
                f"{value}; export {name} as well, or unset {key} and put both into {ENV_FILE}"
            )
            raise ConfigError(msg)
    load_dotenv(stream=StringIO(text), interpolate=False)


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        msg = f"larger than {_MAX_BYTES:,} bytes, so it is no list of variables"
        raise InputError(msg, path=path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        msg = f"not UTF-8 text (byte 0x{content[error.start]:02x}); save the file as UTF-8"
        raise InputError(msg, path=path, line=line) from error


def _list_foreign_keys(name: str, values: Mapping[str, str | None]) -> Iterator[str]:
    """Yield the keys that are not the file's own, and that its variable `name` would send elsewhere."""
    if name.upper() in _CONNECTION_VARIABLES:
        yield from (key for key in _list_keys() if values.get(key) != os.environ[key])
    elif _NAMES_AN_ADDRESS.fullmatch(name):
        owner = name.partition("_")[0]
        owners = _OTHER_OWNERS.get(owner, (owner,))
        for key in _list_keys():
            if key.partition("_")[0] in owners and values.get(key) != os.environ[key]:
                yield key
    if name == _HUB_ADDRESS and not values.get(_HUB_TOKEN):
        token = _find_hub_token_file(values)
        if token is not None:
            yield f"the token in {token}"


def _list_keys() -> list[str]:
    return sorted(
        name for name, value in os.environ.items() if value and NAMES_A_SECRET.search(name)
    )


def _find_hub_token_file(values: Mapping[str, str | None]) -> Path | None:
    """Return the file with the hub's token that would be read, if there is one."""
    settings = {**values, **os.environ}
    home = Path(settings.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    path = Path(settings.get(_HUB_TOKEN_PATH) or home / "token").expanduser()
    return path if path.is_file() else None
