"""A command that is run as if étude were not there: terminal, input, order of output, signals and end are its own."""

import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Protocol, TypeVar

from etude.values.errors import EtudeError

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)

T = TypeVar("T")

AT_ONCE = 1 << 20
"""Bytes that are passed on at once, and that may wait in a pipe where the system lets us say so."""

DRAIN = 0.5
"""Seconds without output after which a command that has ended, but left others that could still write, is left."""

GUARD = 'read line || { kill -s TERM -- "-$1"; sleep 5; kill -s KILL -- "-$1"; }'
"""A shell that waits for a line: where étude is killed none comes, and it ends the command with all its children."""

NOT_FOUND, NOT_RUNNABLE, KILLED = 127, 126, 128
"""Exit codes as shells have them; to the last one the signal's number is added."""


class CommandError(EtudeError):
    """A command that cannot be started."""

    def __init__(self, says: str, exit_code: int) -> None:
        """exit_code: as a shell would give it."""
        super().__init__(says)
        self.exit_code = exit_code


class Listener(Protocol):
    """Who is given what a command prints, as long as there is room for more."""

    def hear(self, more: bytes) -> None:
        """More output."""
        ...

    def miss(self, size: int) -> None:
        """So many bytes passed by."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether there is no room for more."""
        ...


class Child:
    """A command that runs, in a process group of its own, so that a signal reaches all that it started.

    pid: of the command and of its group
    """

    def __init__(self, command: Sequence[str], listener: Listener | None) -> None:
        """Start it. listener: is given what it prints; None: its output does not pass through étude at all."""
        self._kept = {number: signal.getsignal(number) for number in FORWARDED}
        self._early: list[int] = []
        self._told = _Told()
        self.pid = 0
        for number, before in self._kept.items():
            if before is not signal.SIG_IGN:  # as under nohup, for the command to inherit
                signal.signal(number, self._forward)
        self._outputs = () if listener is None else _outputs()
        ends = {number: output.inner for output in self._outputs for number in output.numbers}
        self._process = _started(command, ends.get(1), ends.get(2))
        self.pid = self._process.pid
        self._guard, self._lifeline = _guarded(self.pid)
        self._hand_over()
        for early in self._early:
            self.signal(early)
        self._relays = [Relay(output, listener) for output in self._outputs if listener is not None]

    def wait(self) -> int:
        """Wait for its end, and pass on what is left of its output; returns its exit code."""
        pid = status = 0
        while not pid:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if not pid:
                self._told.wait()
            elif os.WIFSTOPPED(status):
                self._pause()
                pid = 0
        for relay in self._relays:
            relay.drain()
        self._take_back()
        os.write(self._lifeline, b"\n")
        os.close(self._lifeline)
        self._guard.wait()
        for number, before in self._kept.items():
            signal.signal(number, before)
        self._told.close()
        code = os.waitstatus_to_exitcode(status)
        self._process.returncode = code
        return code if code >= 0 else KILLED - code

    def signal(self, number: int) -> None:
        """Send a signal to the command and all that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def fit_terminal(self) -> None:
        """Give its terminal the size that ours has by now."""
        for output in self._outputs:
            if output.is_terminal and output.fit():
                self.signal(signal.SIGWINCH)

    @property
    def is_within_line(self) -> bool:
        """Whether what it printed last has not ended its line yet."""
        return any(relay.is_within_line for relay in self._relays)

    def _forward(self, number: int, frame: FrameType | None) -> None:
        if self.pid:
            self.signal(number)
        else:
            self._early.append(number)

    def _hand_over(self) -> None:
        """Let it read from the terminal, and get the terminal's Ctrl-C, as if a shell had started it."""
        if _is_in_front(os.getpgrp()):
            with suppress(OSError):
                os.tcsetpgrp(0, self.pid)
        self.signal(signal.SIGCONT)  # it may have asked for input before that

    def _take_back(self) -> None:
        if _is_in_front(self.pid):
            before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            with suppress(OSError):
                os.tcsetpgrp(0, os.getpgrp())
            signal.signal(signal.SIGTTOU, before)

    def _pause(self) -> None:
        """It was stopped, as by Ctrl-Z: so are we, until somebody lets us go on."""
        self._take_back()
        os.killpg(os.getpgrp(), signal.SIGTSTP)
        self._hand_over()


class _Told:
    """Waits until a signal comes, that of a child's end among them, and misses none.

    A call that waits for a child sleeps on where a signal comes just before it begins, or reaches another thread.
    """

    def __init__(self) -> None:
        self._hears, self._tells = os.pipe()
        for end in (self._hears, self._tells):
            os.set_blocking(end, False)
        self._before = signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._woken = signal.set_wakeup_fd(self._tells, warn_on_full_buffer=False)

    def wait(self) -> None:
        select.select([self._hears], [], [])
        with suppress(BlockingIOError):
            os.read(self._hears, AT_ONCE)

    def close(self) -> None:
        signal.set_wakeup_fd(self._woken)
        signal.signal(signal.SIGCHLD, self._before)
        os.close(self._hears)
        os.close(self._tells)


