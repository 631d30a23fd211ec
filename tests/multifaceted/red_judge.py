"""Images of a red or a blue square, and a judge that tells them by their colour and knows where it is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from replications.data.image_set import ImageSet
from replications.networks.network import Network
from replications.networks.preprocessing import Preprocessing

SIDE = 32
CLASSES = ("red", "blue")


class RedSquares(ImageSet):
    """Each a square of 12 pixels in the middle of a black image: the label 0 is red, 1 is blue."""

    provides = frozenset[str]()

    def __init__(self, labels: Sequence[int]) -> None:
        self.name, self.size, self.classes = "squares", SIDE, CLASSES
        self.labels = torch.tensor(labels)

    @property
    def fingerprint(self) -> str:
        return f"{self.labels.tolist()}"

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        labels = self.labels[torch.as_tensor(indices, dtype=torch.int64)]
        images = torch.zeros(len(labels), 3, SIDE, SIDE)
        for image, label in zip(images, labels.tolist(), strict=True):
            image[2 * label, 10:22, 10:22] = 1.0
        return images


def red_judge() -> Network:
    """The logit of a class is three times the mean of its colour. Layer "2" has an eighth of the image's places; layer
    "4" blurs them so that neighbours run together."""
    colours, blur, linear = nn.Conv2d(3, 2, 1, bias=False), nn.Conv2d(2, 2, 3, padding=1, bias=False), nn.Linear(2, 2)
    with torch.no_grad():
        colours.weight.copy_(torch.eye(3)[[0, 2], :, None, None])
        blur.weight.copy_(torch.eye(2)[:, :, None, None].expand(2, 2, 3, 3) / 9)
        linear.weight.copy_(3 * torch.eye(2))
        linear.bias.zero_()
    parts = (colours, nn.AvgPool2d(8), nn.ReLU(), blur, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    return Network(nn.Sequential(*parts), name="red judge", classes=CLASSES, preprocessing=Preprocessing(size=SIDE))
