"""Tables 4 to 6 and Fig. 9, the other half: the same network trained from scratch on the new set's few images.

Zeiler & Fergus 2014, Sec. 5.2: "we also train [the] model from scratch, i.e. resetting layers 1-7 to random values and
train them, as well as the softmax, on the training images of the dataset".

Networks see the same images of the same folds as the new softmax over pretrained features (`transfer.Task.fold`), and
are tested on the same. The table `trainings` names each fold's images, so that the experiments which read this outcome
can tell.

Deviations, with their reasons:
- The paper doesn't say how long it trained on so few images. Here: the recipe's number of epochs, or as many more as it
  takes to change the weights `updates` times, since a handful of images makes few batches.
- Fewer folds than the pretrained half has, to save time.
- For pictures with several items (Table 6), a picture is shown once for each of them; this is the gradient of a softmax
  that is asked for all of them in equal shares.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from metrics.classification import mean_class_accuracy
from replications.data.image_set import ImageSet
from replications.suite.interface import Context, Experiment, Measurement, Outcome, Part, Table
from replications.training.evaluate import predict
from replications.training.job import TrainingJob
from replications.training.recipe import Recipe
from replications.training.zoo import Trained
from replications.zeiler.items import ItemSettings, item_precisions
from replications.zeiler.transfer import TaskSettings, read

TRAININGS = "trainings"


@dataclasses.dataclass(frozen=True)
class Scratch(Experiment):
    """architecture: what is trained, see `training.job`. recipe: see `training.recipe`. updates: at least so many.

    folds: how many. tasks: any name -> {settings: see `TaskSettings`, reads: "data" or "second_data", sizes: images a
    class}. items: {settings: see `ItemSettings`, reads} of Table 6, or None.
    """

    name: ClassVar[str] = "scratch"
    title: ClassVar[str] = "Tables 4 to 6, Fig. 9: the same network trained from scratch"
    paper: ClassVar[str] = "zeiler"
    trains: ClassVar[bool] = True
    needs: ClassVar[tuple[Part, ...]] = ("data", "second_data")

    architecture: str
    recipe: Mapping[str, Any]
    updates: int
    folds: int
    tasks: Mapping[str, Mapping[str, Any]]
    items: Mapping[str, Any] | None

    def run(self, context: Context) -> Outcome:
        outcome, rows = Outcome(), []
        for config in self.tasks.values():
            task = TaskSettings.of(config["settings"]).task(read(context, config["reads"]))
            for size in config["sizes"]:
                found = []
                for number in context.progress(range(self.folds), f"{task.settings.name}, {size} a class"):
                    fold = task.fold(number, context.seed)
                    job = self._job(task.train, fold.train(size), task.train_labels, len(task.names), context, number)
                    predicted = self._probabilities(context.zoo.train(job), task.test, fold.test).argmax(1)
                    found.append(mean_class_accuracy(predicted, task.test_labels[fold.test], len(task.names)))
                    rows.append([task.settings.name, size, number, found[-1], fold.digest(size)])
                name, unit = f"{task.settings.name}/{size} per class", "% accuracy, mean over classes"
                outcome.measurements.append(Measurement(name, found, unit, "fold", "higher"))
        if self.items is not None:
            rows += self._items(context, outcome, self.items)
        outcome.tables.append(
            Table(
                TRAININGS,
                "Networks trained from scratch",
                ("task", "images a class", "fold", "% right", "images"),
                rows,
                "Mean over classes on the fold's test images (for items: mean average precision, by the number of "
                "all training images). The last column names the fold's images.",
            )
        )
        return outcome

    def _items(self, context: Context, outcome: Outcome, config: Mapping[str, Any]) -> list[list[str | float]]:
        settings = ItemSettings.of(config["settings"])
        task = settings.task(read(context, config["reads"]), context.seed)
        found: list[Tensor] = []
        rows: list[list[str | float]] = []
        for number in context.progress(range(min(self.folds, len(task.folds))), "items in a picture"):
            fold = task.folds[number]
            shown = (fold.train_targets > 0).nonzero()
            images = Shown(task.train, fold.train[shown[:, 0]], shown[:, 1], task.names)
            job = self._job(images, torch.arange(len(images)), images.labels, len(task.names), context, number)
            scores = self._probabilities(context.zoo.train(job), task.test, fold.test)
            found.append(item_precisions(scores, fold.test_targets))
            rows.append([settings.name, len(fold.train), number, float(found[-1].mean()), fold.digest()])
        for i, name in enumerate(task.names):
            values = [float(each[i]) for each in found]
            outcome.measurements.append(
                Measurement(f"{settings.name}/{name}", values, "% average precision", "fold", "higher")
            )
        return rows

    def _job(
        self, data: ImageSet, indices: Tensor, labels: Tensor, classes: int, context: Context, number: int
    ) -> TrainingJob:
        recipe = Recipe.of(self.recipe)
        batches = -(-len(indices) // recipe.batch_size)
        recipe = dataclasses.replace(recipe, epochs=max(recipe.epochs, -(-self.updates // batches)))
        return TrainingJob(
            self.architecture,
            data,
            recipe,
            seed=context.seed * 1000 + number,
            indices=indices,
            labels=labels,
            num_classes=classes,
        )

    def _probabilities(self, trained: Trained, images: ImageSet, indices: Tensor) -> Tensor:
        size = trained.job.recipe.crop or trained.job.data.size
        return predict([trained.probabilities], images, indices, size=size)


class Shown(ImageSet):
    """Images shown as often as there are labels for them: entry i is image `indices[i]` with label `labels[i]`."""

    def __init__(self, images: ImageSet, indices: Tensor, labels: Tensor, classes: Sequence[str]) -> None:
        self.base, self.indices, self.labels, self.classes = images, indices, labels, tuple(classes)
        self.name, self.size = images.name, images.size

    @property
    def fingerprint(self) -> str:
        text = f"shown {self.base.fingerprint} {self.indices.tolist()} {self.labels.tolist()} {self.classes}"
        return hashlib.sha256(text.encode()).hexdigest()

    def images(self, indices: Sequence[int] | Tensor) -> Tensor:
        return self.base.images(self.indices[torch.as_tensor(indices, dtype=torch.int64)])
