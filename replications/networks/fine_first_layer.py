"""The small ZFNet with one step more of what Zeiler & Fergus 2014 did to AlexNet's first layer.

They took 11x11 filters with stride 4 to 7x7 with stride 2: half the stride, two thirds of the size to the nearest odd
number. The same once more gives 5x5 with stride 1. The pool after it takes over the stride, with a window that overlaps
its neighbours by one position as the paper's do (5x5 with stride 4), so layer 2 reads 15 x 15 positions, every fourth
pixel, as in `zfnet_small` and `alexnet_small`, and the three differ in layer 1 alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from torch import nn

from replications.networks.convnet import Geometry, Initialization, Window, build

FINE = Geometry(
    convolutions=(Window(5, 1, 2), Window(5, 1, 2), Window(3, 1, 1), Window(3, 1, 1), Window(3, 1, 1)),
    pools={1: Window(5, 4, 0), 2: Window(3, 2, 0), 5: Window(3, 2, 0)},
)


def zfnet_small_fine(
    num_classes: int,
    *,
    input_size: int = 64,
    widths: Sequence[int] = (32, 64, 96, 96, 64),
    fc_widths: Sequence[int] = (256, 256),
    removed: Collection[int] = (),
    dropout: float = 0.5,
    init: Initialization = "mixed",
    seed: int = 0,
) -> nn.Sequential:
    """ZFNet's small sibling with 5x5 filters at stride 1: (N, 3, 64, 64) -> (N, num_classes); see `convnet.build`."""
    return build(
        FINE,
        num_classes,
        input_size=input_size,
        widths=widths,
        fc_widths=fc_widths,
        removed=removed,
        dropout=dropout,
        init=init,
        seed=seed,
    )
