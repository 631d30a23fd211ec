"""What determines an outcome, how two such identities differ in words, and the hash that names the folder.

An identity is known without loading a network or rendering an image: a network is its configuration, the hash of the
weights file named there and the code that builds it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from replications.identity import changed_modules, module_hashes
from replications.paths import project_root

# A picture drawn in another style is drawn anew where it is cheap, but makes no recorded number old.
STYLE_ONLY = re.compile(r"replications\.(.+[._])?drawing")
MACHINE = ("device", "torch")
PARTS = ("network", "evaluator", "data", "second_data")


def portable(value: Any) -> Any:
    """Plain values with the folders of this machine replaced by what they stand for, tuples by lists."""
    if isinstance(value, Mapping):
        return {str(key): portable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [portable(item) for item in value]
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str):
        for folder, name in _folders():
            if value == folder or value.startswith(folder + os.sep):
                return name + value[len(folder) :]
    return value


def _folders() -> Iterator[tuple[str, str]]:
    data = os.environ.get("REPLICATIONS_DATA")
    if data:
        yield str(Path(data).expanduser().absolute()), "$REPLICATIONS_DATA"
    yield str(project_root()), "."


def targets(config: Any) -> list[str]:
    """The dotted names after `_target_` anywhere in a configuration."""
    if isinstance(config, Mapping):
        own = [config["_target_"]] if isinstance(config.get("_target_"), str) else []
        return own + [name for item in config.values() for name in targets(item)]
    if isinstance(config, list | tuple):
        return [name for item in config for name in targets(item)]
    return []


def code_of(config: Any, *modules: str) -> dict[str, str]:
    """The hashes of the project code that a configuration's targets and the named modules consist of."""
    found: dict[str, str] = {}
    for name in targets(config):
        module = name.rpartition(".")[0]
        while module:
            try:
                found.update(module_hashes(module))
                break
            except ModuleNotFoundError:
                module = module.rpartition(".")[0]
    if modules:
        found.update(module_hashes(*modules))
    return dict(sorted(found.items()))


def named_files(config: Any) -> dict[str, str]:
    """The SHA-256 of every file that a configuration names, below the project or the data folder."""
    found: dict[str, str] = {}
    for text in _texts(config):
        for root in (project_root(), Path(os.environ.get("REPLICATIONS_DATA") or project_root()).expanduser()):
            path = root / text
            if path.is_file():
                with path.open("rb") as file:
                    found[str(portable(text))] = hashlib.file_digest(file, "sha256").hexdigest()
                break
    return dict(sorted(found.items()))


def trained_on(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a network is and how much it was trained on, as the JSON file beside its weights says; None without one."""
    weights = config.get("weights")
    folders = [project_root(), Path(os.environ.get("REPLICATIONS_DATA") or project_root()).expanduser()]
    for path in [(folder / weights).with_suffix(".json") for folder in folders if isinstance(weights, str)]:
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            return {
                "architecture": said["architecture"],
                "arguments": said["arguments"],
                "classes": len(said["classes"]),
                "training_images": said["training"]["images"],
            }
        except (OSError, ValueError, KeyError, TypeError):  # no such file, or one of another kind
            continue
    return None


def _texts(config: Any) -> Iterator[str]:
    if isinstance(config, Mapping):
        for item in config.values():
            yield from _texts(item)
    elif isinstance(config, list | tuple):
        for item in config:
            yield from _texts(item)
    elif isinstance(config, str) and config and len(config) < 1024 and "\n" not in config:
        yield config


def differences(old: Mapping[str, Any], new: Mapping[str, Any], ignore: Iterable[str] = MACHINE) -> list[str]:
    """What differs between two identities, one phrase each ("the parameter epochs, from 10 to 12").

    The machine (device type, torch version) is left out by default, and so are modules that only draw.
    """
    ignored = set(ignore)
    changes: list[str] = []
    if "seed" not in ignored and old.get("seed") != new.get("seed"):
        changes.append(f"the seed, from {old.get('seed')} to {new.get('seed')}")
    changes += _changed_values("the parameter", old.get("parameters") or {}, new.get("parameters") or {})
    changes += [f"the file {name}" for name in _changed_files(old, new)]
    before, now = old.get("reads") or {}, new.get("reads") or {}
    if not changes:  # other parameters read something else as a matter of course
        changes += [f"the {name} that it reads" for name in sorted(before.keys() & now) if before[name] != now[name]]
    for part in PARTS:
        changes += _changed_part(part, old.get(part), new.get(part))
    changes += [
        f"the outcome of {name}, which it reads"
        for name in sorted((old.get("uses") or {}).keys() | (new.get("uses") or {}).keys())
        if (old.get("uses") or {}).get(name) != (new.get("uses") or {}).get(name)
    ]
    changes += [
        f"the code of {module}"
        for module in changed_modules(_numeric(old.get("code") or {}), _numeric(new.get("code") or {}))
    ]
    for key in ("paper", "experiment", "profile", *MACHINE):
        if key not in ignored and old.get(key) != new.get(key):
            changes.append(f"the {key}, from {old.get(key)} to {new.get(key)}")
    return changes


def _numeric(code: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in code.items() if not STYLE_ONLY.fullmatch(name)}


def _changed_part(part: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[str]:
    part = part.replace("_", " ")
    if old is None or new is None:
        return [] if old == new else [f"whether it reads the {part}"]
    changes = _changed_values(f"the {part}'s", old["config"], new["config"])
    changes += [f"the {part}'s file {name}" for name in _changed_files(old, new)]
    # Another configuration gives other images as a matter of course; say so only where nothing else explains it.
    if not changes and old.get("images") != new.get("images"):
        changes.append("the images or labels of the data")
    return changes


def _changed_files(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    before, now = old.get("files") or {}, new.get("files") or {}
    return [name for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]


def _changed_values(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    before, now = dict(_flat(old)), dict(_flat(new))
    changes = []
    for key in sorted(before.keys() | now.keys()):
        if before.get(key, _ABSENT) == now.get(key, _ABSENT):
            continue
        if key not in before:
            changes.append(f"{what} {key}, newly {now[key]!r}")
        elif key not in now:
            changes.append(f"{what} {key}, no longer given (was {before[key]!r})")
        else:
            changes.append(f"{what} {key}, from {before[key]!r} to {now[key]!r}")
    return changes


_ABSENT = object()


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value
