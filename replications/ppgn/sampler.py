"""Sampling by Plug & Play Generative Networks (Nguyen et al. 2017): one update, five configurations (conf/sampler).

    h <- h + eps1 (R(h) - h) + eps2 d log p(y = c | G(h)) / dh + N(0, eps3^2)             (Eq. 11)
             + eps4 d (-1/2 |x - G(h)|^2 around the hole) / dh                            (Eq. 12, inpainting)

The released code multiplies the sum of all terms by rate / (the mean size of its numbers), and clips the code to what
real codes are; both are settings. Where eps1 = eps3^2 / (2 sigma^2) with an autoencoder's sigma, eps2 = eps3^2 / 2 and
nothing is normalized or clipped, the chain is Langevin's, whose stationary density is p(h) p(y = c | h), up to the size
of its steps.

What is generated needn't be images, nor codes vectors: a generator is any function that maps codes (n, ...) to what a
condition reads, row by row. For PPGN-x it is the identity.

Deviations from the released code:
- Chains are batched. Each has its own stream of random numbers, which follows from the seed, the name of what it is
  asked for and which of those of that name it is: in a batch it is the chain that it would be alone, up to rounding.
- Encoder and condition read the same generated image; where they are one network, it runs once.
- A chain that has no gradient isn't ended: it stays, and noise or the next condition may move it.
- One whose numbers are no longer finite stays what it was and is named.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from replications.images.maximize import attempts_of
from replications.ppgn.chains import Chains, State, read_state
from replications.ppgn.codes import RealCodes
from replications.ppgn.conditions import Condition
from replications.ppgn.fingerprints import fingerprint_of
from replications.ppgn.priors import Prior
from replications.ppgn.reading import Conditions
from replications.ppgn.settings import Settings
from replications.suite.context import seed_of

Progress = Callable[[Iterable[int], str, int], Iterable[int]]
Wanted = Condition | Sequence[Condition]


class Terms(NamedTuple):
    """What is added up in one step, (n, ...) each, in the settings' units and with the epsilons."""

    prior: Tensor
    condition: Tensor
    noise: Tensor


def moved(
    codes: Tensor,
    terms: Terms,
    rate: float,
    *,
    normalize: bool,
    unit: float = 1.0,
    bounds: tuple[Tensor, Tensor] | None = None,
    decay: float = 1.0,
) -> Tensor:
    """Codes (n, ...) after the update: the terms' sum, normalized or not, then the bounds, then the decay.

    A chain whose terms add up to nothing stays where it is (and decays).
    """
    change = terms.prior + terms.condition + terms.noise
    if normalize:
        size = _mean_size(change)
        change = change / _like(torch.where(size > 0, size, 1), change)
    found = codes + unit * rate * change
    if bounds is not None:
        found = torch.maximum(torch.minimum(found, bounds[1]), bounds[0])
    return found * decay


