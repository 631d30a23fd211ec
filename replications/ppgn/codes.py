"""Codes of real images: a layer of an encoder read off them, and where they lie.

A chain's codes are clipped to that, since a generator has learned from no others. Nguyen et al. 2016 ("Synthesizing
the preferred inputs for neurons in neural networks via deep generator networks", Sec. 2) clip each unit to [0, its
mean + 3 standard deviations] over real images; the code released with Nguyen et al. 2017 clips all units to [0, 30].
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from replications.networks.network import Network


@dataclass(frozen=True, eq=False)
class RealCodes:
    """What is known of the codes of real images, number by number; all of one shape, that of a code.

    low, high: the smallest and the largest seen. mean, deviation: of all that were seen.
    """

    low: Tensor
    high: Tensor
    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, codes: Tensor | Iterable[Tensor]) -> RealCodes:
        """From codes (N, ...), or parts of them one after the other. Raises ValueError unless there are two or more."""
        count, low, high, origin = 0, torch.empty(0), torch.empty(0), torch.empty(0)
        total = squares = torch.zeros(())
        for part in [codes] if isinstance(codes, Tensor) else codes:
            values = part.detach().double().cpu()
            if not len(values):
                continue
            least, most = values.amin(0), values.amax(0)
            low, high = (torch.minimum(low, least), torch.maximum(high, most)) if count else (least, most)
            # about the first code, so that nothing is lost where the mean is far from zero
            origin = origin if count else values[0]
            total, squares = total + (values - origin).sum(0), squares + (values - origin).square().sum(0)
            count += len(values)
        if count < 2:
            raise ValueError(f"the range of real codes needs two of them or more, found {count}")
        centre = total / count
        deviation = (squares / count - centre.square()).clamp_min(0).sqrt()
        return cls(*(x.float() for x in (low, high, origin + centre, deviation)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one code."""
        return tuple(self.low.shape)

    @property
    def spread(self) -> float:
        """The root mean square of the deviations."""
        return float(self.deviation.double().square().mean().sqrt())


def encode(network: Network, layer: str, images: Tensor, *, batch: int = 256) -> Tensor:
    """The layer's output laid out as vectors, (N, d) on the CPU. images: (N, 3, H, W) in [0, 1]."""
    found = [torch.empty(0, math.prod(network.shape(layer)))]
    with torch.inference_mode():
        found += [network.forward_to(layer, part).flatten(1).float().cpu() for part in images.split(batch)]
    return torch.cat(found).clone()
