"""What names of logged series say: names as tools and people write them, and what each is."""

import pytest

from etude.records.names import meaning


@pytest.mark.parametrize(
    ("name", "split", "base", "kind"),
    [
        ("loss", None, "loss", "loss"),
        ("val_loss", "validation", "loss", "loss"),
        ("valLoss", "validation", "loss", "loss"),
        ("Validation Loss", "validation", "loss", "loss"),
        ("train_loss_epoch", "train", "loss", "loss"),
        ("Loss/train", "train", "loss", "loss"),
        ("eval_loss", "validation", "loss", "loss"),
        ("dev-nll", "validation", "nll", "loss"),
        ("loss_both_val/loss_both", "validation", "loss both", "loss"),
        ("validation/evaluation_loss_vs_iterations", "validation", "loss", "loss"),
        ("batches/train_loss", "train", "loss", "loss"),
        ("val_cross_entropy", "validation", "cross entropy", "loss"),
        ("val_acc", "validation", "acc", "score"),
        ("metrics/mAP50(B)", None, "m ap 50 b", "score"),
        ("eval_f1", "validation", "f 1", "score"),
        ("test/R2", "test", "r 2", "score"),
        ("learning_rate", None, "learning rate", "other"),
        ("lr/pg0", None, "lr pg 0", "other"),
        ("grad_norm", None, "grad norm", "other"),
        ("eval_runtime", "validation", "runtime", "other"),
        ("train_samples_per_second", "train", "samples second", "other"),
        ("valid_loss_best", "validation", "loss best", "other"),
        ("loss_scale", None, "loss scale", "other"),
        ("system/gpu.0.temp", None, "system gpu 0 temp", "other"),
        ("train", "train", "", "loss"),
        ("", None, "", "other"),
    ],
)
def test_what_a_name_says(name, split, base, kind):
    says = meaning(name)
    assert (says.split, says.base, says.kind) == (split, base, kind)


def test_whether_it_is_of_a_step_or_of_an_epoch():
    assert [meaning(name).per for name in ("train_loss_step", "epoch_loss", "batches/loss", "loss")] == [
        "step",
        "epoch",
        "step",
        None,
    ]