@dataclass(frozen=True, eq=False)
class Sampler:
    """Chains of codes by one variant.

    generator: codes (n, ...) -> what is shown to conditions, such as images (n, 3, S, S) in [0, 1]; on `device`.
    prior: of the kind that the settings name. real: where real codes lie, if the settings ask for that.

    Raises:
        ValueError: a prior of another kind, missing knowledge of real codes, or a generator in training mode.
        DoesNotFit: real codes that are not of the generator's or the prior's shape.
    """

    generator: Callable[[Tensor], Tensor]
    settings: Settings
    prior: Prior
    real: RealCodes | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        settings = self.settings
        if self.prior.kind != settings.prior:
            raise ValueError(f"sampler '{settings.name}' has the prior '{settings.prior}', found '{self.prior.kind}'")
        if settings.needs_real and self.real is None:
            raise ValueError(
                f"sampler '{settings.name}' has to know where real codes lie (span {settings.span}, clip "
                f"'{settings.clip}', start '{settings.start}'): give it RealCodes.of(codes of real images)"
            )
        if isinstance(self.generator, nn.Module) and self.generator.training:
            raise ValueError(
                "the generator is in training mode, where chains may change each other; call .eval() on it"
            )
        if self.real is not None:
            self.prior.check(self.generator, self.real.shape)

    def run(
        self,
        wanted: Sequence[Wanted],
        *,
        seed: int = 0,
        numbers: Sequence[int] | None = None,
        start: Tensor | None = None,
        path: Path | None = None,
        save_every: float = 20.0,
        progress: Progress | None = None,
    ) -> Chains:
        """One chain for each of `wanted`; the same one more than once is several chains.

        Args:
            wanted: a condition, or several that a chain is asked for one after the other, as many for each chain.
            numbers: which chain of its name each is; None counts them from 0. With seed and name it decides the chain's
                random numbers.
            start: (n, ...) codes to start from; None draws them as the settings say. Their type is the chains'.
            path: a file where the chains are kept, every `save_every` seconds and at the end: a run that was stopped
                goes on from there bit for bit, and one that was finished isn't made again. None keeps nothing.
            progress: wraps the steps (a context's).

        Raises:
            ValueError: chains of different numbers of conditions; a start that isn't one code for each chain.
            DoesNotFit: codes that aren't the generator's or the prior's; ValueError: masks that aren't its images'.
            OtherChains: `path` holds chains of another configuration.
        """
        plans = [_plan(one) for one in wanted]
        _check(plans, numbers, start)
        names = [named(one) for one in wanted]
        which = attempts_of(names) if numbers is None else [int(number) for number in numbers]
        about = {} if path is None else self.about(wanted, which, seed, start)
        state = read_state(path, about, self.device)
        if state is None:
            streams = [
                torch.Generator().manual_seed(seed_of(seed, name, number))
                for name, number in zip(names, which, strict=True)
            ]
            state = self._begun(streams, start)
        self.prior.check(self.generator, state.codes.shape[1:])
        run = _Run(self, plans, state)
        steps = range(state.step, run.steps)
        saved = time.monotonic()
        for _ in steps if progress is None else progress(steps, f"steps of {len(plans)} chains", len(steps)):
            run.step()
            if path is not None and time.monotonic() - saved >= save_every:
                state.write(path, about)
                saved = time.monotonic()
        if len(state.values) == run.steps:
            run.end()
            if path is not None:
                state.write(path, about)
        return _result(state, names, which)

    @torch.inference_mode()
    def made(self, codes: Tensor, batch: int = 64) -> Tensor:
        """What the generator makes of codes (n, ...), on the CPU."""
        return torch.cat([self.generator(part.to(self.device)).cpu() for part in codes.split(batch)]).clone()

    def _begun(self, streams: list[torch.Generator], start: Tensor | None) -> State:
        n = len(streams)
        codes = self.drawn(streams) if start is None else start.detach().clone().to(self.device)
        return State(
            step=0,
            codes=codes,
            streams=streams,
            epsilon1=torch.full((n,), torch.nan, dtype=torch.float64, device=self.device),
            died=torch.full((n,), -1, device=self.device),
            values=[],
            sizes=[],
            kept=[],
            kept_steps=[],
        )

    def drawn(self, streams: Sequence[torch.Generator]) -> Tensor:
        """A code to start from, drawn from each stream."""
        shape = self._shape()
        noise = torch.stack([torch.randn(shape, generator=stream) for stream in streams]).to(self.device)
        if self.settings.start == "normal" or self.real is None:
            return noise * self.settings.unit(self.real)
        return self.real.mean.to(noise) + self.real.deviation.to(noise) * noise

    def _shape(self) -> tuple[int, ...]:
        if self.real is not None:
            return self.real.shape
        size = getattr(self.generator, "code_size", None)
        if size is None:
            raise ValueError("of what shape a code is, this generator doesn't say: give codes to start from")
        return (int(size),)

    def about(
        self, wanted: Sequence[Wanted], numbers: Sequence[int], seed: int, start: Tensor | None
    ) -> dict[str, object]:
        """All that determines the chains, but the code, which decides where a caller keeps them."""
        return {
            "sampler": dataclasses.asdict(self.settings),
            "chains": [named(one) for one in wanted],
            "numbers": list(numbers),
            "seed": seed,
            "conditions": fingerprint_of([list(_plan(one)) for one in wanted]),
            "generator": fingerprint_of(self.generator),
            "prior": self.prior.fingerprint,
            "real codes": fingerprint_of(self.real),
            "start": fingerprint_of(start),
            "device": self.device.type,
        }


