"""Test that an import reads or refuses any file, and names the place of the error."""

from __future__ import annotations

import tempfile
from copy import deepcopy
from pathlib import Path

import pytest
from foreign_files import FOLDERS, encode_rows, read_files, render_files, write_files
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.errors import ConfigError, InputError

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["model_a", "tie", "A>B", "1", -1, 0, 2, "judge", ["gpt-4", "pair-v2"]]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@pytest.mark.parametrize("name", FOLDERS)
@given(data=st.data())
@settings(max_examples=25)
def test_rows_with_foreign_values_are_read_or_refused(name, data):
    """A field of the wrong kind, missing, or with a strange value is nobody's traceback."""
    files = deepcopy(dict(FOLDERS[name]))
    file = data.draw(st.sampled_from(sorted(files)))
    if isinstance(files[file], str):
        files[file] = data.draw(st.text(alphabet='left,right\n"tie\r\0é', max_size=60))
    else:
        row = data.draw(st.sampled_from(files[file]))
        field = data.draw(st.sampled_from(sorted(row)))
        row[field] = data.draw(JUNK)
        if data.draw(st.booleans()):
            del row[field]
    _read_or_refuse(name, {each: encode_rows(each, rows).encode() for each, rows in files.items()})


@pytest.mark.parametrize("name", FOLDERS)
@given(data=st.data())
@settings(max_examples=25)
def test_bytes_that_were_damaged_are_read_or_refused(name, data):
    """A bit that fell over, a piece that is missing, or a piece of another file."""
    files = {each: encode_rows(each, rows).encode() for each, rows in FOLDERS[name].items()}
    file = data.draw(st.sampled_from(sorted(files)))
    content = files[file]
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 20)))
    files[file] = content[:start] + data.draw(st.binary(max_size=8)) + content[end:]

    _read_or_refuse(name, files)


def _read_or_refuse(name, files):
    """Read files, and write what was read; both must hold for all that is not refused."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), {})
        for each, content in files.items():
            path = Path(folder, each)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            imported = read_files(name, Path(folder))
        except (InputError, ConfigError):
            return
        for content in render_files(name, imported).values():
            assert content.decode("utf-8")
