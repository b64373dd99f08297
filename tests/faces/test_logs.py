"""Reading logs from Python: what is returned, what is a warning, what is an error."""

import pytest

import etude

CSV = "epoch,train_loss,val_loss\n1,0.7,0.8\n2,0.5,0.7\n"


def test_a_log_is_runs_with_curves(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    (run,) = etude.read_runs(tmp_path / "a.csv")
    assert run.curve("validation/objective").values.tolist() == [0.8, 0.7]
    assert (run.provenance["train is"], run.provenance["x"]) == ("train_loss", "epoch")


def test_the_user_says_what_is_what(tmp_path):
    (tmp_path / "a.csv").write_text("round,seen,unseen\n1,0.5,0.4\n2,0.9,0.6\n")
    (run,) = etude.read_runs(tmp_path, train="seen", validation="unseen", higher_is_better=True)
    assert run.curve("validation/score").values.tolist() == [0.4, 0.6]


def test_a_log_beside_others_that_cannot_be_judged_is_a_warning_and_alone_an_error(tmp_path):
    (tmp_path / "b.csv").write_text("round,this,that\n1,0.5,0.4\n2,0.9,0.6\n")
    with pytest.raises(etude.EtudeError, match="no series has a name that tells a loss"):
        etude.read_runs(tmp_path)
    (tmp_path / "a.csv").write_text(CSV)
    with pytest.warns(UserWarning, match="no series has a name that tells a loss"):
        assert len(etude.read_runs(tmp_path)) == 1


def test_a_folder_without_logs_says_so(tmp_path):
    (tmp_path / "weights.bin").write_bytes(bytes(100))
    with pytest.raises(etude.EtudeError, match="no log among 1 files"):
        etude.read_runs(tmp_path)
