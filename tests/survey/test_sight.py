"""What is seen of an image, restated image by image."""

from __future__ import annotations

import math
from typing import Any

import application_toys as toys
import pytest
import torch
from torch import Tensor

from replications.networks.network import Network
from replications.survey.applications.adversarial_detector import joined, threshold, train
from replications.survey.applications.sight import (
    CONFIDENCE,
    DECONVNET,
    DISSECTION,
    FEWEST,
    INVERSION,
    NAMES,
    Sight,
    TooFewReferences,
)
from replications.zeiler import deconvnet

UNITS = [1, 2, 4, 5, 6, 9, 10, 11, 12, 15]
PROJECTED = 8


class Inverts:
    """A layer with something that makes images of its maps."""

    def __init__(self, network: Network | None = None) -> None:
        self.network, self.layer = network or toys.network(), "relu1"

    def codes(self, images: Tensor) -> Tensor:
        return self.network.forward_to(self.layer, images)

    def of_codes(self, codes: Tensor) -> Tensor:
        return torch.nn.functional.interpolate(codes[:, :3].tanh(), scale_factor=2)


def sight(inversion: Any = None, network: Network | None = None) -> Sight:
    network = network or toys.network()
    data = toys.images()
    maps = toys.network().forward_to("relu2", data.images(range(100)))
    thresholds = maps.permute(1, 0, 2, 3).flatten(1).quantile(0.95, dim=1)
    made = Sight(
        network,
        "relu2",
        thresholds=thresholds,
        units=UNITS,
        outputs=range(12),
        inversion=inversion,
    )
    pictures = data.images(range(120)).to(network.node("conv1").module.weight.dtype)  # type: ignore[arg-type,union-attr]
    made.learn(pictures, data.labels[:120])
    return made


def test_dissection_is_measured_from_the_mean_of_the_predicted_class() -> None:
    made, data, network = sight(), toys.images(), toys.network()
    maps = network.forward_to("relu2", data.images(range(130)))
    pairs = list(zip(made.units.tolist(), made.thresholds.tolist(), strict=True))
    evidence = [[float(of_image[unit].max()) / level for unit, level in pairs] for of_image in maps]
    seen = torch.tensor(evidence).log1p()
    means = [seen[:120][data.labels[:120] == c].mean(0) for c in range(12)]
    residuals = torch.stack([seen[i] - means[int(data.labels[i])] for i in range(120)])
    deviations = (residuals.square().sum(0) / (120 - 12)).sqrt()
    shown = made(data.images(range(120, 130)))
    torch.testing.assert_close(shown.evidence, torch.tensor(evidence)[120:], rtol=1e-4, atol=1e-5)
    for row, i in enumerate(range(120, 130)):
        predicted = int(network.logits(data.images([i])).argmax())
        distances = [float(((seen[i] - mean) / deviations).square().mean()) for mean in means]
        nearest = min(d for c, d in enumerate(distances) if c != predicted)
        expected = [float(seen[i].mean()), distances[predicted], distances[predicted] - nearest]
        assert shown.statistics[DISSECTION][row].tolist() == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_the_projection_is_the_deconvnets_of_the_strongest_units_together() -> None:
    made, images, network = sight(), toys.images().images(range(4)), toys.network()
    shown = made(images)
    for i in range(4):
        record = deconvnet.record(network, images[i : i + 1], "relu2")
        strongest = [made.units[unit] for unit in shown.evidence[i].topk(PROJECTED).indices.tolist()]
        signal = torch.zeros_like(record.activations)
        for unit in map(int, strongest):
            row, column = divmod(int(record.activations[0, unit].argmax()), signal.shape[3])
            signal[0, unit, row, column] = record.activations[0, unit, row, column]
        expected = deconvnet.project_signals(record, signal, torch.tensor([0]))[0]
        torch.testing.assert_close(shown.projections[i], expected)
        norm, share, spread, cosine = shown.statistics[DECONVNET][i].tolist()
        energy = expected.square().sum(0)
        pixels = (images[i] - 0.5) / 0.25
        centred = pixels - pixels.mean((1, 2), keepdim=True)
        assert norm == pytest.approx(math.log(float(expected.norm())), rel=1e-4)
        assert spread == pytest.approx(float(energy.sum() ** 2 / (energy.numel() * energy.square().sum())), rel=1e-3)
        assert cosine == pytest.approx(float((expected * centred).sum() / expected.norm() / centred.norm()), abs=1e-4)
        padded = torch.nn.functional.pad(expected, (1, 1, 1, 1), value=torch.nan)
        fine = expected - padded.unfold(1, 3, 1).unfold(2, 3, 1).flatten(3).nanmean(3)
        assert share == pytest.approx(float(fine.square().sum() / expected.square().sum()), rel=1e-3)


