"""What the regression check compares with: raw values in results/baselines, each with where and why it was measured.

results/baselines/probes/<profile>-<network>.json         values of all measures of all probes for each set of pictures
results/baselines/golden/<profile>-<network>/<probe>.png  golden pictures
results/baselines/recorded/<paper>-<profile>.json.gz      raw values of the recorded outcomes (`recorded_values`)

Written by `write` alone, each file in one step; `make baseline REASON='...'` is its command.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from replications.paths import atomic_write, project_root
from replications.regress import golden as golden_pictures
from replications.regress.golden import Golden
from replications.regress.values import Made, Measured, MeasureValues, ProbeValues
from replications.suite.errors import WrongInput, sentence
from replications.suite.formatting import number
from replications.suite.outcome_json import digest
from replications.suite.provenance import commit

FORMAT = 1
LEAST_SETS = 12
DIGITS = 9


class BadBaseline(WrongInput):
    """A file of the baseline can't be used. The message names it and says what to do."""


@dataclasses.dataclass(frozen=True)
class Baseline:
    """Of the probes on one profile and network. Each probe's provenance holds `reason` and `date` too."""

    profile: str
    network: str
    probes: Mapping[str, ProbeValues] = dataclasses.field(default_factory=dict)
    golden: Mapping[str, Golden] = dataclasses.field(default_factory=dict)

    def numbers(self) -> set[int]:
        """Of all sets of pictures in it."""
        return {n for probe in self.probes.values() for measure in probe.measures.values() for n in measure.values}


def baselines_root() -> Path:
    """The folder of the baselines; they belong to the code and lie with it, wherever results go."""
    return project_root() / "results" / "baselines"


def path_of(folder: Path, profile: str, network: str) -> Path:
    """The file of the probes' values."""
    return folder / "probes" / f"{profile}-{network}.json"


def golden_folder(folder: Path, profile: str, network: str) -> Path:
    """The folder of the golden pictures."""
    return folder / "golden" / f"{profile}-{network}"


