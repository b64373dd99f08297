"""A connection to a Ray cluster: one that is running, or one of this machine's own for the duration."""

import contextlib
import importlib.metadata
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType

from loky import cpu_count

from etude.values.errors import EngineError

OLDEST = (2, 52)
"""Before it, a page in the user's browser could run code on the cluster (CVE-2025-62593), and there were no tokens."""

ANSWER_SECONDS = 3.0
"""How long a port may take to answer; Ray itself would try for two minutes, and then end the process."""

ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_NUM_REDIS_GET_RETRIES": "3",  # seconds for which a wrong token is tried again
        "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # a lost worker's log would be printed to stdout, which is for data
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else a FutureWarning
    }
)
"""Ray reads these once, when it is imported, and its processes inherit them."""

LOOPBACK_ONLY: Mapping[str, str] = MappingProxyType({"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"})
"""Makes Ray bind 127.0.0.1 alone, on any system; it resolves even an explicit 127.0.0.1 to an outer address else."""

HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""What a gRPC client says first, with settings that are empty (RFC 9113, section 3.4); Ray's ports speak gRPC."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[ModuleType]:
    """Ray, connected to a cluster that has at least one processor; it is disconnected afterwards.

    address: "host:port", or "auto": the cluster that RAY_ADDRESS or the last `ray start` on this machine names, or
        else one of this machine's own, which is stopped afterwards
    """
    where = running(address)
    ray = _imported(loopback_only=where is None)
    before = signal.getsignal(signal.SIGTERM)
    try:
        _connect(ray, where)
        _keep_sigterm(before)
        n_processors(ray)
        yield ray
    finally:
        ray.shutdown()
        _keep_sigterm(before)


def running(address: str) -> str | None:
    """The cluster's "host:port", where something answers as a cluster does; None where "auto" finds none.

    >>> running("127.0.0.1:1")
    Traceback (most recent call last):
    etude.values.errors.EngineError: no cluster answers at 127.0.0.1:1 (Connection refused). Start its first node: \
`RAY_AUTH_MODE=token ray start --head` there, and see that its ports can be reached (docs/cluster.md). \
Nothing was trained.
    """
    named = _last_started() if address == "auto" else address
    if named is None:
        return None
    host, _, port = named.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise EngineError(
            f"a cluster's address is 'auto' or host:port, such as 10.0.0.1:6379, not {named!r}. Nothing was trained."
        )
    reason = _silence(host.strip("[]"), int(port))
    if reason is None:
        return named
    if address == "auto" and "RAY_ADDRESS" not in os.environ:
        return None  # a cluster that was killed leaves its address behind
    raise EngineError(
        f"no cluster answers at {named} ({reason}). Start its first node: `RAY_AUTH_MODE=token ray start "
        "--head` there, and see that its ports can be reached (docs/cluster.md). Nothing was trained."
    )


def n_processors(ray: ModuleType) -> int:
    """The processors of the cluster's living nodes; an EngineError where there is none, or the cluster is gone."""
    here = ray.get_runtime_context()
    host, _, port = here.gcs_address.rpartition(":")
    reason = _silence(host.strip("[]"), int(port))
    if reason is not None:  # else Ray would try for a minute, and then end the process
        raise EngineError(
            f"the cluster's first node at {here.gcs_address} no longer answers ({reason}), and without it there is "
            "no cluster. Start it again; the same command goes on. Runs that finished are kept."
        )
    living = {node["NodeID"]: node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]}
    if here.get_node_id() not in living:
        raise EngineError(
            "Ray's node on this machine was ended, and with it the way to the cluster. Start it again: "
            f"`ray start --address={here.gcs_address}`; the same command goes on. Runs that finished are kept."
        )
    if not sum(living.values()):
        raise EngineError(
            f"the cluster at {here.gcs_address} has no processor to train on. Start a node with one: "
            f"`ray start --address={here.gcs_address}`. Runs that finished are kept."
        )
    return int(sum(living.values()))


