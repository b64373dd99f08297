"""One owner for each file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from etude.records.lock import owned
from etude.values.errors import StoreBusyError, StoreError

HOLD = "import sys; from pathlib import Path; from etude.records.lock import owned\nwith owned(Path(sys.argv[1])): {}"


def holder(path: Path, then: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD.format(then), str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_second_owner_in_the_same_process_is_refused_with_its_own_number(tmp_path: Path):
    with owned(tmp_path / "s"), pytest.raises(StoreBusyError, match=rf"process {os.getpid()} on .*, since 20"):
        owned(tmp_path / "s").__enter__()


def test_another_process_is_refused_with_the_owners_number_until_the_owner_ends(tmp_path: Path):
    with holder(tmp_path / "s", "print(1, flush=True); sys.stdin.read()") as owner:
        owner.stdout.readline()
        with pytest.raises(StoreBusyError, match=rf"process {owner.pid} on .*Nothing was changed"):
            owned(tmp_path / "s").__enter__()
        owner.communicate("")
    with owned(tmp_path / "s"):
        pass


def test_the_lock_of_a_killed_owner_is_free(tmp_path: Path):
    with holder(tmp_path / "s", "print(1, flush=True); sys.stdin.read()") as owner:
        owner.stdout.readline()
        owner.kill()
        owner.communicate()
    with owned(tmp_path / "s"):
        pass


def test_a_released_lock_names_nobody(tmp_path: Path):
    with owned(tmp_path / "s"):
        pass
    assert (tmp_path / "s.lock").read_text() == ""


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(StoreError, match=r"gone/s cannot be written: .* Nothing was changed"):
        owned(tmp_path / "gone" / "s").__enter__()
