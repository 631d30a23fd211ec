"""A denoising autoencoder's residual is the score of what it was trained on (Eq. 6)."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from replications.ppgn.codes import RealCodes
from replications.ppgn.dae import (
    DAE,
    CodeDAE,
    DAERecipe,
    PixelDAE,
    WrongCheckpoint,
    load_dae,
    noise_left,
    save_dae,
    train_dae,
    widths_for,
)

MEANS = torch.tensor([[-1.5, 0.5], [1.0, -0.5]])
DEVIATION, SIGMA = 0.4, 0.5


def mixture(n: int, seed: int = 0) -> Tensor:
    """Two round Gaussians of equal weight in the plane."""
    generator = torch.Generator().manual_seed(seed)
    which = torch.randint(2, (n,), generator=generator)
    return MEANS[which] + DEVIATION * torch.randn(n, 2, generator=generator)


def smoothed_score(x: Tensor) -> Tensor:
    """Of the mixture with noise of SIGMA, by autograd from its closed form in double precision."""
    points = x.double().requires_grad_()
    variance = DEVIATION**2 + SIGMA**2
    squares = (points[:, None] - MEANS.double()).square().sum(2)
    (found,) = torch.autograd.grad((-squares / (2 * variance)).logsumexp(1).sum(), points)
    return found


def test_the_residual_is_the_score_of_a_mixture_of_gaussians() -> None:
    torch.manual_seed(0)
    real = mixture(20000)
    dae = CodeDAE(2, SIGMA, widths=(2, 64, 64, 2))
    dae.standardize(RealCodes.of(real))
    train_dae(dae, real, DAERecipe(600, batch=256, rate=1e-2), seed=1)
    points = mixture(2000, seed=5) + SIGMA * torch.randn(2000, 2, generator=torch.Generator().manual_seed(6))
    expected, found = smoothed_score(points), dae.score(points).double()
    share = float((found - expected).square().sum() / expected.square().sum())
    assert share < 0.03
    torch.testing.assert_close(dae.residual(points), dae(points) - points)


def test_a_linear_autoencoder_learns_the_best_linear_denoiser_of_a_gaussian() -> None:
    """R(x) = m + C (C + sigma^2)^-1 (x - m), whose residual is sigma^2 times the score of N(m, C + sigma^2)."""
    generator = torch.Generator().manual_seed(0)
    mix = torch.tensor([[1.0, 0.0, 0.0], [0.6, 0.5, 0.0], [-0.3, 0.2, 0.8]])
    mean = torch.tensor([2.0, -1.0, 0.5])
    real = torch.randn(40000, 3, generator=generator) @ mix.T + mean
    torch.manual_seed(0)
    dae = CodeDAE(3, 0.7, widths=(3, 3))
    train_dae(dae, real, DAERecipe(1000, batch=512, rate=3e-2), seed=3)
    covariance = mix @ mix.T
    points = torch.randn(50, 3, generator=generator) * 2
    expected = -torch.linalg.solve(covariance + 0.49 * torch.eye(3), (points - mean).T).T
    torch.testing.assert_close(dae.score(points), expected, rtol=0.02, atol=0.05)
    # the variance that is left: sigma^2 C (C + sigma^2)^-1 in the mean, and in no way better
    best = float(torch.trace(torch.linalg.solve(covariance + 0.49 * torch.eye(3), covariance)) / 3)
    assert noise_left(dae, real, seed=1) == pytest.approx(best, rel=0.02)


def test_an_identity_leaves_all_of_the_noise() -> None:
    dae = CodeDAE(3, 0.3, widths=(3, 3))
    with torch.no_grad():
        dae.layers[0].weight.copy_(torch.eye(3))
        dae.layers[0].bias.zero_()
    assert noise_left(dae, torch.randn(20000, 3, generator=torch.Generator().manual_seed(0))) == pytest.approx(
        1, rel=0.02
    )


def test_the_published_sizes_and_their_proportions() -> None:
    assert widths_for(4096) == (4096, 2048, 1024, 500, 1024, 2048, 4096)
    assert widths_for(256) == (256, 128, 64, 31, 64, 128, 256)
    assert CodeDAE(256, 1.0).arguments["widths"] == [256, 128, 64, 31, 64, 128, 256]
    assert [type(layer).__name__ for layer in CodeDAE(8, 1.0).layers] == ["Linear", "ReLU"] * 5 + ["Linear"]


def test_standardizing_changes_no_scale_of_a_unit_that_never_varies() -> None:
    real = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([2.0, 0.0, 2.0])
    dae = CodeDAE(3, 1.0)
    dae.standardize(RealCodes.of(real))
    spread = math.sqrt(float(real.var(0, correction=0).mean()))
    torch.testing.assert_close(dae.deviation, torch.tensor([float(real[:, 0].std(correction=0)), spread,
                                                            float(real[:, 2].std(correction=0))]))  # fmt: skip


def test_pixels_are_denoised_better_than_left_alone() -> None:
    """Flat images: all of a flat image's noise but that of its mean can be removed."""
    colours = torch.rand(256, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    real = (colours.expand(-1, -1, 8, 8) * 255).round().to(torch.uint8)
    torch.manual_seed(0)
    dae = PixelDAE(8, width=8)
    assert float(dae.sigma) == pytest.approx(25.6 / 256)
    before = noise_left(dae, real)
    losses = train_dae(dae, real, DAERecipe(200, batch=32, rate=1e-2), seed=0)
    assert noise_left(dae, real) < 0.7 < 1 < before
    assert len(losses) == 200
    assert not dae.training


def weights(dae: DAE) -> list[Tensor]:
    return [value.clone() for value in dae.state_dict().values()]


def fresh() -> CodeDAE:
    torch.manual_seed(4)
    return CodeDAE(6, 0.5, widths=(6, 8, 6))


class Stop(Exception):
    pass


def stopping_after(count: int):  # type: ignore[no-untyped-def]
    def progress(steps, what, total):  # type: ignore[no-untyped-def]
        for done, step in enumerate(steps):
            if done == count:
                raise Stop
            yield step

    return progress


def test_a_training_that_is_taken_up_goes_on_bit_for_bit(tmp_path: Path) -> None:
    real, recipe, path = torch.randn(50, 6), DAERecipe(30, batch=8), tmp_path / "state"
    whole = fresh()
    losses = train_dae(whole, real, recipe, seed=2)
    stopped = fresh()
    with pytest.raises(Stop):
        train_dae(stopped, real, recipe, seed=2, path=path, keep_every=7, progress=stopping_after(18))
    assert path.is_file()
    resumed = fresh()
    # four of the steps done before are done again, since the state was kept after 14
    assert train_dae(resumed, real, recipe, seed=2, path=path, keep_every=7) == losses
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))
    assert not path.exists()


