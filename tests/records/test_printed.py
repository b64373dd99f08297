"""Losses in what programs print: every common way to print them, and nothing that only looks like one."""

import numpy as np
import pytest

from etude.records.printed import MOST_VALUES, Printed, said

nan = float("nan")


def printed(*lines: str) -> Printed:
    one = Printed("train.py")
    one.feed("".join(f"{line}\n" for line in lines).encode())
    return one


def series(*lines: str):
    logs = printed(*lines).logs()
    return {one.name: one for log in logs for one in log.series}


@pytest.mark.parametrize(
    ("line", "epoch", "measures"),
    [
        ("epoch 3 loss 0.52 val_loss 0.61", 3, {"loss": 0.52, "val_loss": 0.61}),
        ("Epoch [3/10], Loss: 0.4123, Val Loss: 0.5", 3, {"loss": 0.4123, "val_loss": 0.5}),
        ("Epoch 3: train loss=5e-1, val loss=.6", 3, {"train_loss": 0.5, "val_loss": 0.6}),
        ("Train Loss: 1,234.5 | Val. Loss: 0.4", nan, {"train_loss": 1234.5, "val_loss": 0.4}),
        ("  Val. Acc: 78.2%", nan, {"val_acc": 78.2}),
        ("{'loss': '0.52', 'grad_norm': '1.2', 'learning_rate': '5e-05', 'epoch': '0.5'}", 0.5, {"loss": 0.52}),
        ("{'eval_loss': 0.6, 'eval_runtime': 0.034, 'epoch': 1.0}", 1, {"eval_loss": 0.6}),
        ("10/10 ━━━━━━ 0s 2ms/step - acc: 0.5 - loss: 0.69", nan, {"acc": 0.5, "loss": 0.69}),
        ("Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.3", 1, {"loss": 2.3}),
        ("Test set: Average loss: 0.05, Accuracy: 9836/10000 (98%)", nan, {"test_loss": 0.05}),
        ("Epoch 3: 100%|██| 10/10 [00:00<00:00, 50.1it/s, v_num=0, train_loss=0.5]", 3, {"train_loss": 0.5}),
        ("2026-11-26 16:00:01,123 INFO epoch 3 loss nan", 3, {"loss": nan}),
    ],
)  # fmt: skip
def test_a_line_says_its_epoch_and_its_measures(line, epoch, measures):
    got_epoch, _, got = said(line)
    assert got_epoch == pytest.approx(epoch, nan_ok=True)
    assert got == pytest.approx(measures, nan_ok=True)


@pytest.mark.parametrize(
    "line",
    [
        "Early stopping: no improvement in loss for 5 epochs",
        "best val loss: 0.5",
        "return code 0, exact 3, top 5, 3 errors, error 404",
        "train: 60000 val: 10000",
        "saved to runs/loss-3.pt after 12 s",
    ],
)
def test_what_only_looks_like_a_loss_is_none(line):
    assert said(line)[2] == {}


def test_the_epoch_may_stand_on_a_line_of_its_own():
    found = series("Epoch 1/2", "32/32 - 1s - loss: 0.7 - val_loss: 0.8", "Epoch 2/2", "32/32 - 1s - loss: 0.5")
    assert found["loss"].epochs.tolist() == [1, 2]


def test_of_a_bar_that_is_drawn_over_itself_the_end_counts():
    assert series("1/2 - loss: 0.9\r2/2 - loss: 0.7\r\n")["loss"].values.tolist() == [0.7]


def test_a_coloured_table_is_read_by_its_header():
    found = series(
        "  epoch    train_loss    valid_acc    valid_loss    cp     dur",
        "-------  ------------  -----------  ------------  ----  ------",
        "      1        \x1b[36m0.6986\x1b[0m       \x1b[32m0.5500\x1b[0m        0.6841     +  0.0123",
        "      2        0.6000       0.5600        0.6500        0.0119",
    )
    assert found["train_loss"].values.tolist() == [0.6986, 0.6]
    assert found["valid_loss"].values.tolist() == [0.6841, 0.65]
    assert found["valid_loss"].epochs.tolist() == [1, 2]
    assert "dur" not in found


def test_losses_of_several_batches_end_where_their_epoch_ends():
    # two of epoch 1 lie at its half and its end; epoch 2, of which one is there, may go on
    found = series("epoch 1 loss 3", "epoch 1 loss 2", "epoch 1 val_loss 2.5", "epoch 2 loss 1")
    assert found["loss"].epochs.tolist() == [0.5, 1.0, 1.5]
    assert found["val_loss"].epochs.tolist() == [1.0]


def test_steps_that_begin_anew_with_every_epoch_are_no_place():
    found = series("epoch 1 step 10 loss 3", "epoch 1 step 20 loss 2", "epoch 2 step 10 loss 1")
    assert found["loss"].steps is None
    assert series("step 10 loss 3", "step 20 loss 2")["loss"].steps.tolist() == [10, 20]


def test_lines_come_in_pieces_and_the_last_one_waits_for_its_end():
    one = Printed("x")
    for piece in (b"epoch 1 lo", b"ss 0.", b"5\nepoch 2 loss 0.", b"4"):
        one.feed(piece)
    assert one.logs()[0].series[0].values.tolist() == [0.5]


def test_binary_output_is_survived_in_bounded_memory():
    chance = np.random.default_rng(0)
    one = Printed("x")
    for _ in range(20):
        one.feed(chance.bytes(100_000).replace(b"\n", b" ") + b" loss")
    assert one.logs() == ()
    one.feed(b"\nepoch 1 loss 0.5\n")
    assert one.logs()[0].series[0].values.tolist() == [0.5]


def test_values_beyond_a_bound_are_counted():
    one = Printed("x")
    one.feed(b"loss 1\n" * (MOST_VALUES + 7))
    assert one.logs()[0].series[0].values.size == MOST_VALUES
    assert one.logs()[0].notes == ("7 printed values beyond the first 100,000 were left out",)


def test_where_epochs_go_back_another_training_begins():
    logs = printed("epoch 1 loss 3", "epoch 2 loss 2", "epoch 1 loss 5", "epoch 2 loss 4").logs()
    assert [log.name for log in logs] == ["train.py", "train.py (2)"]
    assert [log.series[0].values.tolist() for log in logs] == [[3, 2], [5, 4]]


def test_the_sum_that_the_hugging_face_trainer_ends_with_is_no_value():
    found = series("{'loss': '0.5', 'epoch': '1'}", "{'train_runtime': '3.1', 'train_loss': '0.7', 'epoch': '1'}")
    assert list(found) == ["loss"]
