"""A configuration whose sections are no sections is refused with the setting."""

from __future__ import annotations

import pytest
import yaml

from evalharness.errors import InputError
from evalharness.store import read_run, read_run_config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"judge": "x"}, "judge: keys with values are expected, not a str ('x')"),
        ({"judge": {"name": "j", "prompts": []}}, "judge.prompts: keys with values are expected"),
        ({"panel": {"second": [1]}}, "panel.second: keys with values are expected, not a list"),
        ({"models": []}, "models: keys with values are expected, not a list ('[]')"),
        ({"models": {"m": 3}}, "models.m: keys with values are expected, not a int ('3')"),
        ({"judging": True}, "judging: keys with values are expected, not a bool"),
        ({"cautions": float("nan")}, "cautions: a list of sentences is expected, not a float"),
    ],
)
def test_a_section_of_another_type_is_refused_with_its_setting(settings, message, tmp_path):
    """Resuming and reporting read the same sections."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))

    for read in (read_run, read_run_config):
        with pytest.raises(InputError) as error:
            read(tmp_path)
        assert str(error.value).startswith(f"{tmp_path / 'config.yaml'}: {message}")
        assert str(error.value).endswith("restore the file from a copy")
