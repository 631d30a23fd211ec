"""Each prior's residual is what its variant's equation says; parts that don't fit each other are refused."""

from __future__ import annotations

import pytest
import torch
from ppgn_toys import CODE, SIZE, ToyGenerator, encoder
from torch import nn

from replications.networks.network import UnknownLayer
from replications.ppgn.dae import CodeDAE, PixelDAE
from replications.ppgn.fingerprints import fingerprint_of
from replications.ppgn.priors import DenoisingPrior, DoesNotFit, JointPrior, NoPrior, Prior
from replications.ppgn.reading import Conditions

GENERATOR, ENCODER = ToyGenerator(), encoder()


def codes(n: int = 4) -> torch.Tensor:
    return torch.randn(n, CODE, generator=torch.Generator().manual_seed(0))


def dae(seed: int = 0) -> CodeDAE:
    torch.manual_seed(seed)
    return CodeDAE(CODE, 0.5).eval()


def test_no_prior_moves_nothing() -> None:
    assert not NoPrior().residual(codes(), {}).any()
    assert NoPrior().reads == {}


def test_an_autoencoders_residual_is_what_it_gives_back_minus_what_it_was_given() -> None:
    model = dae()
    torch.testing.assert_close(DenoisingPrior(model).residual(codes(), {}), model(codes()).detach() - codes())


def test_the_joint_residual_is_the_code_of_the_generated_image_minus_the_code() -> None:
    prior = JointPrior(ENCODER, "relu6")
    images = GENERATOR(codes()).requires_grad_()
    readings = Conditions([], torch.device("cpu"), prior.reads).readings(images)
    found = prior.residual(codes(), readings)
    for i in range(4):
        expected = ENCODER.forward_to("relu6", GENERATOR(codes()[i : i + 1]))[0] - codes()[i]
        torch.testing.assert_close(found[i], expected)
    assert not found.requires_grad


def test_a_layer_of_maps_is_read_as_a_vector() -> None:
    prior = JointPrior(ENCODER, "conv1")
    images = torch.rand(2, 3, SIZE, SIZE)
    readings = {ENCODER: {"conv1": ENCODER.forward_to("conv1", images)}}
    zero = torch.zeros(2, 4 * SIZE * SIZE)
    assert torch.equal(prior.residual(zero, readings), ENCODER.forward_to("conv1", images).flatten(1))


def test_a_prior_is_another_when_anything_that_decides_it_is() -> None:
    priors: list[Prior] = [
        NoPrior(),
        DenoisingPrior(dae()),
        DenoisingPrior(dae(1)),
        JointPrior(ENCODER, "relu6"),
        JointPrior(ENCODER, "fc6"),
        JointPrior(encoder(1), "relu6"),
    ]
    assert len({prior.fingerprint for prior in priors}) == len(priors)
    assert DenoisingPrior(dae()).fingerprint == DenoisingPrior(dae()).fingerprint


def test_fingerprints_are_of_content() -> None:
    assert fingerprint_of(1) != fingerprint_of("1") != fingerprint_of([1])
    assert fingerprint_of(torch.zeros(2)) != fingerprint_of(torch.zeros(2, dtype=torch.int32))
    assert fingerprint_of({"a": 1.0}) == fingerprint_of({"a": 1.0}) != fingerprint_of({"a": 2.0})
    assert fingerprint_of(nn.Tanh()) != fingerprint_of(nn.ReLU())
    assert fingerprint_of(ToyGenerator()) == fingerprint_of(GENERATOR) != fingerprint_of(ToyGenerator(1))
    with pytest.raises(TypeError, match="what a object is can't be told"):
        fingerprint_of(object())


def test_errors_say_what_does_not_fit() -> None:
    with pytest.raises(UnknownLayer, match="no layer 'fc7'"):
        JointPrior(ENCODER, "fc7")
    with pytest.raises(DoesNotFit, match="is for codes of layer 'relu6', and the encoder's is 'fc6'"):
        JointPrior(ENCODER, "fc6").check(GENERATOR, (CODE,))
    with pytest.raises(DoesNotFit, match=f"reads codes of {CODE} numbers, and the encoder's layer has 5"):
        JointPrior(ENCODER, "fc8").check(ToyGenerator(layer="fc8"), (CODE,))
    with pytest.raises(DoesNotFit, match=rf"gives codes of {CODE} numbers, and these are of shape \(7,\)"):
        JointPrior(ENCODER, "relu6").check(lambda x: x, (7,))
    other = ToyGenerator()
    other.encoder_fingerprint = "another"
    with pytest.raises(DoesNotFit, match="was trained with the encoder another, and this one is"):
        JointPrior(ENCODER, "relu6").check(other, (CODE,))
    for prior in (NoPrior(), DenoisingPrior(CodeDAE(7, 0.5).eval())):
        with pytest.raises(
            DoesNotFit, match=rf"generator reads codes of {CODE} numbers, and these are of shape \(7,\)"
        ):
            prior.check(GENERATOR, (7,))
    with pytest.raises(DoesNotFit, match=r"trained on codes of shape \(3, 8, 8\), and these are of \(12,\)"):
        DenoisingPrior(PixelDAE(8).eval()).check(GENERATOR, (CODE,))
    with pytest.raises(ValueError, match="training mode; call"):
        DenoisingPrior(CodeDAE(7, 0.5))
    JointPrior(ENCODER, "relu6").check(GENERATOR, (CODE,))
    JointPrior(encoder(size=10), "relu6").check(GENERATOR, (CODE,))  # it resizes what it reads
    DenoisingPrior(PixelDAE(8).eval()).check(nn.Identity(), (3, 8, 8))
