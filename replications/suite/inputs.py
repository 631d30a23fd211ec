"""Network, evaluator and data of a run: identified cheaply, loaded when first asked for, shared by all experiments."""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from replications.suite.errors import WrongInput, sentence
from replications.suite.identity import code_of, named_files, portable, trained_on
from replications.suite.interface import MissingInput

if TYPE_CHECKING:
    import torch

    from replications.data.image_set import DataSource
    from replications.networks.network import Network

T = TypeVar("T")


class Inputs:
    """The configured parts of one run on one device.

    parts: the configurations of "network", "evaluator", "data" and "second_data"; None where there is none.
    own: those that are one experiment's alone. If such a part can't be loaded, only that experiment can't run.
    """

    def __init__(
        self, parts: Mapping[str, dict[str, Any] | None], device: torch.device, own: frozenset[str] = frozenset()
    ) -> None:
        self.parts, self.own = parts, own
        self.device = device
        self._replaced: dict[str, Inputs] = {}

    @functools.cached_property
    def network(self) -> Network:
        """Raises WrongInput if it can't be loaded."""
        return self._network("network")

    @functools.cached_property
    def evaluator(self) -> Network:
        """Raises MissingInput where there is none, or where it would judge itself."""
        if self.parts.get("evaluator") == self.parts.get("network"):
            raise MissingInput(
                f"the evaluator must be another network than the one it judges; {_named_by('evaluator')}"
            )
        return self._network("evaluator")

    @functools.cached_property
    def data(self) -> DataSource:
        """Raises WrongInput if it can't be read. Where the size of the images is left open it is the network's."""
        return self._images("data")

    @functools.cached_property
    def second_data(self) -> DataSource:
        """As `data`. Raises MissingInput where there is none."""
        return self._images("second_data")

    def replaced(self, parts: Mapping[str, Any]) -> Inputs:
        """These inputs with other configurations in place of some parts; equal ones are loaded once."""
        if not parts:
            return self
        key = json.dumps(parts, sort_keys=True, default=str)
        if key not in self._replaced:
            self._replaced[key] = Inputs({**self.parts, **parts}, self.device, frozenset(parts))
        return self._replaced[key]

    def _images(self, part: str) -> DataSource:
        config = self._config(part)
        if config.get("size", 0) is None:
            config = {**config, "size": self.network.input_size}
        return self._loaded(part, lambda: _instantiate(config))

    def _network(self, part: str) -> Network:
        return self._loaded(part, lambda: _instantiate(self._config(part)).to(self.device))

    def _config(self, part: str) -> dict[str, Any]:
        config = self.parts.get(part)
        if config is None:
            raise MissingInput(f"this profile has no {part.replace('_', ' ')}; {_named_by(part)}")
        return config

    def _loaded(self, part: str, load: Callable[[], T]) -> T:
        try:
            return _loaded(part.replace("_", " "), load)
        except WrongInput as error:
            if part in self.own:
                raise MissingInput(str(error)) from error
            raise

    def identity(self, part: str) -> dict[str, Any] | None:
        """What determines a part, without its code; None where the profile has none."""
        if self.parts.get(part) is None:
            return None
        return self._identities(part)

    @functools.cache  # noqa: B019 - lives as long as the run
    def _identities(self, part: str) -> dict[str, Any]:
        config = self._config(part)
        found: dict[str, Any] = {"config": portable(config), "files": named_files(config)}
        if part in ("data", "second_data"):
            data = self.data if part == "data" else self.second_data
            found["images"] = {"train": data.train.fingerprint, "validation": data.validation.fingerprint}
            found["classes"] = len(data.classes)
            found["training_images"], found["validation_images"] = len(data.train), len(data.validation)
        else:
            found["trained"] = trained_on(config)
        return found

    def notes(self, parts: Sequence[str]) -> list[str]:
        """What the image sets among `parts` have to say of themselves, such as files that were skipped."""
        sources = [getattr(self, part) for part in parts if part in ("data", "second_data") and self.parts.get(part)]
        sets = [images for source in sources for images in (source.train, source.validation)]
        said = [(images.name, getattr(images, "note", None)) for images in sets]
        return [f"{name}: {note}." for name, note in dict.fromkeys(said) if note]

    @functools.cache  # noqa: B019 - lives as long as the run
    def code(self, part: str) -> dict[str, str]:
        """The hashes of the project code that builds a part."""
        return code_of(self.parts.get(part))


def _named_by(part: str) -> str:
    """What to type for a part."""
    return f"name one by {'network@evaluator' if part == 'evaluator' else part}="


def _instantiate(config: dict[str, Any]) -> Any:
    from hydra.utils import instantiate

    return instantiate(config, _convert_="all")


def _loaded(part: str, load: Callable[[], T]) -> T:
    """`load()`, whose errors become one sentence: a part that can't be loaded ends the whole run."""
    from hydra.errors import InstantiationException

    from replications.networks.weights import UnmadeWeights

    try:
        with warnings.catch_warnings():
            # torch warns of a pickle's protocol before it refuses the pickle for what is in it.
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            return load()
    except MissingInput:
        raise
    except InstantiationException as error:
        cause = error.__cause__ or error
        if isinstance(cause, MissingInput):
            raise cause from error
        if isinstance(cause, UnmadeWeights):
            raise MissingInput(sentence(cause)) from error
        raise WrongInput(f"can't load the {part}: {sentence(cause)}") from error
    except (RuntimeError, ValueError, OSError, KeyError, TypeError) as error:
        raise WrongInput(f"can't load the {part}: {sentence(error)}") from error
