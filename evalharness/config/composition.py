"""Compose overrides and YAML files into one configuration, with Hydra."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.config.api_keys import refuse_keys_in_config, refuse_keys_in_overrides
from evalharness.config.benchmark_suite import custom_suite_overrides
from evalharness.config.messages import explain_hydra_error, refuse_unknown_keys
from evalharness.config.schema import RootConf
from evalharness.config.secret_headers import refuse_written_headers, resolve_config
from evalharness.domain import describe_retirement
from evalharness.errors import ConfigError
from evalharness.store import current_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OPEN_SETTINGS = {"extra_body", "headers", "template_options"}  # they may have any keys


def compose_config(overrides: Sequence[str], config_dir: Path | None = None) -> dict[str, Any]:
    """Return the composed configuration as plain dicts and lists.

    Args:
        overrides: as `key=value`, in the syntax of Hydra and with the shorthands of this program.
        config_dir: a folder with the user's own configuration files.

    Raises:
        ConfigError: an override or a file is wrong; the message names it, with close matches.
    """
    refuse_keys_in_overrides(overrides)
    arguments = [
        argument for override in overrides for argument in _expand_override(override, config_dir)
    ]
    if config_dir is not None:
        if not config_dir.is_dir():
            msg = f"--config-dir {config_dir}: there is no such folder"
            raise ConfigError(msg)
        place = quote_override_value(f"file://{config_dir.resolve()}")
        arguments.append(f"hydra.searchpath=[{place}]")
    tree = _compose_with_hydra(arguments, config_dir)
    refuse_unknown_keys(tree)
    refuse_keys_in_config(tree)
    refuse_written_headers(tree)
    _apply_overrides_to_categories(tree, overrides)
    return tree


def _compose_with_hydra(arguments: list[str], config_dir: Path | None) -> dict[str, Any]:
    """Return the configuration that Hydra composes; translate its errors."""
    from hydra import compose, initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    folder = str(find_resource_folder("conf").resolve())
    ConfigStore.instance().store("schema", RootConf)
    GlobalHydra.instance().clear()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with initialize_config_dir(folder, version_base="1.3"):
                config = compose("config", overrides=arguments)
        tree = resolve_config(config)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(
            explain_hydra_error(error, lambda group: list_choices(group, config_dir))
        ) from error
    return tree


def list_choices(group: str, config_dir: Path | None = None) -> tuple[str, ...]:
    """Return the names that an override can choose in a group (`models`, `judge`, ...)."""
    folders = [find_resource_folder("conf"), *([config_dir] if config_dir else [])]
    return tuple(
        sorted({path.stem for folder in folders for path in (folder / group).glob("*.yaml")})
    )


def describe_choice(group: str, name: str, config_dir: Path | None = None) -> str:
    """Return the first comment of a configuration file, which describes it in one line.

    The day on which a model's provider ends it is added, for models and for judges.
    """
    lines = _read_choice(group, name, config_dir)
    comments = (line[1:].strip() for line in lines if line[:1] == "#")
    title = next((text for text in comments if not text.startswith("@package")), "")
    model = _find_values(lines, "- /models@model")
    if group == "judge" and model:
        lines = _read_choice("models", model[0], config_dir)
    retired, successor = (
        next(iter(_find_values(lines, key)), None) for key in ("retired", "successor")
    )
    end = describe_retirement(retired, successor, current_timestamp()[:10])
    return f"{title} ({end})" if end else title


def _read_choice(group: str, name: str, config_dir: Path | None) -> list[str]:
    """Return the lines of a configuration file; none where there is no such file."""
    folders = [*([config_dir] if config_dir else []), find_resource_folder("conf")]
    files = (folder / group / f"{name}.yaml" for folder in folders)
    return next((path.read_text().splitlines() for path in files if path.is_file()), [])


def _find_values(lines: Sequence[str], key: str) -> list[str]:
    """Return the plain values of a key in lines of YAML."""
    return [
        line.split(":", 1)[1].split("#")[0].strip(" '\"")
        for line in lines
        if line.strip().startswith(f"{key}:")
    ]


def find_resource_folder(name: str) -> Path:
    """Return the folder `conf` or `questions`, in the installed package or at the top of a checkout."""
    package = Path(__file__).parents[1]
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def quote_override_value(text: str) -> str:
    """Return a text quoted and escaped as the value of an override."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _expand_override(override: str, config_dir: Path | None) -> list[str]:
    """Return the Hydra overrides that an override with a shorthand expands to."""
    key, equals, value = override.partition("=")
    bare = key.lstrip("+")
    if not equals:
        msg = f"{override!r} is not an override: write key=value, say models=[vicuna-13b]"
        raise ConfigError(msg)
    if bare.startswith("engine.resources") or _OPEN_SETTINGS & set(bare.split(".")):
        return [f"++{bare}={value}"]  # Hydra does not let names be added by a plain override
    if bare == "experiment":
        return [f"+experiment={value}"]
    if bare == "questions" and (value.endswith(".jsonl") or "/" in value):
        return ["questions=file", f"questions.path={quote_override_value(value)}"]
    if bare == "judge" and value.startswith("[") and value.endswith("]"):
        first, *others = [name.strip() for name in value[1:-1].split(",")]
        return [f"judge={first}", *(f"+judge@panel.{name}={name}" for name in others)]
    if bare == "benchmarks" and value not in list_choices(bare, config_dir):
        return custom_suite_overrides(value)
    return [override]


def _apply_overrides_to_categories(tree: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """Apply an override such as `models.NAME.sampling.temperature=0` to every category too."""
    keys = {override.partition("=")[0].lstrip("+") for override in overrides}
    for name, model in tree["models"].items():
        place = f"models.{name}.sampling"
        for category, own in model["sampling"]["by_category"].items():
            for field in own:
                specific = f"{place}.by_category.{category}.{field}"
                if f"{place}.{field}" in keys and specific not in keys:
                    own[field] = None
