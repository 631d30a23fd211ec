"""What experiments of the survey that train need of a run, small."""

from __future__ import annotations

from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from replications.paths import project_root
from replications.suite.settings import for_profile

SMALL = {"scale": "small", "images": 18, "recipe": {"epochs": 2}}
CONCEPTS = {
    "_target_": "replications.data.concepts.facetworld.facetworld",
    "images": 40,
    "part": "validation",
    "seed": 0,
    "size": None,
}


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Keeps what the tests of a module make apart from what runs have made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATIONS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def configured(paper: str, name: str, profile: str = "laptop") -> dict[str, Any]:
    """An experiment's configuration."""
    with initialize_config_dir(str(project_root() / "conf"), version_base="1.3"):
        composed = compose("config", overrides=[f"+experiment/{paper}@experiment.{name}={name}"])
    plain: Any = OmegaConf.to_container(composed.experiment[name], resolve=True)
    return for_profile(plain, profile)
