"""The conditions of a batch of chains, read together: each network runs once, as far as it must, on those that ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from replications.networks.network import Network
from replications.ppgn.conditions import LEVELS, Condition, LogProbability, Part, Readings


class _Pass(NamedTuple):
    rows: Tensor | None  # of the batch; None is all of it
    layers: tuple[str, ...]


class _Group(NamedTuple):
    network: Network | None
    chains: Tensor  # rows of the batch
    weights: Tensor
    read: LogProbability


class Conditions:
    """conditions[i] is asked of row i of what is made.

    besides: the layers of networks that something else reads of all rows; where a condition reads the same network,
        that costs nothing more.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        device: torch.device,
        besides: Mapping[Network, Sequence[str]] | None = None,
    ) -> None:
        self.n, self.device = len(conditions), device
        asked = [(i, weight, part) for i, one in enumerate(conditions) for weight, part in one.parts]
        self._passes = _passes(asked, self.n, device, besides or {})
        self._groups = [self._group(members) for members in _by_kind(asked)]
        self._contexts = {i: one.context for i, one in enumerate(conditions) if one.context is not None}
        self._given: tuple[Tensor, Tensor] | None = None

    @property
    def asks(self) -> bool:
        """Whether anything is asked of any row."""
        return bool(self._groups)

    @property
    def masks(self) -> bool:
        """Whether there are holes to be filled."""
        return bool(self._contexts)

    def check(self, shape: Sequence[int]) -> None:
        """Raises ValueError where a masked image isn't of the shape of what is made."""
        for context in self._contexts.values():
            if tuple(context.image.shape) != tuple(shape):
                raise ValueError(
                    f"the masked image is of shape {tuple(context.image.shape)}, and what is generated to fill its "
                    f"hole of shape {tuple(shape)}; resize image and mask"
                )

    def shown(self, made: Tensor) -> Tensor:
        """What networks see of what was made, (n, ...): around a hole the image itself."""
        if not self.masks:
            return made
        outside, images = self._around(made)
        return torch.where(outside, images, made)

    def readings(self, shown: Tensor) -> Readings:
        """The outputs of the layers that are read, each network's of the rows that ask it."""
        return {
            network: network.activations(one.layers, shown if one.rows is None else shown[one.rows])
            for network, one in self._passes.items()
        }

    def log_probability(self, shown: Tensor, readings: Readings) -> Tensor:
        """(n,), 0 for what nothing is asked of."""
        total = shown.new_zeros(self.n)
        for group in self._groups:
            values = group.read(shown, readings[group.network] if group.network is not None else {})
            total = total.index_add(0, group.chains, values.to(total) * group.weights.to(total))
        return total

    def context(self, made: Tensor) -> Tensor:
        """(n,): -1/2 the squared distance around the hole, in grey levels; 0 where there is no hole."""
        if not self.masks:
            return made.new_zeros(self.n)
        outside, images = self._around(made)
        apart = torch.where(outside, made - images, torch.zeros_like(images)) * LEVELS
        return -apart.square().flatten(1).sum(1) / 2

    def _around(self, made: Tensor) -> tuple[Tensor, Tensor]:
        """Where each row is given, (n, ...) bool, and what is given there."""
        if self._given is None or self._given[1].dtype != made.dtype:
            outside = torch.zeros(made.shape, dtype=torch.bool, device=made.device)
            images = torch.zeros(made.shape, dtype=made.dtype, device=made.device)
            for i, context in self._contexts.items():
                outside[i] = ~context.hole.to(made.device)
                images[i] = context.image.to(made)
            self._given = outside, images
        return self._given

    def _group(self, members: Sequence[tuple[int, float, Part]]) -> _Group:
        parts = [part for _, _, part in members]
        chains = torch.tensor([i for i, _, _ in members], device=self.device)
        weights = torch.tensor([weight for _, weight, _ in members], device=self.device, dtype=torch.float64)
        network = None if parts[0].reads is None else parts[0].reads[0]
        rows = chains
        if network is not None and (own := self._passes[network].rows) is not None:
            rows = torch.searchsorted(own, chains)
        return _Group(network, chains, weights, type(parts[0]).together(parts, rows))


def _passes(
    asked: Sequence[tuple[int, float, Part]], n: int, device: torch.device, besides: Mapping[Network, Sequence[str]]
) -> dict[Network, _Pass]:
    layers: dict[Network, dict[str, None]] = {network: dict.fromkeys(names) for network, names in besides.items()}
    rows: dict[Network, set[int]] = {network: set(range(n)) for network in besides}
    for i, _, part in asked:
        if part.reads is not None:
            network, names = part.reads
            layers.setdefault(network, {}).update(dict.fromkeys(names))
            rows.setdefault(network, set()).add(i)
    return {
        network: _Pass(
            None if len(rows[network]) == n else torch.tensor(sorted(rows[network]), device=device), tuple(read)
        )
        for network, read in layers.items()
    }


def _by_kind(asked: Sequence[tuple[int, float, Part]]) -> list[list[tuple[int, float, Part]]]:
    found: dict[tuple[Any, ...], list[tuple[int, float, Part]]] = {}
    for one in asked:
        found.setdefault(one[2].kind, []).append(one)
    return list(found.values())
