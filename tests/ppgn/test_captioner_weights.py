"""The command that makes the captioner's files: trained once, and what is written is what is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from replications.data.facetworld.dataset import FacetSet
from replications.networks.weights import UnmadeWeights, WeightsError
from replications.ppgn import captioner_weights
from replications.ppgn.captioner import load_captioner
from replications.ppgn.captioner_training import CaptionerRecipe

SIZES: dict[str, Any] = {"widths": [4, 4, 4, 4, 4, 4], "features": 8, "embedding": 4, "hidden": 8}
RECIPE = CaptionerRecipe(epochs=2, baseline_epochs=1, batch_size=16, learning_rate=1e-2, mixed_precision=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captioner_weights, "cache_root", lambda: folder / "cache")
        train, validation = FacetSet("train", 48, size=32), FacetSet("validation", 24, size=32)
        said = captioner_weights.make_captioner_of("small", folder, train, validation, RECIPE, seen=12, arguments=SIZES)
        assert "perplexity" in said

        def never(*args: Any, **kwargs: Any) -> None:
            raise AssertionError("what is trained is trained again")

        patch.setattr(captioner_weights, "train_captioner", never)
        again = captioner_weights.make_captioner_of(
            "small", folder / "again", train, validation, RECIPE, seen=12, arguments=SIZES
        )
        assert again.rpartition(";")[0] == said.rpartition(";")[0]
    return folder


def test_what_is_written_is_what_is_loaded(made: Path) -> None:
    first, second = (
        load_captioner(str(made / "small.safetensors")),
        load_captioner(str(made / "again/small.safetensors")),
    )
    assert first.fingerprint != second.fingerprint or first.name == second.name
    images = FacetSet("validation", 24, size=32).images([0, 1])
    caption = "a red dog sitting, on the left, in a room by day"
    words = first.indices([caption, caption])
    torch.testing.assert_close(first.log_probabilities(images, words), second.log_probabilities(images, words))
    assert not any(parameter.requires_grad for parameter in first.network.parameters())


def test_what_is_known_of_it_stands_beside(made: Path) -> None:
    about = json.loads((made / "small.json").read_text())
    assert len(about["training"]["history"]) == 2
    assert {"errors", "with_another_image", "trained_on_shuffled_images"} <= set(about["validation"])
    assert about["validation"]["errors"]["perplexity"] > 1
    assert set(about["validation"]["errors"]["accuracy"]) == {"class", "facet", "colour", "side", "place", "time"}
    assert about["words"] == sorted(about["words"])


def test_files_that_are_no_captioner_are_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(UnmadeWeights, match=r"replications\.ppgn\.weights captioner"):
        load_captioner("results/weights/no_such_captioner.safetensors")
    with pytest.raises(WeightsError, match="describe a captioner"):
        load_captioner("results/weights/zfnet_small.safetensors")
    other = tmp_path / "small.safetensors"
    other.write_bytes((made / "small.safetensors").read_bytes())
    about = json.loads((made / "small.json").read_text())
    about["arguments"]["hidden"] = 9
    other.with_suffix(".json").write_text(json.dumps(about))
    with pytest.raises(WeightsError, match="don't fit"):
        load_captioner(str(other))
