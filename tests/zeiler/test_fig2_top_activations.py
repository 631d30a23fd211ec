"""Fig. 2's search and measures against slow restatements and planted cases."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replications.data.facetworld.annotations import Annotations
from replications.data.image_set import ImageSet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing
from replications.zeiler.fig2_top_activations import local_labels, pair_distances
from replications.zeiler.top_activations import Projected, project_top, top_activations

SIZE = 12


class Noise(ImageSet):
    name = "noise"
    classes = ("a", "b")
    size = SIZE

    def __init__(self, count: int, size: int = SIZE) -> None:
        self.size = size
        self._images = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))
        self.labels = torch.zeros(count, dtype=torch.int64)

    @property
    def fingerprint(self) -> str:
        return "noise"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self._images[torch.as_tensor(indices)]


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    chain = nn.Sequential()
    chain.add_module("conv1", nn.Conv2d(3, 5, 3))
    chain.add_module("relu1", nn.ReLU())
    chain.add_module("pool1", nn.MaxPool2d(2))
    chain.add_module("conv2", nn.Conv2d(5, 4, 3))
    chain.add_module("relu2", nn.ReLU())
    chain.add_module("flatten", nn.Flatten())
    chain.add_module("fc3", nn.Linear(4 * 9, 2))
    with torch.no_grad():
        chain.conv2.weight[0], chain.conv2.bias[0] = 0.0, -1.0  # a dead map
    return Network(chain, name="tiny", classes=("a", "b"), preprocessing=Preprocessing(size=SIZE))


def test_top_activations_equal_a_full_sort(network: Network) -> None:
    images = Noise(23)
    found = top_activations(network, images, ["relu1", "relu2"], 4, images.batches(5))
    for layer, top in found.items():
        maps = network.forward_to(layer, images.images(range(23)))
        best, place = maps.flatten(2).max(2)
        for channel in range(maps.shape[1]):
            expected = sorted(range(23), key=lambda i: (-float(best[i, channel]), i))[:4]
            assert top.images[channel].tolist() == expected
            width = maps.shape[3]
            assert (top.y[channel] * width + top.x[channel]).tolist() == place[expected, channel].tolist()
    assert found["relu2"].alive.tolist()[0] is False
    assert found["relu1"].alive.any()


def test_patches_are_what_the_units_see(network: Network) -> None:
    images = Noise(11)
    top = top_activations(network, images, ["relu2"], 3, images.batches(4))["relu2"]
    maps = top.alive.nonzero().flatten()
    made = project_top(network, images, top, maps, at_once=2)
    field = network.receptive_field("relu2")
    for m, k in itertools.product(range(len(maps)), range(3)):
        row = int(maps[m])
        box = field.box(int(top.y[row, k]), int(top.x[row, k]), clipped=False)
        assert tuple(made.boxes[m, k].tolist()) == tuple(box)
        patch = images.images([int(top.images[row, k])])[0, :, box.top : box.bottom, box.left : box.right]
        assert torch.equal(made.patches[m, k], patch)
    whole = project_top(network, images, top, maps, crop=False)
    top_, left, bottom, right = made.boxes[0, 0].tolist()
    assert torch.allclose(whole.projections[0, 0][:, top_:bottom, left:right], made.projections[0, 0], atol=1e-6)


def test_images_of_another_size_are_refused(network: Network) -> None:
    images = Noise(4, size=SIZE + 2)
    top = top_activations(network, Noise(4), ["relu2"], 2, Noise(4).batches(4))["relu2"]
    with pytest.raises(ValueError, match="load them at the network's size"):
        project_top(network, images, top, torch.tensor([1]))


def test_no_images_are_refused(network: Network) -> None:
    with pytest.raises(ValueError, match="no images"):
        top_activations(network, Noise(2), ["relu2"], 2, iter(()))


def test_pair_distances_of_copies_and_of_known_patches() -> None:
    patches = torch.zeros(2, 3, 3, 2, 2)
    patches[1, 1] = 1.0
    # three pairs, two of them one apart in every pixel
    assert pair_distances(patches).tolist() == pytest.approx([0.0, 2 / 3])


def test_local_labels_are_those_under_the_energy() -> None:
    plane = np.zeros((1, 4, 4), dtype=np.uint8)
    plane[0, :, 2:] = 7
    labels = dict.fromkeys(("part", "texture", "colour"), plane)
    annotations = Annotations(labels, {}, plane > 0, [], np.zeros((1, 4)), [])
    projections = torch.zeros(2, 1, 3, 2, 2)
    projections[0, 0, 0] = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    projections[1, 0, 0] = torch.tensor([[-2.0, 1.0], [0.0, 0.0]])
    boxes = torch.tensor([[[0, 1, 2, 3]], [[-1, 1, 1, 3]]])  # the second reaches over the upper edge
    projections[1, 0, 0] = projections[1, 0, 0].flip(0)
    found = local_labels(annotations, torch.zeros(2, 1, dtype=torch.int64), Projected(projections, projections, boxes))
    assert found["part"].tolist() == [[7], [0]]
