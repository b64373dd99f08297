"""What the name of a logged series says: which part of the data, what is measured, and whether less of it is better."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from etude.values.metric import Split

Kind = Literal["loss", "score", "other"]
"""Less is better; more is better; neither is known, or it is no measure of how good the model is."""
Per = Literal["step", "epoch"]

WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
"""The words of a name: val_loss, valLoss, val/loss and "Val Loss" have the same two."""

SPLITS: Mapping[str, Split] = MappingProxyType(
    {
        **dict.fromkeys(("train", "training", "trn", "tr", "fit"), "train"),
        **dict.fromkeys(("val", "valid", "validation", "validating", "eval", "evaluation", "dev"), "validation"),
        **dict.fromkeys(("test", "testing", "holdout"), "test"),
    }
)
PERS: Mapping[str, Per] = MappingProxyType(
    {
        **dict.fromkeys(("step", "steps", "batch", "batches", "iter", "iteration", "iterations"), "step"),
        **dict.fromkeys(("epoch", "epochs"), "epoch"),
    }
)
SILENT = frozenset({"vs", "per", "metrics", "metric", "avg", "average", "mean", "total", "the", "of"})
"""Words that do not tell one quantity from another."""

LOSSES = frozenset(
    WORDS.findall(
        "loss losses nll ce bce xent crossentropy logloss mse rmse msle mae mape smape error err errors perplexity "
        "ppl brier objective cost wer cer fid kl kld elbo hinge deviance bpc bpb"
    )
)
SCORES = frozenset(
    WORDS.findall(
        "acc accuracy f fbeta auc auroc auprc roc precision recall sensitivity specificity map ap bleu rouge meteor "
        "iou miou dice jaccard r score kappa mcc psnr ssim top em exact reward return ndcg mrr hit spearman pearson"
    )
)
OTHERS = frozenset(
    WORDS.findall(
        "lr learning rate momentum grad grads gradient gradients norm norms weight weights decay time times runtime "
        "seconds duration elapsed memory mem gpu cpu ram disk samples throughput speed flos flops size scale scaler "
        "best dur eta timestamp wall beta temperature count num tokens power util network fps"
    )
)
"""Words of what is logged beside: a name with one of them measures no model."""

LOSS_PHRASES = (("cross", "entropy"), ("log", "loss"), ("squared", "error"), ("absolute", "error"))


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name says.

    split: the part of the data, None where the name has no word for it
    per:   "step" for one batch, "epoch" for an epoch's mean; None where it does not say
    base:  what is left of the words: of "val_loss" and "train_loss_epoch" alike "loss"
    """

    split: Split | None
    per: Per | None
    base: str
    kind: Kind


def meaning(name: str) -> Meaning:
    """What a name says; one that is nothing but a part of the data, such as "train", is taken for its loss.

    >>> meaning("val_loss"), meaning("train/epoch_loss").base, meaning("evalAccuracy").kind, meaning("grad_norm").kind
    (Meaning(split='validation', per=None, base='loss', kind='loss'), 'loss', 'score', 'other')
    """
    words = [word.lower() for word in WORDS.findall(name)]
    split = next((SPLITS[word] for word in words if word in SPLITS), None)
    per = next((PERS[word] for word in words if word in PERS), None)
    left = [word for word in dict.fromkeys(words) if word not in SPLITS and word not in PERS and word not in SILENT]
    return Meaning(split, per, " ".join(left), _kind(left) if left or split is None else "loss")


def _kind(words: list[str]) -> Kind:
    pairs = set(itertools.pairwise(words))
    if not OTHERS.isdisjoint(words):
        return "other"
    if not LOSSES.isdisjoint(words) or not pairs.isdisjoint(LOSS_PHRASES):
        return "loss"
    return "other" if SCORES.isdisjoint(words) else "score"
