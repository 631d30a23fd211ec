"""Whether a profile has what judges the images of every class: another network than the chains climb, and images."""

from __future__ import annotations

from replications.multifaceted.judge import Judge
from replications.multifaceted.samples import too_few_classes
from replications.networks.network import UnknownClass
from replications.suite.interface import Context

CLUSTERS = 2  # that stand for facets where the judge tells none; nothing is measured by them here


def judge_of(context: Context) -> Judge:
    """The held-out judge over the validation images."""
    return Judge(context.evaluator, context.data.validation, clusters=CLUSTERS)


def lacks(context: Context, images: int) -> str | None:
    """What is missing to judge `images` images of each class, as one sentence, or None."""
    if context.evaluator.name == context.network.name:
        return f"needs an evaluator that isn't the network '{context.network.name}' itself, which chains climb"
    judge = judge_of(context)
    try:
        for name in context.data.classes:
            judge.outputs_of(name)
    except UnknownClass as error:
        return f"needs a judge that knows the classes: {error}"
    return too_few_classes(context.data.validation, images)