class _Output:
    """Where the command writes to and we read from, like what it stands for: a terminal for a terminal.

    numbers: 1 for standard output, 2 for standard error, both where both go to one place
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = tuple(numbers)
        self.is_terminal = os.isatty(numbers[0])
        self.outer, self.inner = pty.openpty() if self.is_terminal else os.pipe()
        self._size = b""
        if self.is_terminal:
            modes = termios.tcgetattr(self.inner)
            modes[1] &= ~termios.OPOST  # the real terminal does that
            termios.tcsetattr(self.inner, termios.TCSANOW, modes)
            self.fit()
        else:
            with suppress(OSError, AttributeError):
                fcntl.fcntl(self.outer, fcntl.F_SETPIPE_SZ, AT_ONCE)

    def fit(self) -> bool:
        """Take over the size of the real terminal; whether that changed anything."""
        with suppress(OSError):
            size = fcntl.ioctl(self.numbers[0], termios.TIOCGWINSZ, b"\0" * 8)
            if size != self._size:
                fcntl.ioctl(self.outer, termios.TIOCSWINSZ, size)
                self._size, was = size, self._size
                return bool(was)
        return False


class Relay:
    """Passes on what comes, byte by byte as it is, and lets it be heard."""

    def __init__(self, output: _Output, listener: Listener) -> None:
        """Begin."""
        self.is_within_line = False
        self._output, self._listener = output, listener
        self._may_splice = not output.is_terminal and hasattr(os, "splice")
        self._reading_since = time.monotonic()
        self._is_reading = True
        os.close(output.inner)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Wait until everything is passed on; not for what others that the command left may still write."""
        while self._thread.is_alive():
            if self._is_reading and time.monotonic() - self._reading_since > DRAIN:
                return
            self._thread.join(0.02)

    def _run(self) -> None:
        try:
            while self._pass_on():
                pass
        except BrokenPipeError:
            pass  # nobody reads us, so nobody is to read the command either: closing tells it
        finally:
            os.close(self._output.outer)

    def _pass_on(self) -> int:
        """Pass on what is there, or else what comes first; its size, 0 at the end."""
        target = self._output.numbers[0]
        if self._listener.is_full and self._may_splice:
            try:
                size = self._waited(lambda: os.splice(self._output.outer, target, AT_ONCE))
            except BrokenPipeError:
                raise
            except OSError:  # the target is not of a kind that the system copies to by itself
                self._may_splice = False
                return 1
            self._listener.miss(size)
            return size
        printed = self._waited(lambda: _read(self._output.outer))
        if printed:
            _write(target, printed)
            self.is_within_line = not printed.endswith(b"\n")
            self._listener.hear(printed)
        return len(printed)

    def _waited(self, wait: Callable[[], T]) -> T:
        """What comes of waiting for output."""
        self._reading_since, self._is_reading = time.monotonic(), True
        try:
            return wait()
        finally:
            self._is_reading = False


def _read(number: int) -> bytes:
    try:
        return os.read(number, AT_ONCE)
    except OSError:  # a terminal that nobody has open any more
        return b""


def _outputs() -> tuple[_Output, ...]:
    """One for both where both go to one place, so that their order stays."""
    return (_Output((1, 2)),) if os.path.sameopenfile(1, 2) else (_Output((1,)), _Output((2,)))


def _write(number: int, printed: bytes) -> None:
    left = memoryview(printed)
    while left:
        try:
            left = left[os.write(number, left) :]
        except BlockingIOError:
            select.select([], [number], [])


def _started(command: Sequence[str], stdout: int | None, stderr: int | None) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(command, stdout=stdout, stderr=stderr, process_group=0)
    except FileNotFoundError:
        raise CommandError(f"{command[0]} is not there. Check its name. Nothing was run.", NOT_FOUND) from None
    except OSError as error:
        raise CommandError(f"{command[0]} cannot be run: {error.strerror}. Nothing was run.", NOT_RUNNABLE) from None


def _guarded(group: int) -> "tuple[subprocess.Popen[bytes], int]":
    """A shell that ends the group when the pipe to it breaks."""
    inner, lifeline = os.pipe()
    nowhere = subprocess.DEVNULL
    command = ["/bin/sh", "-c", GUARD, "sh", str(group)]
    guard = subprocess.Popen(command, stdin=inner, stdout=nowhere, stderr=nowhere, start_new_session=True)
    os.close(inner)
    return guard, lifeline


def _is_in_front(group: int) -> bool:
    """Whether that process group is the one that the terminal listens to."""
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == group
    except OSError:
        return False
