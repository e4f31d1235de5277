"""A LLaMA's tokenizer writes the tokens that its checkpoint meant, whichever release loads it."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("transformers")

from local_models import model
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors
from tokenizers.pre_tokenizers import Metaspace

from evalharness.backends.local.tokenizer_defaults import describe_token_change
from evalharness.backends.local.weights import Weights, load_tokenizer

pytestmark = pytest.mark.weights

SPECIAL = ("<unk>", "<s>", "</s>")
PIECES = (*SPECIAL, "\u2581", *"USERHi.:", "\u2581U")
TURNS = "Hi.</s>USER: Hi"


def _layout(*, prepends):
    """Return a tokenizer as transformers 4 saved it, with or without the space after `</s>`."""
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(PIECES))}
    made = Tokenizer(
        models.BPE(vocab=vocabulary, merges=[("\u2581", "U")], unk_token=SPECIAL[0], fuse_unk=True)
    )
    if prepends:
        steps = [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
        made.normalizer = normalizers.Sequence(steps)
    else:
        made.pre_tokenizer = Metaspace(prepend_scheme="first", split=False)
    made.decoder = decoders.Replace("\u2581", " ")
    made.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIAL])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return made


def _save(folder, layout, **said):
    layout.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "LlamaTokenizer",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config | said))
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    return load_tokenizer(Weights.of(model(folder)))


@pytest.mark.parametrize("prepends", [True, False])
@pytest.mark.parametrize("said", [{}, {"legacy": False}, {"add_bos_token": True}])
def test_a_next_turn_has_the_tokens_of_its_file(tmp_path, prepends, said):
    """Release 4 of transformers took them from there, whatever the configuration leaves out."""
    layout = _layout(prepends=prepends)

    loaded = _save(tmp_path, layout, **said)

    assert loaded(TURNS)["input_ids"] == layout.encode(TURNS).ids
    assert loaded("")["input_ids"] == [1]
    assert ("\u2581U" in loaded.tokenize(TURNS)) is prepends
    assert describe_token_change(loaded, tmp_path) is None


def test_other_tokens_than_the_files_are_named(tmp_path, caplog):
    """What cannot be mended is said, with the file."""
    loaded = _save(tmp_path, _layout(prepends=True))
    other = _layout(prepends=True)
    other.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    other.save(str(tmp_path / "tokenizer.json"))

    assert not caplog.records
    said = describe_token_change(loaded, tmp_path)
    assert said is not None
    assert "the token that begins a text" in said
    assert "tokenizer.json" in said


@pytest.mark.parametrize(
    ("said", "begins", "prepends"),
    [
        ({}, True, True),
        ({"legacy": False}, True, False),
        ({"add_bos_token": False}, False, True),
        ({"add_bos_token": True, "legacy": True}, True, True),
    ],
)
def test_a_sentencepiece_model_has_the_defaults_of_its_time(tmp_path, said, begins, prepends):
    """Without `tokenizer.json`, both were on unless the configuration said otherwise."""
    sentencepiece = pytest.importorskip("sentencepiece")
    text = tmp_path / "text.txt"
    text.write_text("USER: Write about Hawaii. ASSISTANT: Aloha! Hi.\n" * 50)
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(tmp_path / "tokenizer"),
        vocab_size=300,
        model_type="bpe",
        byte_fallback=True,
        pad_id=-1,
        minloglevel=2,
    )
    config = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | said))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))

    loaded = load_tokenizer(Weights.of(model(tmp_path)))

    assert (loaded("")["input_ids"][:1] == [loaded.bos_token_id]) is begins
    after = loaded.tokenize(TURNS)[loaded.tokenize(TURNS).index("</s>") + 1]
    assert after.startswith("\u2581") is prepends
