"""What `replicate compare --help` prints: the protocol and how to choose, made of the files that a run reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from replications.compare.protocol import Protocol
from replications.compare.subjects import FIRES, LIKED_FACETS

if TYPE_CHECKING:
    from hydra._internal.config_loader_impl import ConfigLoaderImpl

GROUP = "experiment/compare"
PUBLISHED = "published_"
WIDTH = 110

HEAD = """\
Compare methods of feature visualization: every method makes pictures of the same units of one network, and the same
measures look at them all. In short: replicate compare, or make compare.

  replicate compare                                 all methods at equal compute, then the leaderboard
  replicate compare experiments=[olah2017,mfv]      some of them; the others stay as they were measured
  replicate compare full=true                       also each method as it was published, which takes long
  replicate compare profile=natural network=NAME    on photographs, with a network trained on them
  replicate compare seed=1                          other units, other images, other pictures
  replicate compare paper.protocols.laptop.pictures=8
                                                    another protocol, for all methods
  replicate compare -m network=zfnet_small,alexnet_small
                                                    a sweep; hydra/launcher=joblib runs it side by side"""

TAIL = """\
How to choose
  Trust the measures that take known facets first; how far each of the others agrees with them is on the page
  (leaderboard.html). Compare only within one network, profile and setting. A difference counts where the paired
  test, corrected for all pairs of methods, says so; a mean alone doesn't.

Everything else is as in replicate --help. Adding a method, a measure, a network or images:
replications/compare/README.md"""


def guide(conf: Path, config_dir: str | None = None) -> str:
    """The text. conf: the project's configuration folder; config_dir: another one that is looked into first."""
    from replications.suite.command_line import loader_of

    loader = loader_of(conf, config_dir)
    protocols = {name: Protocol(**_read(loader, f"protocol/{name}")) for name in ("laptop", "natural", "imagenet")}
    methods, published = _methods(loader)
    parts = [
        [HEAD],
        ["The protocol (conf/protocol/laptop.yaml)", *_sentences(protocols["laptop"])],
        ["In the other profiles", *_differences(protocols)],
        [
            f"Methods ({len(methods)} in conf/{GROUP}; experiments=NAME)",
            *_columns(methods),
            f"  As published, with full=true: experiments={PUBLISHED}NAME for",
            _wrapped(", ".join(published), "  "),
        ],
        ["Measures (conf/compared/measures.yaml)", *_columns(_measures(loader))],
        [TAIL],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _sentences(protocol: Protocol) -> Iterator[str]:
    """The protocol in words."""
    p = protocol
    classes = "all classes" if p.classes is None else f"the first {p.classes} classes"
    layers = ", ".join(f"{count} of layer {layer}" for layer, count in p.hidden.items() if count)
    hidden = f"; hidden units: {layers}" if layers else ""
    harder = (
        ""
        if p.hard_queries is None
        else (f", and as many with queries between the quantiles {p.hard_queries[0]:g} and {p.hard_queries[1]:g}")
    )
    words = {
        "Units": f"{classes} that the network knows and that have images enough{hidden}. Hidden units are drawn at "
        f"random, by the run's seed, among those that fire for {100 * FIRES:g} % of the images and like at least "
        f"{LIKED_FACETS} facets, where facets are known.",
        "Pictures": f"{p.pictures} of each unit in each of {len(p.seeds)} sets (the numbers "
        f"{', '.join(map(str, p.seeds))}); sets share nothing but the units.",
        "Compute": f"{p.passes} forward-backward passes of the network for one picture, views counted, for every "
        "method that optimizes; as published it has what its authors gave it.",
        "A method sees": f"{p.training_images:,} training images, drawn anew for each set; no validation image, no "
        "facets, and never the network that judges.",
        "Compared with": f"{p.validation_images:,} validation images. A unit likes the images of its class, or the "
        f"{p.liked} that excite it most; of these a facet must make {100 * p.least_share:g} % to be liked. Where "
        f"facets aren't known, {p.natural_clusters} clusters stand for them.",
        "Forced choice": f"{p.trials} trials for each unit and set{harder}.",
    }
    for about, sentence in words.items():
        yield _wrapped(f"{about}: {sentence}", "  ", "    ")


def _differences(protocols: Mapping[str, Protocol]) -> Iterator[str]:
    """What differs from the first protocol, in the configuration's own words."""
    first, *others = protocols
    for name in others:
        own = vars(protocols[name])
        changed = [f"{key}={_plain(value)}" for key, value in own.items() if value != vars(protocols[first])[key]]
        yield _wrapped(f"{name}: {', '.join(changed) or 'the same'}", "  ", "    ")


def _methods(loader: ConfigLoaderImpl) -> tuple[list[tuple[str, str]], list[str]]:
    """Name and title of each method; the names of those that are also run as published."""
    found, published = [], []
    for name in loader.get_group_options(GROUP):
        if name.startswith(PUBLISHED):
            published.append(name.removeprefix(PUBLISHED))
            continue
        method = _read(loader, f"{GROUP}/{name}").get("method")
        if method is not None:
            found.append((name, str(method["title"])))
    return found, published


def _measures(loader: ConfigLoaderImpl) -> Iterator[tuple[str, str]]:
    from hydra.utils import get_class

    for name in _chosen(loader, "compared/measures", "measured"):
        measure: Any = get_class(_read(loader, f"measured/{name}")["_target_"])
        title = "" if measure.title == name else f"{measure.title}: "
        truth = "; takes known facets" if measure.truth else ""
        yield name, f"{title}{measure.unit}; {measure.better} is better{truth}"


def _chosen(loader: ConfigLoaderImpl, path: str, group: str) -> list[str]:
    """The options of a group that a file's defaults list chooses, in order."""
    loaded = loader.repository.load_config(f"{path}.yaml")
    assert loaded is not None
    assert loaded.defaults_list is not None
    found: list[Any] = list(loaded.defaults_list)
    return [str(one.value) for one in found if getattr(one, "group", "") in (group, f"/{group}")]


def _read(loader: ConfigLoaderImpl, path: str) -> dict[str, Any]:
    from omegaconf import OmegaConf

    loaded = loader.repository.load_config(f"{path}.yaml")
    assert loaded is not None
    values: Any = OmegaConf.to_container(loaded.config)
    return {str(key): value for key, value in values.items()}


def _columns(rows: Sequence[tuple[str, str]] | Iterator[tuple[str, str]]) -> Iterator[str]:
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0) + 2
    for name, words in rows:
        yield _wrapped(f"{name:<{width}}{words}", "  ", "  " + " " * width)


def _wrapped(text: str, first: str, after: str | None = None) -> str:
    return fill(text, WIDTH, initial_indent=first, subsequent_indent=first if after is None else after)


def _plain(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else "null" if value is None else value)