class _Run:
    """The steps of one batch of chains; changes `state`."""

    def __init__(self, sampler: Sampler, plans: Sequence[Sequence[Condition]], state: State) -> None:
        self.sampler, self.settings, self.plans, self.state = sampler, sampler.settings, plans, state
        self.device, self.n = sampler.device, len(plans)
        self.steps = len(plans[0]) * self.settings.steps
        self.unit = self.settings.unit(sampler.real)
        bounds = self.settings.bounds(sampler.real)
        self.bounds = None if bounds is None else (bounds[0].to(state.codes), bounds[1].to(state.codes))
        self.uses_prior = self.settings.uses("epsilon1")
        self._turn = -1
        self._conditions = Conditions([], self.device)

    def step(self) -> None:
        state, settings = self.state, self.settings
        step, within = state.step, state.step % settings.steps
        if step % settings.keep_every == 0:
            self._keep()
        before = state.codes
        terms, values = self._terms(before, within)
        after = moved(
            before,
            terms,
            settings.at("rate", within),
            normalize=settings.normalize,
            unit=self.unit,
            bounds=self.bounds,
            decay=settings.decay,
        )
        bad = ~(values.isfinite() & after.flatten(1).isfinite().all(1))
        state.died = torch.where(bad & (state.died < 0), step, state.died)
        if settings.reset_every and step and step % settings.reset_every == 0:
            after = self._reset().to(after)
        state.codes = torch.where(_like(state.died >= 0, after), before, after)
        state.values.append(values)
        state.sizes.append(torch.stack([_mean_size(term) for term in terms]))
        state.step += 1

    def end(self) -> None:
        """Keeps the last codes and says their values."""
        self._keep()
        with torch.no_grad():
            conditions = self._conditions_at(self.steps - 1)
            shown = conditions.shown(self.sampler.generator(self.state.codes))
            self.state.values.append(conditions.log_probability(shown, conditions.readings(shown)))

    def _terms(self, codes: Tensor, within: int) -> tuple[Terms, Tensor]:
        """The three terms, and the log-probabilities of what the codes say now."""
        settings, conditions = self.settings, self._conditions_at(self.state.step)
        epsilon2, epsilon3, epsilon4 = (settings.at(f"epsilon{k}", within) for k in (2, 3, 4))
        climbs = (conditions.asks and epsilon2 != 0) or (conditions.masks and epsilon4 != 0)
        leaf = codes.detach().requires_grad_(climbs)
        with torch.set_grad_enabled(climbs):
            made = self.sampler.generator(leaf)
            if within == 0:
                conditions.check(made.shape[1:])
            shown = conditions.shown(made)
            readings = conditions.readings(shown)
            values = conditions.log_probability(shown, readings)
            total = epsilon2 * values if epsilon2 != 0 else made.new_zeros(self.n)
            if conditions.masks and epsilon4 != 0:
                total = total + epsilon4 * conditions.context(made)
        zero = torch.zeros_like(codes)
        residual = zero
        if self.uses_prior:
            epsilon1 = torch.where(
                self.state.epsilon1.isnan(), settings.at("epsilon1", within), self.state.epsilon1
            ).to(codes)
            residual = _like(epsilon1, codes) * self.sampler.prior.residual(codes, readings) / self.unit
        noise = self._noise(codes, epsilon3)
        del made, shown, readings
        slope = torch.autograd.grad(total.sum(), leaf)[0] if total.requires_grad else zero
        return Terms(residual, slope * self.unit, noise), values.detach()

    def _noise(self, codes: Tensor, epsilon: float) -> Tensor:
        if epsilon == 0:
            return torch.zeros_like(codes)
        drawn = [torch.randn(codes.shape[1:], generator=stream) for stream in self.state.streams]
        return torch.stack(drawn).to(codes) * epsilon

    def _conditions_at(self, step: int) -> Conditions:
        turn = step // self.settings.steps
        if turn != self._turn:
            besides = self.sampler.prior.reads if self.uses_prior else {}
            self._conditions = Conditions([plan[turn] for plan in self.plans], self.device, besides)
            self._turn = turn
        return self._conditions

    def _reset(self) -> Tensor:
        """New starts, with an epsilon 1 of their own where the settings say so."""
        if self.settings.reset_epsilon1 is not None:
            low, high = self.settings.reset_epsilon1
            drawn = torch.cat([torch.rand(1, generator=stream, dtype=torch.float64) for stream in self.state.streams])
            self.state.epsilon1 = (low + (high - low) * drawn).to(self.device)
        return self.sampler.drawn(self.state.streams)

    def _keep(self) -> None:
        self.state.kept.append(self.state.codes.detach().clone())
        self.state.kept_steps.append(self.state.step)


def named(wanted: Wanted) -> str:
    """What a chain is asked for, in words; with its number it decides the chain's random numbers."""
    return " > ".join(condition.name for condition in _plan(wanted))


def _plan(wanted: Wanted) -> tuple[Condition, ...]:
    return (wanted,) if isinstance(wanted, Condition) else tuple(wanted)


def _check(plans: Sequence[Sequence[Condition]], numbers: Sequence[int] | None, start: Tensor | None) -> None:
    if not plans or len({len(plan) for plan in plans}) != 1 or not plans[0]:
        raise ValueError(
            "expected chains that are all asked for as many conditions, at least one; found "
            f"{', '.join(str(len(plan)) for plan in plans) or 'no chains'}"
        )
    for what, given in (("a number", numbers), ("a code to start from", start)):
        if given is not None and len(given) != len(plans):
            raise ValueError(f"expected {what} for each of {len(plans)} chains, found {len(given)}")


def _result(state: State, names: Sequence[str], which: Sequence[int]) -> Chains:
    died = state.died.tolist()
    return Chains(
        names=tuple(names),
        numbers=tuple(which),
        codes=state.codes.cpu(),
        kept_steps=tuple(state.kept_steps),
        kept=torch.stack(state.kept).cpu(),
        values=torch.stack(state.values).cpu(),
        sizes=torch.stack(state.sizes).cpu(),
        diverged={i: step for i, step in enumerate(died) if step >= 0},
    )


def _mean_size(numbers: Tensor) -> Tensor:
    """(n,) the mean size of the numbers of each row of (n, ...)."""
    return numbers.abs().flatten(1).mean(1)


def _like(rows: Tensor, codes: Tensor) -> Tensor:
    """(n,) as (n, 1, ...), to be spread over codes (n, ...)."""
    return rows.reshape(-1, *[1] * (codes.dim() - 1))