def load(profile: str, network: str, folder: Path | None = None) -> Baseline:
    """The baseline of the probes; an empty one where none is written yet.

    Raises:
        BadBaseline: the file isn't a baseline of this profile and network.
    """
    path = path_of(folder or baselines_root(), profile, network)
    if not path.is_file():
        return Baseline(profile, network)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or document["format"] != FORMAT:
            raise ValueError(f"expected the format {FORMAT}")
        if (document["profile"], document["network"]) != (profile, network):
            raise ValueError(f"it is of {document['profile']} and {document['network']}")
        probes = {name: _probe(name, one, document["inputs"]) for name, one in document["probes"].items()}
        golden = {name: golden_pictures.from_json(one) for name, one in document["golden"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise BadBaseline(
            f"'{path}' can't be read as a baseline ({type(error).__name__}: {sentence(error)}); take it from the "
            "commit that it was written in, or write it anew with make baseline"
        ) from error
    return Baseline(profile, network, probes, golden)


def reason_of(text: str | None) -> str:
    """The reason, in one line. Raises WrongInput where there is none."""
    found = " ".join((text or "").split())
    if len(found) < 4 or not re.search(r"\w", found):
        raise WrongInput(
            "a baseline is what later changes are judged by, so it is written with a reason, which is kept in it; give "
            "one: make baseline REASON='...'"
        )
    return found


def updated(
    old: Baseline, measured: Measured, reason: str, date: str, backbone: Any = None
) -> tuple[Baseline, dict[str, bytes]]:
    """The baseline with what was measured in the place of the old values, and the files of the golden pictures.

    Probes that weren't measured stay as they are. backbone: what distances of golden pictures are taken in.

    Raises:
        WrongInput: a probe failed, or fewer than twelve sets were measured.
    """
    if len(set(measured.numbers)) < LEAST_SETS:
        raise WrongInput(f"a baseline needs at least {LEAST_SETS} sets of pictures, found {len(measured.numbers)}")
    if failed := [f"{p.name}: {p.sentence}" for p in measured.probes.values() if p.status == "failed"]:
        raise WrongInput(f"nothing is written, for probes failed: {'; '.join(failed)}")
    probes, golden, files = dict(old.probes), dict(old.golden), {}
    for name, probe in measured.probes.items():
        if probe.status == "done":
            probes[name] = dataclasses.replace(probe, provenance={**probe.provenance, "reason": reason, "date": date})
            golden.pop(name, None)
    for name, pictures in measured.pictures.items():
        golden[name], files[name] = golden_pictures.new(backbone, f"{name}.png", pictures, measured.numbers)
    return Baseline(measured.profile, measured.network, dict(sorted(probes.items())), golden), files


def without_gone(baseline: Baseline, known: Sequence[str]) -> Baseline:
    """The baseline without probes that there are no more."""
    probes = {name: probe for name, probe in baseline.probes.items() if name in known}
    golden = {name: one for name, one in baseline.golden.items() if name in known}
    return dataclasses.replace(baseline, probes=probes, golden=golden)


def changes(old: Baseline, new: Baseline) -> list[str]:
    """What writing `new` over `old` changes, a line each, old mean -> new mean."""
    lines: list[str] = []
    for name in dict.fromkeys([*old.probes, *new.probes]):
        before = old.probes[name].measures if name in old.probes else {}
        now = new.probes[name].measures if name in new.probes else {}
        for measure in dict.fromkeys([*before, *now]):
            lines += _change(f"{name} {measure}", before.get(measure), now.get(measure))
        if name in old.probes and name in new.probes:
            made = old.probes[name].made.changes(new.probes[name].made)
            lines += [f"{name}: {change}" for change in made]
    for name in dict.fromkeys([*old.golden, *new.golden]):
        if old.golden.get(name) != new.golden.get(name):
            word = "new" if name not in old.golden else "gone" if name not in new.golden else "others"
            lines.append(f"{name} golden pictures: {word}")
    return lines


def write(baseline: Baseline, files: Mapping[str, bytes], folder: Path | None = None) -> Path:
    """Write the golden pictures, then the values; pictures that are in no baseline any more are removed last.

    Raises:
        OSError: the folder can't be written.
    """
    folder = folder or baselines_root()
    pictures = golden_folder(folder, baseline.profile, baseline.network)
    for name, content in files.items():
        with atomic_write(pictures / baseline.golden[name].file) as file:
            file.write(content)
    path = path_of(folder, baseline.profile, baseline.network)
    with atomic_write(path, "w") as file:
        file.write(as_text(baseline))
    kept = {one.file for one in baseline.golden.values()}
    for picture in pictures.glob("*.png"):
        if picture.name not in kept:
            picture.unlink()
    return path


def as_text(baseline: Baseline) -> str:
    """The file's content: JSON with a list of numbers on one line; an input that probes share stands once."""
    inputs: dict[str, Any] = {}
    probes: dict[str, Any] = {}
    for name, probe in sorted(baseline.probes.items()):
        named = {part: digest(value)[:12] for part, value in sorted(probe.made.inputs.items())}
        inputs |= {named[part]: value for part, value in probe.made.inputs.items()}
        probes[name] = {
            "title": probe.title,
            **{key: probe.provenance[key] for key in sorted(probe.provenance)},
            "config_hash": digest(probe.made.config)[:12],
            "config": probe.made.config,
            "inputs": named,
            "measures": {measure: _measure_json(values) for measure, values in probe.measures.items()},
        }
    document = {
        "format": FORMAT,
        "profile": baseline.profile,
        "network": baseline.network,
        "inputs": dict(sorted(inputs.items())),
        "probes": probes,
        "golden": {name: golden_pictures.as_json(one) for name, one in sorted(baseline.golden.items())},
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    simple = re.compile(r"\[\s+((?:-?[\d.eE+-]+|null)(?:,\s+(?:-?[\d.eE+-]+|null))*)\s+\]")
    return simple.sub(lambda found: "[" + re.sub(r",\s+", ", ", found.group(1)) + "]", text) + "\n"


def today() -> str:
    """The date, for people; nothing is decided by it."""
    import datetime

    return datetime.datetime.now(datetime.UTC).date().isoformat()


def written_from() -> str:
    """The commit in words."""
    revision, dirty = commit()
    return "outside a checkout" if revision is None else f"commit {revision[:7]}{', with changes' if dirty else ''}"


def _measure_json(values: MeasureValues) -> dict[str, Any]:
    return {
        "unit": values.unit,
        "better": values.better,
        "floor": values.floor,
        "sets": list(values.values),
        "values": [float(f"{value:.{DIGITS}g}") for value in values.values.values()],
    }


def _probe(name: str, one: Mapping[str, Any], inputs: Mapping[str, Any]) -> ProbeValues:
    if digest(one["config"])[:12] != one["config_hash"]:
        raise ValueError(f"the configuration of {name} isn't the one that its hash names")
    measures = {}
    for measure, said in one["measures"].items():
        if said["better"] not in ("higher", "lower", "none"):
            raise ValueError(f"{name}, {measure}: better must be higher, lower or none, found {said['better']!r}")
        pairs = zip(map(int, said["sets"]), map(float, said["values"]), strict=True)
        better = cast(Literal["higher", "lower", "none"], said["better"])
        measures[measure] = MeasureValues(dict(pairs), str(said["unit"]), better, float(said["floor"]))
    provenance = {k: v for k, v in one.items() if k not in ("title", "config_hash", "config", "inputs", "measures")}
    made = Made(one["config"], {part: inputs[key] for part, key in one["inputs"].items()})
    return ProbeValues(name, one["title"], "done", "", measures, made, provenance)


def _change(what: str, old: MeasureValues | None, new: MeasureValues | None) -> list[str]:
    if old is not None and new is not None:
        same = _measure_json(old) == _measure_json(new)
        return [] if same else [f"{what}: {_mean(old)} -> {_mean(new)} {new.unit}"]
    if new is not None:
        return [f"{what}: newly {_mean(new)} {new.unit}"]
    assert old is not None
    return [f"{what}: {_mean(old)} {old.unit} -> not there any more"]


def _mean(values: MeasureValues) -> str:
    found = list(values.values.values())
    return number(sum(found) / len(found), 4)
