"""Files that hold one object are refused in words where they hold anything else."""

from __future__ import annotations

import pytest

from evalharness.errors import InputError
from evalharness.store import read_run, read_run_config
from evalharness.store.object_files import read_json_object


@pytest.mark.parametrize("content", ["[]", "7", '"text"', "null", '{"a": ', "\x00", "[" * 100_000])
def test_json_that_is_no_object_is_refused_with_its_file(tmp_path, content):
    """A damaged file is bad input, not a fault of the program."""
    (tmp_path / "manifest.json").write_text(content)

    with pytest.raises(InputError, match=r"manifest\.json: .*restore"):
        read_json_object(tmp_path / "manifest.json")


@pytest.mark.parametrize("content", ["- 1", "text", "7"])
def test_a_configuration_that_has_no_keys_is_refused_with_its_file(tmp_path, content):
    """The message names the file, whoever reads it."""
    (tmp_path / "config.yaml").write_text(content)

    for read in (read_run, read_run_config):
        with pytest.raises(InputError, match=r"config\.yaml: keys with values"):
            read(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    """A file of another kind under the name of ours."""
    path = tmp_path / "manifest.json"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InputError, match="not JSON"):
        read_json_object(path)
