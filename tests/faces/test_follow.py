"""`etude watch -- command`: the command is as it would be alone, and what it logs or prints is judged."""

import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

WATCH = "import sys; from etude.faces.follow import asked, follow; sys.exit(follow(asked(sys.argv[1:])))"
ETUDE = (sys.executable, "-c", WATCH)

CURVES = """
import math, sys, time
def losses(epochs):
    for e in range(1, epochs + 1):  # validation is best at epoch 15
        noise = 0.004 * math.sin(7 * e)
        yield e, 0.1 + 0.6 * math.exp(-e / 8), 0.35 + 0.35 * math.exp(-e / 6) + 0.01 * max(0, e - 15) + noise
"""
PRINTS = CURVES + "for e, train, held in losses(60): print(f'epoch {e} loss {train:.4f} val_loss {held:.4f}')\n"


def run(folder, *arguments, **how):
    return subprocess.run([*ETUDE, *arguments], cwd=folder, capture_output=True, timeout=120, check=False, **how)


def python(folder, code, *options, **how):
    """Of a script that is run from a folder without logs, so that its text is none itself."""
    (folder / "train.py").write_text(code)
    return run(folder, *options, "--", sys.executable, "-u", "train.py", **how)


def test_printed_losses_are_judged_and_the_exit_code_is_the_commands(tmp_path):
    done = python(tmp_path, PRINTS + "sys.exit(7)\n", "--quiet", "--report", str(tmp_path / "page.html"))
    assert done.returncode == 7
    assert done.stdout.startswith(b"epoch 1 loss 0.6295 val_loss 0.6489\n")
    assert b"val_loss" in (tmp_path / "page.html").read_bytes()


LOGS = (
    CURVES
    + """
with open("log.csv", "w") as log:
    print("epoch,train_loss,val_loss", file=log)
    for e, train, held in losses(30):
        print(e, train, held, sep=",", file=log)
"""
)


