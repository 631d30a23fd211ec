"""What the judge says of pictures is what its outputs say, and which layers it looks at follows from the network."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from planted_facets import SIZE, Coloured, network
from torch import Tensor, nn

from metrics.clusters import cluster_recall, natural_clusters
from metrics.facets import facet_purity, facet_recall
from metrics.perceptual import all_pairs
from replications.multifaceted.facets import TooFewImages
from replications.multifaceted.images import NoImages
from replications.multifaceted.judge import Judge, feature_layer, perceptual_layers
from replications.networks.load import torchvision_classifier
from replications.networks.network import Network, UnknownClass
from replications.networks.preprocessing import Preprocessing
from replications.networks.residual import facet_evaluator

NAMES = ("cat/sitting", "catfish/side", "cat", "cat/lying", "dog")
CLASSES = ("cat", "catfish", "dog", "cow")


def natural(per_class: int = 12) -> Coloured:
    labels = [i // per_class for i in range(3 * per_class)]
    return Coloured(labels, [i % 3 for i in range(3 * per_class)], CLASSES)


def judge(clusters: int = 3, images: Coloured | None = None) -> Judge:
    found = network(4)
    *below, _ = (node.module for node in found.nodes if node.module is not None)
    module = nn.Sequential()
    for node, part in zip(found.nodes, [*below, nn.Linear(20, 5)], strict=True):
        module.add_module(node.name, part)
    evaluator = Network(module, name="evaluator", classes=NAMES, preprocessing=found.preprocessing)
    return Judge(evaluator, images or natural(), clusters=clusters)


def pictures(n: int = 5) -> Tensor:
    return torch.rand(n, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


def test_probabilities_and_features_are_the_networks_own() -> None:
    found = judge()
    images = torch.cat([pictures()] * 14)  # more than one batch
    seen = found.see(images)
    logits = found.network.logits(images).double()
    expected = (logits - logits.amax(1, keepdim=True)).exp()
    torch.testing.assert_close(seen.probabilities.double(), expected / expected.sum(1, keepdim=True), rtol=1e-5, atol=0)
    own = found.network.forward_to("relu7", images).double()
    torch.testing.assert_close(seen.features.values, own / own.norm(dim=1, keepdim=True))
    assert seen.features.space == "evaluator/relu7 (unit length)"


def test_a_class_whose_name_begins_another_is_not_taken_for_it() -> None:
    found = judge()
    assert found.facets_of("cat") == found.outputs_of("cat") == [0, 3]
    assert found.facets_of("catfish") == found.outputs_of("catfish") == [1]
    assert (found.facets_of("dog"), found.outputs_of("dog")) == ([], [4])
    assert (found.facets_of("ca"), found.facets_of("cat/sitting")) == ([], [])
    with pytest.raises(UnknownClass, match="network 'evaluator' has no class 'cow'"):
        found.outputs_of("cow")


def test_a_class_is_as_likely_as_all_its_facets_together() -> None:
    found = judge()
    seen = found.see(pictures())
    p = seen.probabilities.double()
    torch.testing.assert_close(found.class_probability(seen, "cat"), p[:, 0] + p[:, 3])
    torch.testing.assert_close(found.class_probability(seen, "dog"), p[:, 4])


def test_recall_and_purity_are_of_the_facets_where_they_are_told() -> None:
    found = judge()
    seen = found.see(pictures())
    recall = found.recall(seen, "cat")
    assert recall == facet_recall(seen.probabilities, [0, 3], evaluator="evaluator")
    assert found.recall(seen, "cat", 2) == recall.at(2)
    purity = found.purity(seen, "cat")
    assert purity is not None
    torch.testing.assert_close(purity, facet_purity(seen.probabilities, [0, 3]))


def test_recall_is_of_clusters_of_natural_images_where_facets_are_not_told() -> None:
    found = judge()
    images, naturally = found.natural("dog")
    torch.testing.assert_close(images, found.images.images(range(24, 36)))
    clusters = natural_clusters(naturally.features.values, 3, space=naturally.features.space, seed=0)
    seen = found.see(torch.cat([images[:1], pictures(2)]))
    recall = found.recall(seen, "dog")
    assert recall == cluster_recall(seen.features.values, clusters)
    assert not found.tells_facets("dog")
    assert found.purity(seen, "dog") is None
    # the facets are plain colours, which every network tells apart: the clusters are the colours
    assert found.recall(found.see(images), "dog").value == 1
    assert found.recall(found.see(images[::3]), "dog").value == pytest.approx(1 / 3)  # all of one colour


def test_images_that_cannot_stand_for_facets_are_told() -> None:
    with pytest.raises(ValueError, match="at least 2, found 1"):
        judge(1)
    few = judge(12)
    with pytest.raises(
        TooFewImages,
        match="12 clusters of natural images are to stand for the facets of 'dog', which evaluator doesn't tell, and "
        "there are only 12 in coloured images; ask for fewer clusters, or give more images",
    ):
        few.recall(few.see(pictures()), "dog")
    assert 0 <= few.recall(few.see(pictures()), "cat").value <= 1  # needs no clusters
    with pytest.raises(NoImages, match="coloured images has no image of the class 'cow'"):
        few.natural("cow")
    with pytest.raises(NoImages, match="coloured images has no class 'horse'"):
        few.natural("horse")


def test_natural_images_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found, read = judge(), []
    original = Coloured.images

    def noted(self: Coloured, indices: Any) -> Tensor:
        read.append(len(indices))
        return original(self, indices)

    monkeypatch.setattr(Coloured, "images", noted)
    seen = found.see(pictures())
    for _ in range(2):
        found.natural("dog")
        found.recall(seen, "dog")
    assert read == [12]


# ---------------------------------------------------------------------------------------------------------- layers

# the features that the classes are told from, how many, and the sizes of maps that distances are taken in
ARCHITECTURES: dict[str, tuple[str, int, list[int]]] = {
    "alexnet": ("classifier_5", 4096, [15, 7, 3]),
    "resnet18": ("flatten", 512, [32, 16, 8, 4, 2]),
    "squeezenet1_1": ("classifier_0", 512, [31, 15, 7, 3]),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_layers_of_other_architectures(name: str) -> None:
    plain = {"size": 64, "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
    found = torchvision_classifier(name, preprocessing=plain)
    check(found, *ARCHITECTURES[name])


def test_layers_of_the_evaluator() -> None:
    module = facet_evaluator(5)
    found = Network(module, name="residual", classes=NAMES, preprocessing=Preprocessing(64))
    check(found, "flatten", 80, [32, 16, 8, 4])
    assert perceptual_layers(found) == ("relu1", *(f"stage{stage}_block2_relu2" for stage in (1, 2, 3)))


def check(found: Network, layer: str, width: int, sizes: list[int]) -> None:
    last = next(node for node in reversed(found.nodes) if node.kind in ("conv", "linear"))
    assert feature_layer(found) == layer, found.layers
    assert last.inputs == (layer,)
    layers = perceptual_layers(found)
    assert [found.shape(one)[1] for one in layers] == sizes
    assert list(layers) == sorted(layers, key=found.layers.index)
    for one in layers:  # the last of its kind at its size, below the classes
        later = found.layers[found.layers.index(one) + 1 : found.layers.index(last.name)]
        kinds = [found.node(other).kind for other in later if found.shape(other)[1:] == found.shape(one)[1:]]
        assert not {"relu", "leaky_relu", "cat", "add"} & set(kinds)
    seen = Judge(found, natural(), clusters=2).see(torch.rand(2, 3, 64, 64))
    assert seen.features.values.shape == (2, width)
    torch.testing.assert_close(seen.features.values.norm(dim=1), torch.ones(2, dtype=torch.float64))
    images = torch.rand(2, 3, 64, 64)
    backbone = Judge(found, natural(), clusters=2).backbone
    assert backbone.name == f"{found.name}/{'+'.join(layers)}"
    distances = all_pairs(backbone, torch.cat([images, images[:1]]))
    assert float(distances.values[0, 2]) == pytest.approx(0, abs=1e-9)
    assert float(distances.values[0, 1]) > 0
