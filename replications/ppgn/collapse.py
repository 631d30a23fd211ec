"""Whether the training of a generator has collapsed, told early and in a sentence.

The paper says what to do so that neither side wins (see `balance`), not how to notice that it didn't help. Three signs
that need no looking at pictures, each of which must last for a while:

- generated images hardly differ from each other, although their codes do: their spread (the root of their variance over
  a batch, summed over pixels) is a small share of that of the real images;
- generated images are farther from the images that they should be than unrelated real images are (squared distance
  above twice the variance, which is the expected distance of two unrelated ones);
- the generator is paused all the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


class TrainingCollapsed(RuntimeError):
    """The generator has stopped to learn what it is for. The message says by what one can tell, and what to do."""


@dataclass(frozen=True)
class Record:
    """Means over some steps of a training that ended with step `step`.

    image, comparator, code: squared distance between generated and real, as a share of the variance of the real ones
    (1 is the error of their mean); None where it wasn't computed. discriminator_loss: on real plus on generated images.
    adversarial_loss: the generator's. None where there is no discriminator. discriminator_share, generator_share: in
    which share of the steps each was trained. spread: of the last batch's generated images, as a share of the real
    ones'. seconds: wall time.
    """

    step: int
    learning_rate: float
    image: float
    comparator: float | None
    code: float | None
    discriminator_loss: float | None
    adversarial_loss: float | None
    discriminator_share: float
    generator_share: float
    spread: float
    seconds: float


@dataclass(frozen=True)
class CollapseRule:
    """warm_up: steps before which nothing is judged. lasting: steps for which a sign must last.

    least_spread: below, images are all alike. most_error: above, images have nothing to do with their codes.
    """

    warm_up: int = 1000
    lasting: int = 500
    least_spread: float = 0.1
    most_error: float = 2.0

    def sentence(self, history: Sequence[Record]) -> str | None:
        """What is wrong, and what to do; None as long as nothing is. history: all records so far, in order."""
        if not history or history[-1].step < self.warm_up + self.lasting:
            return None
        last = [record for record in history if record.step > history[-1].step - self.lasting]
        now = last[-1]
        signs: tuple[tuple[Callable[[Record], bool], str, str], ...] = (
            (
                lambda record: record.generator_share == 0,
                "the generator was paused in all of them, so it no longer learns",
                "give the discriminator a higher learning rate, or the balance rule no memory (resume: null)",
            ),
            (
                lambda record: record.spread < self.least_spread,
                f"generated images hardly depend on their codes any more (their spread is {100 * now.spread:.2g} % of "
                f"that of real images, expected at least {100 * self.least_spread:.2g} %)",
                "lower the learning rate, or weigh the adversarial loss less",
            ),
            (
                lambda record: record.image > self.most_error,
                "generated images are farther from the images that they should be than unrelated real images are "
                f"(squared distance {now.image:.3g} times the variance, expected at most {self.most_error:.3g})",
                "weigh the image loss more, or the adversarial loss less",
            ),
        )
        for shows, what, remedy in signs:
            if all(shows(record) for record in last):
                return (
                    f"the training has collapsed by step {now.step}: for the last {self.lasting} steps or more, "
                    f"{what}; {remedy}"
                )
        return None
