from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from replications.paths import project_root
from replications.suite.settings import for_profile
from replications.training.zoo import Zoo
from replications.zeiler.variants import VARIANTS, Variants, lacking, seeds_from, task
from tests.zeiler.training_context import Squares, TrainingContext

NAMES = ("fig4", "fig6", "table2", "table3")
SMALL = {"scale": "small", "images": 12, "recipe": {"epochs": 1}}


def config(name: str, profile: str) -> dict[str, Any]:
    with initialize_config_dir(str(project_root() / "conf"), version_base="1.3"):
        composed = compose("config", overrides=[f"+experiment/zeiler@experiment.{name}={name}"])
    plain: Any = OmegaConf.to_container(composed.experiment[name], resolve=True)
    return for_profile(plain, profile)


def test_every_row_of_table_3_is_a_variant_of_the_papers_sizes() -> None:
    rows = yaml.safe_load((project_root() / "results/reported/zeiler.yaml").read_text())["rows"]
    assert {v.reported for v in VARIANTS.values()} == {row["id"] for row in rows if row["id"].startswith("ZF-T3-")}
    arguments = {name: variant.arguments("paper") for name, variant in VARIANTS.items()}
    assert arguments["alexnet"] == arguments["zfnet"] == {}
    assert arguments["alexnet-3467"] == {"removed": [3, 4, 6, 7]}
    assert arguments["alexnet-fc-half"] == arguments["zfnet-fc-half"] == {"fc_widths": [2048, 2048]}
    assert arguments["zfnet-middle"] == {"widths": [96, 256, 512, 1024, 512]}
    assert arguments["zfnet-both"] == {"widths": [96, 256, 512, 1024, 512], "fc_widths": [8192, 8192]}


def test_small_variants_keep_the_papers_proportions() -> None:
    variants, data = Variants.of(SMALL), Squares(12)
    whole = variants.job("zfnet", data, 0).build()
    wider = variants.job("zfnet-both", data, 0).build()
    ratios = [wider.get_submodule(n).weight.shape[0] / whole.get_submodule(n).weight.shape[0] for n in LAYER_NAMES]
    assert ratios == pytest.approx([1, 1, 4 / 3, 8 / 3, 2, 2, 2, 1])
    without = dict(variants.job("alexnet-3467", data, 0).build().named_children())
    assert not {"conv3", "relu3", "conv4", "fc6", "drop6", "fc7"} & without.keys()


LAYER_NAMES = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")


def test_the_three_experiments_share_their_networks(tmp_path: Path) -> None:
    zoo, data = Zoo(tmp_path), Squares(12)
    for profile in ("laptop", "imagenet"):
        shared = [Variants.of(config(name, profile)["networks"]) for name in ("fig6", "table2", "table3")]
        for name in ("alexnet", "zfnet", "zfnet-middle"):
            assert len({zoo.key(variants.job(name, data, 3)) for variants in shared}) == 1
    first = shared[0]
    assert zoo.key(first.job("zfnet", data, 3)) != zoo.key(first.job("zfnet", data, 3, renormalize=False))


def test_facets_are_told_apart_where_there_are_any() -> None:
    data = Squares(12)
    labels, names = task(data)
    assert (labels is data.facet_labels, names) == (True, data.facets)
    data.provides = frozenset()
    assert task(data) == (data.labels, data.classes)
    assert Variants.of(SMALL).job("zfnet", data, 0).classes == 3


@pytest.mark.parametrize("name", NAMES)
def test_profiles_say_what_is_missing(name: str, tmp_path: Path) -> None:
    context = TrainingContext(tmp_path)
    assert lacking(config(name, "laptop")["networks"], 3, context) is None
    assert "from scratch on ImageNet" in str(lacking(config(name, "natural")["networks"], 3, context))
    assert "data.size=256" in str(lacking(config(name, "imagenet")["networks"], 3, context))


def test_the_imagenet_profile_has_the_papers_recipe() -> None:
    variants = Variants.of(config("table3", "imagenet")["networks"])
    recipe = variants.recipe
    assert (variants.scale, variants.images, recipe.crop, recipe.epochs) == ("paper", None, 224, 70)
    assert (recipe.batch_size, recipe.learning_rate, recipe.momentum) == (128, 1e-2, 0.9)
    assert recipe.renormalize_radius == 0.1


def test_runs_with_different_seeds_share_no_network() -> None:
    assert not set(seeds_from(0, 5)) & set(seeds_from(1, 5))


def test_an_unknown_scale_is_named() -> None:
    with pytest.raises(ValueError, match="'paper' and 'small'"):
        Variants.of({**SMALL, "scale": "tiny"})
