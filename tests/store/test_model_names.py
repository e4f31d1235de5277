"""The models of a run's configuration have the names that its answers have."""

from __future__ import annotations

import pytest
import yaml
from foreign_files import MT_BENCH, write_files

from evalharness.errors import InputError
from evalharness.exchange import import_run_files
from evalharness.store import read_run


@pytest.fixture
def run(tmp_path):
    """Return the folder of a run with the answers of two models."""
    folder = tmp_path / "mt"
    import_run_files("mt-bench", [write_files(tmp_path / "foreign", MT_BENCH)], folder, "command")
    return folder


def _rename(folder, names):
    """Give the models of a configuration other names."""
    tree = yaml.safe_load((folder / "config.yaml").read_text())
    for key, name in names.items():
        tree["models"][key]["name"] = name
    (folder / "config.yaml").write_text(yaml.safe_dump(tree))


def test_a_name_that_no_answer_has_is_refused(run):
    """It would be a row of its own, beside the one with the answers."""
    _rename(run, {"vicuna-13b": "zzz"})
    with pytest.raises(
        InputError, match=r"models\.vicuna-13b\.name='zzz', but 'vicuna-13b' has"
    ) as e:
        read_run(run)
    assert e.value.path == run / "config.yaml"


def test_two_models_of_one_name_are_refused(run):
    """The second one would take the place of the first."""
    _rename(run, {"vicuna-13b": "alpaca-13b"})
    with pytest.raises(
        InputError, match=r"models\.alpaca-13b, models\.vicuna-13b have the same name"
    ):
        read_run(run)


def test_a_name_may_differ_from_its_key(run):
    """Keys are made for overrides; names are what the tables show."""
    tree = yaml.safe_load((run / "config.yaml").read_text())
    tree["models"]["other_key"] = tree["models"].pop("vicuna-13b")
    (run / "config.yaml").write_text(yaml.safe_dump(tree))
    assert set(read_run(run).config.models) == {"alpaca-13b", "vicuna-13b"}
