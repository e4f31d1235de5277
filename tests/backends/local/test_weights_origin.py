"""Chat templates and commits as the files of weights say them, without loading any."""

from __future__ import annotations

import json
import subprocess
import sys

import checkpoints
import pytest
from local_models import model

from evalharness.backends import read_chat_template
from evalharness.cli import main
from evalharness.domain import compute_digest

FIRST, SECOND = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return a folder with a tiny model, whose template is a file of its own."""
    return checkpoints.save(tmp_path_factory.mktemp("weights"))


def _with_template(weights, folder, template):
    """Return a folder whose tokenizer has its template where older files have it."""
    from transformers import AutoTokenizer

    folder.mkdir()
    AutoTokenizer.from_pretrained(weights).save_pretrained(folder)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").touch()
    (folder / "chat_template.jinja").unlink()
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": template}))
    return folder


@pytest.mark.weights
@pytest.mark.parametrize(
    "template",
    [
        "{{ messages[0].content }}!",
        [
            {"name": "tool_use", "template": "{{ tools }}"},
            {"name": "default", "template": "{{ messages[0].content }}?"},
        ],
    ],
)
def test_the_template_is_the_one_that_the_tokenizer_uses(weights, tmp_path, template):
    """Wherever the files keep it."""
    from transformers import AutoTokenizer

    assert read_chat_template(model(weights)) == checkpoints.CHAT_TEMPLATE
    older = _with_template(weights, tmp_path / "older", template)

    own = AutoTokenizer.from_pretrained(older).get_chat_template()
    assert read_chat_template(model(older)) == own


def test_the_embedded_models_template_is_that_of_its_gguf_file():
    """Read from the file itself, and from the converted model where that is made already."""
    from evalharness.backends.local.embedded_model import gguf_file, is_embedded_model_converted

    source = gguf_file()
    if source is None:
        pytest.skip("the embedded model is not installed")
    in_gguf = model(source.parent, gguf_file=source.name)

    found = read_chat_template(in_gguf)
    assert "<|im_start|>" in found
    expected = found if is_embedded_model_converted() else None
    assert read_chat_template(model("embedded")) == expected


@pytest.mark.parametrize("text", ["{", "[]", '{"chat_template": 3}', '{"chat_template": []}'])
def test_a_template_that_cannot_be_read_is_none(tmp_path, text):
    """The manifest says null; loading the model is what fails."""
    (tmp_path / "tokenizer_config.json").write_text(text)

    assert read_chat_template(model(tmp_path)) is None
    assert read_chat_template(model(tmp_path / "absent")) is None


@pytest.mark.weights
def test_a_run_keeps_templates_and_tells_of_weights_that_changed(weights, tmp_path, monkeypatch):
    """The exact text by its digest, and every commit of the hub that answers came from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    kept = tmp_path / "hub/models--someone--tiny"
    for commit in (FIRST, SECOND):
        (kept / "snapshots").mkdir(parents=True, exist_ok=True)
        (kept / "snapshots" / commit).symlink_to(weights)
    (kept / "refs").mkdir()
    command = ["answer", "models=[vicuna-13b]", "run=mine", "models.vicuna-13b.template=tokenizer"]
    command += ["models.vicuna-13b.weights=someone/tiny", "models.vicuna-13b.context_length=256"]
    command += ["models.vicuna-13b.sampling.max_tokens=4", f"questions={tmp_path}/mine.jsonl"]
    rows = [{"question_id": name, "category": "writing", "turns": ["Hi."]} for name in "ab"]
    (tmp_path / "mine.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    manifests = []
    for limit, commit in ((1, FIRST), (2, SECOND), (2, SECOND)):
        (kept / "refs/main").write_text(commit)
        assert main([*command, f"questions.limit={limit}"]) == 0
        manifests.append(json.loads((tmp_path / "results/mine/manifest.json").read_text()))

    about = [each["models"]["vicuna-13b"] for each in manifests]
    assert [each["commits"] for each in about] == [[FIRST], [FIRST, SECOND], [FIRST, SECOND]]
    assert "changed while this run was made" not in str(manifests[0]["cautions"])
    assert any(f"{FIRST[:12]} then {SECOND[:12]}" in each for each in manifests[2]["cautions"])
    assert about[0]["template"] == compute_digest(checkpoints.CHAT_TEMPLATE)
    templates = json.loads((tmp_path / "results/mine/templates.json").read_text())
    assert templates == {about[0]["template"]: checkpoints.CHAT_TEMPLATE}


def test_looking_at_files_loads_no_library(tmp_path):
    """A manifest is written by every command."""
    code = (
        "import sys; from evalharness.backends import read_chat_template;"
        "from evalharness.domain import ModelSpec;"
        "from evalharness.backends.local.settings import WeightsSettings;"
        f"settings = WeightsSettings(weights={str(tmp_path)!r});"
        "read_chat_template(ModelSpec(name='a', backend='local_transformers', settings=settings));"
        "assert not {'torch', 'transformers', 'gguf'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