def test_a_damaged_state_begins_anew_and_one_of_another_training_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real, recipe, path = torch.randn(50, 6), DAERecipe(6, batch=8), tmp_path / "state"
    with pytest.raises(Stop):
        train_dae(fresh(), real, recipe, path=path, keep_every=2, progress=stopping_after(5))
    with pytest.raises(WrongCheckpoint, match="differs in recipe, seed; remove it"):
        train_dae(fresh(), real, DAERecipe(7, batch=8), seed=1, path=path)
    path.write_bytes(path.read_bytes()[:40])
    assert train_dae(fresh(), real, recipe, path=path) == train_dae(fresh(), real, recipe)
    assert "begins anew" in capsys.readouterr().err


@pytest.mark.parametrize("dae", [CodeDAE(6, 0.5), PixelDAE(8, width=4)], ids=["code", "pixels"])
def test_what_is_written_is_read(dae: DAE, tmp_path: Path) -> None:
    path = tmp_path / "dae.safetensors"
    save_dae(path, dae, {"layer": "relu6"})
    found, about = load_dae(path, dae.shape)
    assert about == {"layer": "relu6"}
    x = torch.rand(3, *dae.shape)
    assert torch.equal(found.score(x), dae.score(x))
    assert not found.training
    assert not any(p.requires_grad for p in found.parameters())


def test_errors_say_what_was_expected(tmp_path: Path) -> None:
    path = tmp_path / "dae.safetensors"
    save_dae(path, CodeDAE(6, 0.5))
    with pytest.raises(WrongCheckpoint, match=r"of code of shape \(6,\); expected one of \(7,\)"):
        load_dae(path, (7,))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(WrongCheckpoint, match="cut short"):
        load_dae(path)
    with pytest.raises(ValueError, match="begin and end with 6 units, found 6-3-5"):
        CodeDAE(6, 0.5, widths=(6, 3, 5))
    with pytest.raises(ValueError, match="deviation above 0, found 0"):
        CodeDAE(6, 0.0)
    with pytest.raises(ValueError, match="multiple of 4, not 10"):
        PixelDAE(10)
    with pytest.raises(ValueError, match=r"examples of shape \(6,\) to train on, found \(5, 4\)"):
        train_dae(CodeDAE(6, 0.5), torch.zeros(5, 4), DAERecipe(1))
    with pytest.raises(ValueError, match=r"lower the rate, which is 1e\+20"):
        train_dae(CodeDAE(6, 0.5), torch.randn(9, 6), DAERecipe(50, rate=1e20))