@pytest.mark.parametrize(
    ("report", "says"), [("./log.csv", "would replace the log that is to be followed"), ("-", "names no file")]
)
def test_a_report_without_a_name_of_its_own_is_refused_before_the_command_runs(tmp_path, report, says):
    (tmp_path / "train.py").write_text(LOGS)
    command = ("--log", "log.csv", "--report", report, "--", sys.executable, "train.py")
    done = subprocess.run(
        [sys.executable, "-m", "etude", "watch", *command], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert says in " ".join(done.stderr.decode().split())
    assert not (tmp_path / "log.csv").exists()


def test_a_report_never_replaces_a_log_that_was_found(tmp_path):
    told = python(tmp_path, LOGS, "--quiet", "--report", "log.csv").stderr.decode()
    assert "--report log.csv would replace a log that the command wrote" in told
    assert "etude diagnose log.csv --report page.html" in told
    assert (tmp_path / "log.csv").read_text().startswith("epoch,train_loss,val_loss\n1,")


def test_a_diagnosis_stands_on_standard_error_and_nothing_of_it_on_standard_output(tmp_path):
    done = python(tmp_path, PRINTS)
    assert "overfit" in done.stderr.decode()
    assert done.stdout.count(b"\n") == 60


def test_a_log_that_grows_is_judged_while_it_does_though_its_last_line_is_half_there(tmp_path):
    code = f"""{CURVES}
with open("log.csv", "w") as log:
    log.write("epoch,train_loss,val_loss\\n")
    for e, train, held in losses(50):
        line = f"{{e}},{{train:.4f}},{{held:.4f}}\\n"
        for part in (line[:7], line[7:]):
            log.write(part)
            log.flush()
            time.sleep(0.05)
"""
    told = python(tmp_path, code, "--every", "0.3").stderr.decode()
    live = [line for line in told.splitlines() if line.startswith("étude")]
    assert live, told
    assert not [line for line in told.splitlines() if "lost" in line]


def test_a_run_that_turned_is_ended_where_that_is_asked_for(tmp_path):
    code = f"""{CURVES}
try:
    for e, train, held in losses(1_000):
        print(f"epoch {{e}} loss {{train:.4f}} val_loss {{held:.4f}}")
        time.sleep(0.1)
except KeyboardInterrupt:
    print("saved")
    sys.exit(5)
"""
    done = python(tmp_path, code, "--every", "0.3", "--stop")
    assert done.returncode == 5
    assert done.stdout.endswith(b"saved\n")
    why = "as --stop asks, because the validation loss has turned for good; it was best at epoch "
    assert f"étude ends the command, {why}" in done.stderr.decode()


def test_where_nothing_is_logged_it_says_what_was_looked_for(tmp_path):
    done = python(tmp_path, "open('weights.bin', 'wb').write(bytes(99))")
    told = done.stderr.decode()
    assert done.returncode == 0
    assert "étude found nothing to judge" in told
    assert "'epoch 3 loss 0.52 val_loss 0.61'" in told
    assert "TensorBoard event files" in told


def test_logs_that_were_there_before_are_not_the_commands(tmp_path):
    (tmp_path / "old.csv").write_text("epoch,loss\n1,0.5\n2,0.4\n3,0.3\n")
    time.sleep(0.1)
    assert "nothing to judge" in python(tmp_path, "pass").stderr.decode()


def test_one_training_in_two_logs_is_judged_once(tmp_path):
    code = f"""{CURVES}
with open("a.csv", "w") as a, open("b.csv", "w") as b:
    a.write("epoch,train_loss,val_loss\\n")
    b.write("epoch,train_loss,val_loss,lr\\n")
    for e, train, held in losses(30):
        a.write(f"{{e}},{{train:.5f}},{{held:.5f}}\\n")
        b.write(f"{{e}},{{train:.5f}},{{held:.5f}},{{0.1 / e}}\\n")
"""
    told = python(tmp_path, code).stderr.decode()
    assert "The same is logged in" in told
    assert "a.csv, too." in told


def test_bytes_and_their_order_are_the_commands(tmp_path):
    blob = os.urandom(3_000_000)
    (tmp_path / "blob.bin").write_bytes(blob)
    assert run(tmp_path, "--quiet", "--", "cat", "blob.bin").stdout == blob
    code = "import os\nfor i in range(200): os.write(1 + i % 2, b'%d\\n' % i)"
    (tmp_path / "train.py").write_text(code)
    both = subprocess.run(
        [*ETUDE, "--quiet", "--", sys.executable, "train.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=True,
    )
    assert both.stdout == b"".join(b"%d\n" % i for i in range(200))


def test_standard_input_is_the_commands(tmp_path):
    assert run(tmp_path, "--quiet", "--", "cat", input=b"hello").stdout == b"hello"


def test_a_command_that_a_signal_ended_gives_what_a_shell_would(tmp_path):
    assert run(tmp_path, "--quiet", "--", "sh", "-c", "kill -9 $$").returncode == 128 + 9


def test_a_command_that_is_not_there_is_one_sentence():
    from etude.faces.follow import asked, follow
    from etude.faces.follow_child import CommandError

    with pytest.raises(CommandError, match="no-such-command is not there") as error:
        follow(asked(["no-such-command"]))
    assert error.value.exit_code == 127


def test_a_terminal_stays_a_terminal_of_the_same_size(tmp_path):
    code = "import os; print([os.isatty(i) for i in range(3)], tuple(os.get_terminal_size()))"
    outer, inner = pty.openpty()
    subprocess.run(["stty", "cols", "77", "rows", "33"], stdin=inner, check=True)
    streams = {"stdin": inner, "stdout": inner, "stderr": inner}
    subprocess.run(
        [*ETUDE, "--quiet", "--", sys.executable, "-c", code], cwd=tmp_path, timeout=120, check=True, **streams
    )
    os.close(inner)
    assert os.read(outer, 1_000) == b"[True, True, True] (77, 33)\r\n"
    os.close(outer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_whoever_kills_etude_kills_the_command_with_all_its_children(number, tmp_path):
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(100)"
    shell = ["sh", "-c", f'"{sys.executable}" -c "{code}"; true']
    command = [*ETUDE, "--quiet", "--", *shell]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        grandchild = int(process.stdout.readline())
        process.send_signal(number)
        process.wait(60)
    assert process.returncode == (128 + 15 if number == signal.SIGTERM else -9)
    with suppress(ProcessLookupError):
        for _ in range(200):
            os.kill(grandchild, 0)
            time.sleep(0.05)
        pytest.fail("it is still there after ten seconds")


def test_a_signal_that_the_waiting_thread_does_not_get_itself_is_not_lost(tmp_path):
    code = """
import signal, sys, threading, time
from etude.faces.follow_child import Child
def aside():
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
child = Child([sys.executable, "-c", "import time; time.sleep(100)"], None)
threading.Thread(target=aside).start()
print(child.wait())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) == 128 + signal.SIGTERM


def test_a_reader_that_goes_away_ends_the_command_as_it_would_alone(tmp_path):
    shell = '"$0" "$1" "$2" --quiet -- yes | head -n 1'
    done = subprocess.run(["bash", "-c", shell, *ETUDE], capture_output=True, timeout=120, check=True, cwd=tmp_path)
    assert done.stdout == b"y\n"
