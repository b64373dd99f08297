"""Joining a cluster, and the one of this machine's own: what is refused, how soon, and what listens where."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from etude.engine.connection import ANSWER_SECONDS, check_version, connected, running
from etude.values.errors import EngineError

OWN_CLUSTER = """
import json, psutil
from etude.engine.cluster import spread_over_cluster
from etude.engine.spread import Job, spread
from etude.values.recipe import Recipe

recipe = Recipe(data={"task": "sincos", "rows": 50, "test_rows": 100}, loss="bce", epochs=3)
runs = spread_over_cluster([Job(recipe, replicate) for replicate in range(4)], address="auto", train=spread)
made = [next(runs)]
family = [psutil.Process(), *psutil.Process().children(recursive=True)]
listening = {
    socket.laddr
    for process in family
    for socket in process.net_connections("inet")
    if socket.status == psutil.CONN_LISTEN
}
made += runs
left = [process.name() for process in psutil.Process().children(recursive=True)]
print(json.dumps({
    "replicates": sorted(job.replicate for job, _ in made),
    "hosts": sorted({address.ip for address in listening}),
    "ports": sorted({address.port for address in listening}),
    "left": left,
}))
"""


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder for Ray whose path is short: its sockets' paths may have 107 letters, and pytest's are long."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def listener(says: bytes) -> socket.socket:
    """A port on loopback where something answers every greeting with that, and then waits."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        line, _ = server.accept()
        with line:
            line.sendall(says)
            line.recv(64)
            time.sleep(ANSWER_SECONDS + 1)

    threading.Thread(target=serve, daemon=True).start()
    return server


def address_of(server: socket.socket) -> str:
    return f"127.0.0.1:{server.getsockname()[1]}"


def test_a_dead_address_is_refused_at_once_with_the_way_to_a_cluster():
    with socket.create_server(("127.0.0.1", 0)) as server:
        dead = address_of(server)
    with pytest.raises(EngineError, match=rf"no cluster answers at {dead} \(Connection refused\).*ray start.*Nothing"):
        running(dead)


def test_another_program_on_the_port_is_told_from_a_cluster():
    with listener(b"SSH-2.0-OpenSSH_9.9\r\n") as server, pytest.raises(EngineError, match="another program listens"):
        running(address_of(server))


def test_a_port_that_never_speaks_is_given_up_soon():
    began = time.perf_counter()
    with listener(b"") as server, pytest.raises(EngineError, match=r"no cluster answers at .* \(timed out\)"):
        running(address_of(server))
    assert time.perf_counter() - began < 2 * ANSWER_SECONDS


@pytest.mark.parametrize("address", ["", "10.0.0.1", "10.0.0.1:", ":6379", "ray://10.0.0.1:10001", "a:b"])
def test_what_is_no_address_is_refused_with_one_that_is(address: str):
    with pytest.raises(EngineError, match=r"'auto' or host:port, such as 10\.0\.0\.1:6379"):
        running(address)


def test_a_port_beyond_the_last_one_is_refused():
    with pytest.raises(EngineError, match=r"no cluster answers at 127\.0\.0\.1:99999"):
        running("127.0.0.1:99999")


def test_auto_finds_none_where_none_was_started_or_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert running("auto") is None
    with socket.create_server(("127.0.0.1", 0)) as server:
        killed = address_of(server)
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text(killed)
    assert running("auto") is None


def test_auto_does_not_pass_over_the_cluster_that_the_user_names(monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        dead = address_of(server)
    monkeypatch.setenv("RAY_ADDRESS", dead)
    with pytest.raises(EngineError, match=f"no cluster answers at {dead}"):
        running("auto")


@pytest.mark.parametrize("version", ["2.51.2", "2.9.0", "1.13.0"])
def test_a_ray_with_the_hole_is_refused(version: str):
    with pytest.raises(EngineError, match=rf"Ray {version} .*CVE-2025-62593.*pip install --upgrade"):
        check_version(version)


@pytest.mark.parametrize("version", ["2.52.0", "2.60.0", "3.0.0rc1"])
def test_a_ray_without_it_is_taken(version: str):
    check_version(version)


def test_an_old_ray_is_refused_before_it_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "ray-2.40.0.dist-info").mkdir()
    (tmp_path / "ray-2.40.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: ray\nVersion: 2.40.0\n")
    (tmp_path / "none").mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / "none"))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineError, match=r"Ray 2\.40\.0 lets a web page"), connected("auto"):
        pass


@pytest.mark.slow
def test_the_cluster_of_ones_own_listens_on_loopback_alone_without_a_dashboard_and_leaves_nothing(short_folder: Path):

    env = {**os.environ, "RAY_TMPDIR": str(short_folder), "HOME": str(short_folder)}
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        env.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", OWN_CLUSTER], env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    seen = json.loads(done.stdout)  # nothing else was written there
    assert seen["replicates"] == [0, 1, 2, 3]
    assert {host.removeprefix("::ffff:") for host in seen["hosts"]} == {"127.0.0.1"}
    assert 8265 not in seen["ports"]
    assert seen["left"] == []
    assert not (short_folder / ".ray").exists()  # no token where others might read it