def _silence(host: str, port: int) -> str | None:
    """Why no cluster answers there; None where one does."""
    try:
        with socket.create_connection((host, port), timeout=ANSWER_SECONDS) as line:
            line.sendall(HTTP2_GREETING)
            is_settings = line.recv(9)[3:4] == b"\4"
    except (OSError, OverflowError) as error:
        return str(getattr(error, "strerror", None) or error)
    return None if is_settings else "another program listens there"


def _last_started() -> str | None:
    if os.environ.get("RAY_ADDRESS"):
        return os.environ["RAY_ADDRESS"]
    folder = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir())
    try:
        return (folder / "ray" / "ray_current_cluster").read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def check_version(version: str) -> None:
    """An EngineError where this Ray may not be used.

    >>> check_version("2.60.0")
    """
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise EngineError(
            f"Ray {version} lets a web page opened in a browser run code on this machine (CVE-2025-62593), and knows "
            'no tokens. Run: pip install --upgrade "etude[ray]". Nothing was trained.'
        )


def _imported(*, loopback_only: bool) -> ModuleType:
    """Ray, imported with our environment."""
    try:
        check_version(importlib.metadata.version("ray"))
    except importlib.metadata.PackageNotFoundError as error:
        raise EngineError(
            'training on a cluster needs Ray. Run: pip install "etude[ray]". Nothing was trained.'
        ) from error
    if "ray" in sys.modules and os.environ.get("RAY_AUTH_MODE") != "token":
        raise EngineError(
            "Ray was imported here before étude could turn its token authentication on. Set the environment variable "
            "RAY_AUTH_MODE=token before Python starts. Nothing was trained."
        )
    os.environ.update({**ENVIRONMENT, **(LOOPBACK_ONLY if loopback_only else {})})
    import ray

    if ray.is_initialized():
        raise EngineError(
            "Ray is connected already in this process, and étude needs a connection of its own. Call ray.shutdown() "
            "first. Nothing was trained."
        )
    return ray


def _connect(ray: ModuleType, where: str | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "CRITICAL"}
    try:
        if where is not None:
            ray.init(address=where, **quiet)
            return
        if not (os.environ.keys() & {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} or _token_file().exists()):
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)  # Ray would write one that others may read
        ray.init(address="local", num_cpus=cpu_count(), include_dashboard=False, **quiet)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise EngineError(_refused(where, error)) from error
    if not ray.util.get_node_ip_address().startswith("127."):
        raise EngineError(
            "this Python process has joined another cluster before, so Ray would open its ports to the network for "
            "one of this machine's own. Start Python anew. Nothing was trained."
        )


def _refused(where: str | None, error: Exception) -> str:
    told = f"{type(error).__name__}: {error.__cause__ or error}".strip()  # Ray puts the cause, and its trace, in words
    reason = told.rpartition("\n")[2].rstrip(".")
    if where is None:
        return f"Ray cannot start on this machine: {reason}. Train without --cluster. Nothing was trained."
    if "AuthenticationError" in told:
        return (
            f"the cluster at {where} refuses this machine, which has no token or another one. Copy the file "
            "~/.ray/auth_token of the cluster's first node here, readable by you alone, or set RAY_AUTH_TOKEN before "
            "Python starts. Nothing was trained."
        )
    return (
        f"the cluster at {where} cannot be joined: {reason}. Either this machine is not one of its nodes (start one "
        f"here: `RAY_AUTH_MODE=token ray start --address={where}`), or its Ray or Python is another version. "
        "Nothing was trained."
    )


def _token_file() -> Path:
    return Path.home() / ".ray" / "auth_token"


def _keep_sigterm(handler: "signal._HANDLER") -> None:
    """Ray puts a handler of its own in; only the main thread may put it back."""
    if threading.current_thread() is threading.main_thread() and handler is not None:
        signal.signal(signal.SIGTERM, handler)
