"""The prior on a code: the direction that epsilon 1 multiplies in the update (Nguyen et al. 2017, Eq. 11).

| variant | prior | code |
| PPGN-x (Sec. 3.1) | a denoising autoencoder's residual R_x(x) - x | the image itself |
| DGN-AM (Sec. 3.2, Eq. 10) | none; as released in 2016, the code decays by 1 % a step | a layer's output |
| PPGN-h (Sec. 3.3) | a denoising autoencoder's residual R_h(h) - h | a layer's output |
| Joint PPGN-h (Sec. 3.4), Noiseless Joint PPGN-h (Sec. 3.5) | E(G(h)) - h | a layer's output |

The last two differ in how their generator was trained. There the encoder reads what the generator made, and in
inpainting that image with its surroundings, as the condition does: where the condition reads the same network, the
prior costs nothing more.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from replications.networks.network import Network
from replications.ppgn.conditions import Readings
from replications.ppgn.dae import DAE
from replications.ppgn.fingerprints import fingerprint_of


class DoesNotFit(ValueError):
    """Generator, encoder, autoencoder or codes weren't made for each other."""


class Prior(ABC):
    """kind: what a sampler's configuration calls it. reads: the layers of networks that it needs."""

    kind: ClassVar[str]

    @property
    def reads(self) -> dict[Network, tuple[str, ...]]:
        return {}

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Changes with all that determines its residual."""

    @abstractmethod
    def check(self, generator: Callable[[Tensor], Tensor], shape: Sequence[int]) -> None:
        """Raises DoesNotFit for codes of another shape, or a generator of other codes."""

    @abstractmethod
    def residual(self, codes: Tensor, readings: Readings) -> Tensor:
        """What to add to the codes to come nearer to real ones: of their shape, without a gradient."""


class NoPrior(Prior):
    """All codes are as good as each other."""

    kind = "none"

    @property
    def fingerprint(self) -> str:
        return "none"

    def check(self, generator: Callable[[Tensor], Tensor], shape: Sequence[int]) -> None:
        check_codes(generator, shape)

    def residual(self, codes: Tensor, readings: Readings) -> Tensor:
        return torch.zeros_like(codes)


class DenoisingPrior(Prior):
    """A denoising autoencoder's residual R(h) - h: sigma^2 times the score of real codes with noise (Eq. 6)."""

    kind = "dae"

    def __init__(self, dae: DAE) -> None:
        if dae.training:
            raise ValueError("the autoencoder is in training mode; call .eval() on it")
        self.dae = dae

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.dae)

    def check(self, generator: Callable[[Tensor], Tensor], shape: Sequence[int]) -> None:
        check_codes(generator, shape)
        if self.dae.shape != tuple(shape):
            raise DoesNotFit(
                f"the autoencoder was trained on codes of shape {self.dae.shape}, and these are of {tuple(shape)}"
            )

    def residual(self, codes: Tensor, readings: Readings) -> Tensor:
        with torch.no_grad():
            return self.dae.residual(codes)


class JointPrior(Prior):
    """E(G(h)) - h: the generator after the encoder is an autoencoder of codes, and has been trained to be one.

    layer: whose output, laid out as a vector, is the code. Raises UnknownLayer where the encoder hasn't got it.
    """

    kind = "joint"

    def __init__(self, encoder: Network, layer: str) -> None:
        self.encoder, self.layer = encoder, encoder.node(layer).name

    @property
    def reads(self) -> dict[Network, tuple[str, ...]]:
        return {self.encoder: (self.layer,)}

    @property
    def fingerprint(self) -> str:
        return f"{self.encoder.fingerprint} {self.layer}"

    def check(self, generator: Callable[[Tensor], Tensor], shape: Sequence[int]) -> None:
        check_codes(generator, shape)
        check_encoder(generator, self.encoder, self.layer)
        width = math.prod(self.encoder.shape(self.layer))
        if tuple(shape) != (width,):
            raise DoesNotFit(
                f"layer '{self.layer}' of encoder '{self.encoder.name}' gives codes of {width} numbers, and these are "
                f"of shape {tuple(shape)}"
            )

    def residual(self, codes: Tensor, readings: Readings) -> Tensor:
        return readings[self.encoder][self.layer].detach().flatten(1).to(codes) - codes


def check_codes(generator: Callable[[Tensor], Tensor], shape: Sequence[int]) -> None:
    """Raises DoesNotFit where a generator that says how long its codes are reads others."""
    size = getattr(generator, "code_size", None)
    if size is not None and tuple(shape) != (size,):
        raise DoesNotFit(f"the generator reads codes of {size} numbers, and these are of shape {tuple(shape)}")


def check_encoder(generator: Callable[[Tensor], Tensor], encoder: Network, layer: str) -> None:
    """Raises DoesNotFit where a generator says that it was made for another layer, width or network.

    Its images may have another size than the encoder's input: the encoder's preprocessing resizes them. A generator may
    say the fingerprint of its network (operations, weights, preprocessing) as `encoder_fingerprint`.
    """
    width = math.prod(encoder.shape(layer))
    for name, found, said in (
        ("encoder_layer", layer, "is for codes of layer '{}', and the encoder's is '{}'"),
        ("code_size", width, "reads codes of {} numbers, and the encoder's layer has {}"),
        ("encoder_fingerprint", encoder.fingerprint, "was trained with the encoder {}, and this one is {}"),
    ):
        expected = getattr(generator, name, None)
        if expected is not None and expected != found:
            raise DoesNotFit(f"the generator {said.format(expected, found)}; encoder '{encoder.name}', layer '{layer}'")
