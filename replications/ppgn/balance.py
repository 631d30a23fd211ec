"""Which of generator and discriminator is trained next: neither may win by too much.

Plug & Play Generative Networks, Sec. S9: by the ratio r = loss of D / loss of G, pause D if r < 0.1 and pause G if
r > 10. The loss of D is the sum of its losses on real and on generated images, the loss of G is its adversarial one;
neither is weighted.

The training code remembers: it begins again with D only when r has risen above 0.5, and with a paused G only when D is
paused or taken up again. `resume=None` forgets, as the text may be read: each step is decided by the last ratio alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Balance:
    """Whether each of the two is trained in the next step."""

    discriminator: bool = True
    generator: bool = True


@dataclass(frozen=True)
class BalanceRule:
    """low: D is paused below. high: G is paused above. resume: D is taken up again above; None for without memory."""

    low: float = 0.1
    high: float = 10.0
    resume: float | None = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.low <= (self.low if self.resume is None else self.resume) <= self.high:
            raise ValueError(
                "a balance rule needs 0 <= low <= resume <= high (resume may be null); found "
                f"{self.low}, {self.resume}, {self.high}"
            )

    def after(self, balance: Balance, discriminator_loss: float, generator_loss: float) -> Balance:
        """What is trained after a step that gave these losses."""
        ratio = discriminator_loss / generator_loss if generator_loss else math.inf
        if self.resume is None:
            return Balance(discriminator=ratio >= self.low, generator=ratio <= self.high)
        if ratio < self.low and balance.discriminator:
            balance = Balance(discriminator=False, generator=True)
        if ratio > self.resume and not balance.discriminator:
            balance = Balance(discriminator=True, generator=True)
        if ratio > self.high and balance.generator:
            balance = Balance(discriminator=True, generator=False)
        return balance