def test_inversion_compares_the_inverted_image_its_features_and_its_class() -> None:
    inverts = Inverts()
    made, images = sight(inverts), toys.images().images(range(3))
    shown = made(images)
    assert made.families == tuple(NAMES)
    for i in range(3):
        image = images[i : i + 1]
        codes = inverts.codes(image)
        inverted = inverts.of_codes(codes)
        predicted = int(made.logits(image).argmax())
        expected = [
            float((inverted - image).norm()),
            float((inverts.codes(inverted) - codes).norm() / codes.norm()),
            float(made.logits(inverted).log_softmax(1)[0, predicted]),
        ]
        assert shown.statistics[INVERSION][i].tolist() == pytest.approx(expected, rel=1e-3)
        torch.testing.assert_close(shown.inverted[i : i + 1], inverted)  # type: ignore[index]


def test_confidence_is_the_log_odds_among_the_classes_of_the_images() -> None:
    made = sight()
    images = toys.images().images(range(6))
    probabilities = toys.network().probabilities(images).amax(1)
    expected = (probabilities.double() / (1 - probabilities.double())).log()
    torch.testing.assert_close(made(images).statistics[CONFIDENCE][:, 0].double(), expected, rtol=1e-2, atol=1e-2)
    assert made(images).logits.shape == (6, 12)


def test_every_statistic_can_be_differentiated_as_small_differences_say() -> None:
    exact = toys.network.__wrapped__()
    for node in exact.nodes:
        node.module.double()
    made = sight(Inverts(exact), exact)
    image = toys.images().images([7]).double()
    direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(1)).double()
    changed = image.clone().requires_grad_(True)
    rows = joined(made(changed).statistics, made.families)[0]
    near = [joined(made(image + step * direction).statistics, made.families)[0] for step in (1e-6, -1e-6)]
    measured = (near[0] - near[1]) / 2e-6
    for i in range(len(rows)):
        (gradient,) = torch.autograd.grad(rows[i], changed, retain_graph=True)
        assert float((gradient * direction).sum()) == pytest.approx(float(measured[i]), rel=1e-3, abs=1e-6)


def test_what_can_not_be_looked_with_is_refused() -> None:
    data, network = toys.images(), toys.network()
    made = sight()
    with pytest.raises(TooFewReferences, match=rf"each class needs {FEWEST} reference images"):
        made.learn(data.images(range(20)), data.labels[:20])
    with pytest.raises(ValueError, match="needs two units of layer 'relu2' that detect concepts and fire, found 1"):
        Sight(network, "relu2", thresholds=torch.tensor([0.0, 1.0, *[0.0] * 14]), units=[0, 1], outputs=range(12))
    unlearnt = Sight(network, "relu2", thresholds=torch.ones(16), units=UNITS, outputs=range(12))
    with pytest.raises(RuntimeError, match="learn"):
        unlearnt(data.images([0]))


def test_a_detector_is_logistic_regression_on_standardized_statistics() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    generator = torch.Generator().manual_seed(0)
    clean = {"a": torch.randn(60, 2, generator=generator), "b": torch.randn(60, 1, generator=generator)}
    attacked = {name: values[:40] * 2 + 1 for name, values in clean.items()}
    detector = train(clean, attacked, ("a", "b"))
    rows = [joined(statistics, ("a", "b")).numpy() for statistics in (clean, attacked)]
    # torch's deviation is over n - 1
    scaler = StandardScaler().fit(rows[0])
    scaler.scale_ *= (60 / 59) ** 0.5
    model = LogisticRegression(class_weight="balanced", max_iter=2000)
    model.fit(scaler.transform([*rows[0], *rows[1]]), [0] * 60 + [1] * 40)
    expected = model.decision_function(scaler.transform(rows[1]))
    assert detector(attacked).tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    with pytest.raises(ValueError, match="found 60 and 0"):
        train(clean, {name: values[:0] for name, values in clean.items()}, ("a",))


def test_a_threshold_is_alarmed_by_little_confidence() -> None:
    alarm = threshold(CONFIDENCE)
    assert alarm({CONFIDENCE: torch.tensor([[3.0], [-1.0]])}).tolist() == [-3, 1]
