"""Fetching: the published bytes whatever the mirrors do, or one clear error, and never half a file."""

import gc
import gzip
import hashlib
import os
import queue
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import tracemalloc
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etude.data.fetch import Patience, Published, cache_folder, content, fetched, found
from etude.values.errors import DataError

BODY = random.Random(0).randbytes(300_000)
HALF = 150_000
LARGE = random.Random(1).randbytes(2**21 + 5)
LINES = b"".join(b"%d\n" % (i * i) for i in range(40_000))  # packs differently at each level
LOOSE, TIGHT = (gzip.compress(LINES, compresslevel=level, mtime=0) for level in (1, 9))
CALM = Patience(timeout=20, tries=3, pause=0)
HASTY = Patience(timeout=0.3, tries=2, pause=0)
FETCH = """
import sys
from etude.data.fetch import Patience, Published, fetched
url, checksum = sys.argv[1:]
file = Published("a/body.bin", checksum, (url,))
print(fetched(file, watch=lambda done, total: print(done, flush=True), patience=Patience(20, 3, 0)))
"""


def checksum(of: bytes) -> str:
    return f"sha256:{hashlib.sha256(of).hexdigest()}"


class _Mirror(BaseHTTPRequestHandler):
    """Does what the path says; `asked` keeps each request's path and where it wanted to begin."""

    asked: list
    script: queue.SimpleQueue
    release: threading.Event

    def do_GET(self):
        wanted = self.headers.get("Range")
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
        self.asked.append((self.path, start))
        act = self.path.strip("/")
        with suppress(ConnectionError):  # the other side may have heard enough
            ACTS[self.script.get_nowait() if act == "script" else act](self, start)

    def send(self, body, start=0, *, whole=None, length=None, begins=None):
        """The bytes from `start` on, with headers that fit unless told otherwise; `whole` bytes are promised."""
        whole = len(body) if whole is None else whole
        if start and start >= whole:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start if begins is None else begins}-{whole - 1}/{whole}")
        self.send_header("Content-Length", str(whole - start if length is None else length))
        self.end_headers()
        self.wfile.write(body[start:])

    def send_chunked(self, blocks):
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for block in blocks:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))

    def hold(self, body, start):
        """Half of the body, and the rest when the test says so."""
        self.send(body[:HALF], start, whole=len(body))
        self.wfile.flush()
        self.release.wait(30)
        self.wfile.write(body[HALF:])

    def drip(self):
        self.send(b"", whole=len(BODY))
        while not self.release.wait(0.05):
            self.wfile.write(b"x")

    def send_without_end(self):
        self.send_response(200)
        self.end_headers()
        while not self.release.is_set():
            self.wfile.write(BODY)

    def lead(self, to):
        self.send_response(302)
        self.send_header("Location", to)
        self.end_headers()

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()

    def log_message(self, *_):
        pass


ACTS = {
    "good": lambda of, start: of.send(BODY, start),
    "cut": lambda of, start: of.send(BODY[: start + 100_000], start, whole=len(BODY)),
    "cut-large": lambda of, start: of.send(LARGE[: start + 2**20], start, whole=len(LARGE)),
    "stub": lambda of, start: of.send(BODY[:HALF], start, whole=len(BODY)),
    "whole": lambda of, start: of.send(BODY),
    "whole-cut": lambda of, start: of.send(BODY[:HALF], whole=len(BODY)),
    "wrong": lambda of, start: of.send(bytes(len(BODY)), start),
    "page": lambda of, start: of.send(b"<html>please log in</html>"),
    "longer": lambda of, start: of.send(BODY, start, length=len(BODY) + 9),
    "shorter": lambda of, start: of.send(BODY, start, length=len(BODY) - start - 9),
    "other-range": lambda of, start: of.send(BODY, start, begins=max(start - 1, 0)),
    "no-range": lambda of, start: of.send(BODY, start, begins="x"),
    "unasked": lambda of, start: of.send(BODY, start or 5),
    "chunked": lambda of, start: of.send_chunked([BODY[:HALF], BODY[HALF:], b""]),
    "chunked-cut": lambda of, start: of.send_chunked([BODY[:HALF]]),
    "endless": lambda of, start: of.send_without_end(),
    "410": lambda of, start: of.send_error(410),
    "404": lambda of, start: of.send_error(404),
    "500": lambda of, start: of.send_error(500),
    "rude": lambda of, start: of.send_error(403, "\x1b[2JGo\x07away"),
    "204": lambda of, start: of.send_response(204) or of.end_headers(),
    "junk": lambda of, start: of.wfile.write(b"\x00\xff\r\n\r\n"),
    "reset": lambda of, start: of.reset(),
    "hangs": lambda of, start: of.release.wait(30),
    "silent": lambda of, start: of.hold(BODY, start),
    "held": lambda of, start: of.hold(BODY, start),
    "drips": lambda of, start: of.drip(),
    "to-good": lambda of, start: of.lead("/good"),
    "to-file": lambda of, start: of.lead("file:///etc/hostname"),
    "to-ftp": lambda of, start: of.lead("ftp://127.0.0.1/x"),
    "to-junk": lambda of, start: of.lead("http://[::1"),
    "round": lambda of, start: of.lead("/round"),
    "loose": lambda of, start: of.send(LOOSE, start),
    "loose-cut": lambda of, start: of.send(LOOSE[:20_000], start, whole=len(LOOSE)),
    "tight": lambda of, start: of.send(TIGHT, start),
}


class _Serving:
    """A local server: the address of each act, and what it was asked."""

    def __init__(self, server, handler):
        self.port = server.server_address[1]
        self.handler = handler

    def __call__(self, *acts):
        return tuple(f"http://127.0.0.1:{self.port}/{act}" for act in acts)

    @property
    def asked(self):
        return [(path.strip("/"), start) for path, start in self.handler.asked]


@contextmanager
def serving():
    handler = type("Here", (_Mirror,), {"asked": [], "script": queue.SimpleQueue(), "release": threading.Event()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield _Serving(server, handler)
        handler.release.set()
        server.shutdown()


@pytest.fixture
def mirror():
    with serving() as served:
        yield served


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache"


def body(urls=(), **fields):
    return Published(**{"name": "a/body.bin", "checksum": checksum(BODY), "mirrors": tuple(urls), **fields})


def lines(urls=(), **fields):
    return Published(
        **{"name": "lines.gz", "checksum": checksum(LINES), "mirrors": urls, "unpacked": len(LINES), **fields}
    )


def kept(cache):
    """Names and bytes of everything in the cache, but for the empty lock files."""
    files = [path for path in cache.rglob("*") if path.is_file()] if cache.exists() else []
    assert not any(path.stat().st_size for path in files if path.suffix == ".lock")
    return {str(path.relative_to(cache)): path.read_bytes() for path in files if path.suffix != ".lock"}


def put(path, held=BODY):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(held)
    return path


def fails(file, says, patience=CALM, **options):
    with pytest.raises(DataError, match=says) as failure:
        fetched(file, patience=patience, **options)
    assert "\n" not in str(failure.value)
    return str(failure.value)


# What is on this machine


def test_what_is_nowhere_is_not_found_and_nothing_is_made_or_asked(mirror, cache):
    assert found(body(mirror("good"))) is None
    assert (mirror.asked, cache.exists()) == ([], False)


def test_the_folder_comes_before_system_places_packages_and_the_cache(cache, tmp_path, monkeypatch):
    (tmp_path / "site" / "brings").mkdir(parents=True)
    put(tmp_path / "site" / "brings" / "__init__.py", b"raise RuntimeError('a package that was imported')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    file = body(places=(str(tmp_path / "system" / "body.bin"),), packaged=(("brings", "data/body.bin"),))
    where = [
        put(cache / "a" / "body.bin"),
        put(tmp_path / "site" / "brings" / "data" / "body.bin"),
        put(tmp_path / "system" / "body.bin"),
        put(tmp_path / "folder" / "a" / "body.bin"),
    ]
    folders = [None, None, None, tmp_path / "folder"]
    for path in where:
        path.unlink()
    for path, folder in zip(where, folders, strict=True):  # each one more takes precedence
        put(path)
        assert found(file, folder=folder) == path
    assert "brings" not in sys.modules


def test_in_the_folder_the_file_may_lie_without_its_own_folder(tmp_path):
    path = put(tmp_path / "body.bin")
    assert found(body(), folder=str(tmp_path)) == path


def test_a_copy_that_is_already_unpacked_will_do(tmp_path):
    path = put(tmp_path / "lines", LINES)
    assert found(lines(), folder=tmp_path) == path
    assert content(lines(), path) == LINES


def test_other_bytes_in_the_folder_are_an_error_that_names_the_file(tmp_path, cache):
    put(cache / "a" / "body.bin")  # which would have been right
    path = put(tmp_path / "body.bin", b"other")
    sha = hashlib.sha256(b"other").hexdigest()[:12]
    with pytest.raises(DataError, match=f"{path} has sha256 {sha}… instead of [0-9a-f]{{12}}….*Nothing was changed"):
        found(body(), folder=tmp_path)
    with pytest.raises(DataError, match=f"{path} has 5 bytes instead of 300,000"):
        found(body(size=len(BODY)), folder=tmp_path)
    assert path.read_bytes() == b"other"


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match="gone is not a folder"):
        found(body(), folder=tmp_path / "gone")


def test_a_folder_without_the_file_is_passed_over(tmp_path, cache):
    path = put(cache / "a" / "body.bin")
    assert found(body(), folder=tmp_path) == path


def test_other_bytes_in_system_places_and_packages_are_passed_over_and_left(tmp_path):
    place = put(tmp_path / "body.bin", b"other")
    assert found(body(places=(str(place), str(tmp_path)), packaged=(("etude", "py.typed"), ("no_such", "x")))) is None
    assert place.read_bytes() == b"other"


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "body.bin")
    assert found(body(places=(str(tmp_path / "body.bin"),))) is None


def test_other_bytes_in_the_cache_are_not_taken_and_stay_where_they_are(cache):
    put(cache / "a" / "body.bin", BODY[:-1] + b"x")
    assert found(body()) is None
    assert kept(cache) == {"a/body.bin": BODY[:-1] + b"x"}


def test_the_cache_is_where_the_environment_says_or_the_users_own(monkeypatch, cache):
    assert cache_folder() == cache
    monkeypatch.setenv("ETUDE_DATA", "~/sets")
    assert cache_folder() == Path.home() / "sets"
    monkeypatch.setenv("ETUDE_DATA", "")
    assert cache_folder().is_absolute()
    assert "etude" in cache_folder().parts


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"mirrors": ("file:///etc/passwd",)}, "mirror 'file:///etc/passwd' is no http or https address"),
        ({"mirrors": ("ftp://a.example/x",)}, "is no http or https address"),
        ({"name": "../x"}, r"published file '../x'"),
        ({"name": "/x"}, r"published file '/x'"),
        ({"name": ""}, r"published file ''"),
        ({"checksum": "md5:12"}, "checksum 'md5:12' is neither"),
        ({"checksum": "crc32:00000000"}, "is neither md5:… nor sha256:…"),
        ({"packaged": (("a.b", "x"),)}, "'a.b' is no top-level package"),
    ],
)
def test_a_published_file_that_cannot_be_meant_is_refused(fields, says):
    with pytest.raises(DataError, match=says):
        body(**fields)


# Content


def test_content_is_unpacked_and_checked_once_more(tmp_path):
    path = put(tmp_path / "lines.gz", LOOSE)
    assert content(lines(), path) == LINES
    put(path, gzip.compress(LINES[:-1]))
    with pytest.raises(DataError, match=f"{path} has sha256 .* instead of"):
        content(lines(), path)


def test_two_gzip_members_are_one_content(tmp_path):
    assert content(lines(), put(tmp_path / "x", gzip.compress(LINES[:7]) + gzip.compress(LINES[7:]))) == LINES


def test_a_bomb_is_given_up_at_the_published_size_and_takes_no_memory(tmp_path):
    path = put(tmp_path / "lines.gz", gzip.compress(bytes(50_000_000)))
    tracemalloc.start()
    with pytest.raises(DataError, match="holds more than the 1,000 bytes published"):
        content(lines(unpacked=1000), path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000  # of 50,000,000 bytes that it would unpack to


@pytest.mark.parametrize(
    ("held", "says"),
    [
        (LOOSE[:-9], "is cut short"),
        (LOOSE[:1], "has sha256"),
        (LOOSE[:999] + b"\xff\xff\xff" + LOOSE[1002:], "is damaged|has sha256"),
        (LOOSE + b"more", "is damaged"),
    ],
)
def test_a_damaged_gzip_file_is_refused(tmp_path, held, says):
    with pytest.raises(DataError, match=says):
        content(lines(), put(tmp_path / "lines.gz", held))


def test_content_of_a_file_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(DataError, match="gone cannot be read: No such file"):
        content(body(), tmp_path / "gone")


@given(held=st.binary(max_size=60) | st.binary(max_size=60).map(lambda end: b"\x1f\x8b\x08" + end))
def test_no_bytes_in_place_of_a_file_raise_anything_but_a_data_error(tmp_path_factory, held):
    path = put(tmp_path_factory.getbasetemp() / f"junk-{os.getpid()}", held)
    with pytest.raises(DataError):
        content(lines(), path)


# From mirrors


def test_a_file_is_fetched_once_and_then_found(mirror, cache):
    file = body(mirror("good"), size=len(BODY))
    path = fetched(file, patience=CALM)
    assert path == cache / "a" / "body.bin" == fetched(file) == found(file)
    assert kept(cache) == {"a/body.bin": BODY}
    assert mirror.asked == [("good", 0)]


def test_a_packed_file_is_kept_as_it_was_sent_and_checked_by_what_is_inside(mirror, cache):
    assert content(lines(), fetched(lines(mirror("tight")), patience=CALM)) == LINES
    assert kept(cache) == {"lines.gz": TIGHT}


@pytest.mark.parametrize("size", [None, len(BODY)])
def test_a_connection_that_is_cut_again_and_again_is_gone_on_with(mirror, cache, size):
    fetched(body(mirror("cut"), size=size), patience=CALM)
    assert mirror.asked == [("cut", 0), ("cut", 100_000), ("cut", 200_000)]
    assert kept(cache) == {"a/body.bin": BODY}


def test_tries_are_counted_anew_after_each_mebibyte(mirror):
    fetched(body(mirror("cut-large"), checksum=checksum(LARGE)), patience=Patience(20, 1, 0))
    assert mirror.asked == [("cut-large", 0), ("cut-large", 2**20), ("cut-large", 2**21)]


def test_a_part_of_one_mirror_is_gone_on_with_at_the_next(mirror):
    fetched(body(mirror("stub", "good")), patience=Patience(20, 1, 0))
    assert mirror.asked == [("stub", 0), ("good", HALF)]


def test_a_mirror_that_packed_it_differently_is_asked_once_more_from_the_beginning(mirror, cache):
    fetched(lines(mirror("loose-cut", "tight")), patience=Patience(20, 2, 0))
    assert mirror.asked == [("loose-cut", 0), ("loose-cut", 20_000), ("tight", 20_000), ("tight", 0)]
    assert kept(cache) == {"lines.gz": TIGHT}


def test_a_mirror_that_ignores_where_to_begin_is_read_from_the_beginning(mirror, cache):
    fetched(body(mirror("stub", "whole")), patience=Patience(20, 1, 0))
    assert mirror.asked == [("stub", 0), ("whole", HALF)]
    assert kept(cache) == {"a/body.bin": BODY}


def test_a_mirror_that_ignores_where_to_begin_and_always_cuts_is_left_in_the_end(mirror, cache):
    fails(body(mirror("whole-cut")), r"cut the connection at 150,000 of 300,000 bytes")
    assert mirror.asked == [("whole-cut", 0), ("whole-cut", HALF), ("whole-cut", HALF)]


@pytest.mark.parametrize("act", ["other-range", "no-range"])
def test_an_answer_for_another_range_is_not_appended(mirror, cache, act):
    fetched(body(mirror("stub", act)), patience=Patience(20, 2, 0))
    assert mirror.asked[2:] == [(act, HALF), (act, 0)]
    assert kept(cache) == {"a/body.bin": BODY}


def test_a_part_that_is_longer_than_the_file_is_thrown_away(mirror, cache):
    put(cache / "a" / "body.bin.part", BODY + b"more")
    fetched(body(mirror("good")), patience=CALM)
    assert mirror.asked == [("good", 300_004), ("good", 0)]


def test_a_part_that_is_already_whole_is_kept_without_asking(mirror, cache):
    put(cache / "a" / "body.bin.part")
    fetched(body(mirror("good")), patience=CALM)
    assert mirror.asked == []
    assert kept(cache) == {"a/body.bin": BODY}


def test_a_part_with_other_bytes_is_found_out_at_the_end(mirror, cache):
    put(cache / "a" / "body.bin.part", bytes(HALF))
    fetched(body(mirror("good")), patience=CALM)
    assert mirror.asked == [("good", HALF), ("good", 0)]
    assert kept(cache) == {"a/body.bin": BODY}


@pytest.mark.parametrize("act", ["chunked", "to-good"])
def test_unknown_length_and_redirections_are_followed(mirror, cache, act):
    fetched(body(mirror(act)), patience=CALM)
    assert kept(cache) == {"a/body.bin": BODY}


@pytest.mark.parametrize(
    ("act", "says", "asked"),
    [
        ("410", "410 Gone", 1),
        ("500", "500 Internal Server Error", 3),
        ("204", "204 No Content, which is no file", 1),
        ("rude", r"403 \[2JGo away", 1),
        ("wrong", "what it sent has sha256 [0-9a-f]{12}… instead of", 1),
        ("page", "what it sent has sha256", 1),
        ("shorter", "what it sent has sha256", 1),
        ("longer", "cut the connection at 300,000 of 300,009 bytes", 3),
        ("unasked", "sent another range of bytes than was asked for", 1),
        ("chunked-cut", "cut the connection: IncompleteRead", 3),
        ("junk", r"gave no proper answer \(BadStatusLine\)", 3),
        ("reset", "Connection reset by peer|Remote end closed", 3),
        ("to-file", "302 Found - Redirection to url 'file:///etc/hostname' is not allowed", 1),
        ("to-ftp", "unknown url type: ftp", 1),
        ("round", "302 .* infinite loop", 5),
    ],
)
def test_a_mirror_that_does_ill_is_told_of_and_the_next_is_asked(mirror, cache, act, says, asked):
    failure = fails(
        body(mirror(act, "404")), rf"not on this machine and could not be fetched \(http://\S+/{act}.*{says}"
    )
    assert failure.count("/404: 404 Not Found") == 1
    assert [path for path, _ in mirror.asked] == asked * [act] + ["404"]
    assert "a/body.bin" not in kept(cache)
    fetched(body(mirror(act, "good")), patience=CALM)
    assert kept(cache) == {"a/body.bin": BODY}


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # here urllib leaves its socket to the garbage collector
def test_a_redirection_to_what_is_no_address_is_told_of(mirror):
    fails(body(mirror("to-junk")), r"/to-junk: Invalid IPv6 URL\)")
    gc.collect()


@pytest.mark.parametrize("act", ["page", "shorter", "longer"])
def test_where_the_size_is_known_another_is_refused_before_the_part_is_touched(mirror, cache, act):
    put(cache / "a" / "body.bin.part", BODY[:5])
    fails(body(mirror(act), size=len(BODY) - 1), "offers [0-9,]+ bytes instead of 299,999", patience=Patience(20, 1, 0))
    assert kept(cache) == {"a/body.bin.part": BODY[:5]}


def test_a_mirror_that_sends_without_end_is_left_at_the_published_size(mirror, cache):
    fails(body(mirror("endless"), size=len(BODY)), "what it sent has [0-9,]+ bytes instead of 300,000")
    assert kept(cache) == {}


@pytest.mark.parametrize(
    ("act", "says"),
    [("hangs", "no answer for 0.3 s"), ("silent", "fell silent for 0.3 s"), ("drips", "sent only [0-9]+ bytes in 0.3")],
)
def test_a_mirror_that_hangs_is_left_after_the_time_out(mirror, act, says):
    fails(body(mirror(act)), says, patience=HASTY)
    fetched(body(mirror(act, "good")), patience=HASTY)


def test_progress_is_told_up_to_the_whole(mirror):
    told = []
    fetched(body(mirror("cut")), watch=lambda *numbers: told.append(numbers), patience=CALM)
    assert told == sorted(told)
    assert {total for _, total in told} == {300_000}
    assert (told[0][0], told[-1][0]) == (0, 300_000)


def test_other_bytes_in_the_cache_are_fetched_anew_and_told_of_where_that_fails(mirror, cache):
    put(cache / "a" / "body.bin", b"other")
    fails(body(mirror("404")), r"What lay there has .*; it is now body\.bin\.damaged\. Nothing was stored")
    put(cache / "a" / "body.bin", b"other")
    fetched(body(mirror("good")), patience=CALM)
    assert kept(cache) == {"a/body.bin": BODY, "a/body.bin.damaged": b"other"}


def test_offline_is_one_line_that_says_where_to_put_what(cache):
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    urls = (f"http://127.0.0.1:{port}/x", f"http://127.0.0.1:{port}/y")
    assert fails(body(urls, packaged=(("brings", "x"),)), "offline") == (
        "a/body.bin is not on this machine and no mirror can be reached, so this machine seems to be offline "
        f"({urls[0]}, {urls[1]}: Connection refused). Go online and repeat, or put the file by hand at "
        f"{cache}/a/body.bin ({checksum(BODY)}), or name the folder that has it, or pip install brings, "
        "which brings it along. Nothing was stored."
    )


def test_a_file_without_mirrors_is_told_how_to_be_had(cache):
    fails(body(), f"and no mirror publishes it. .*by hand at {cache}/a/body.bin")


def test_the_next_try_says_how_much_is_kept(mirror, cache):
    fails(body(mirror("stub")), "The first 150,000 bytes are kept, and the next try goes on from there")
    assert kept(cache) == {"a/body.bin.part": BODY[:HALF]}


ROUGH = ["good", "cut", "stub", "whole", "whole-cut", "wrong", "page", "longer", "shorter", "other-range", "unasked",
         "chunked", "chunked-cut", "404", "500", "junk", "reset", "to-file"]  # fmt: skip


@settings(max_examples=60)
@given(acts=st.lists(st.sampled_from(ROUGH), min_size=1, max_size=8), sized=st.booleans(), left=st.binary(max_size=9))
def test_whatever_mirrors_do_the_cache_has_the_published_bytes_or_nothing(tmp_path_factory, acts, sized, left):
    home = tmp_path_factory.getbasetemp() / f"rough-{os.getpid()}"
    with serving() as mirror, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ETUDE_DATA", str(home))
        for act in [*acts, *(20 * ["404"])]:
            mirror.handler.script.put(act)
        put(home / "a" / "body.bin.part", left)
        file = body(mirror(*(4 * ["script"])), size=len(BODY) if sized else None)
        with suppress(DataError):
            assert fetched(file, patience=CALM).read_bytes() == BODY
        assert kept(home).get("a/body.bin") in (None, BODY)
        assert len(mirror.asked) <= 4 * CALM.tries
    shutil.rmtree(home)


# Other processes, and the end of this one


def other_process(url):
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, url, checksum(BODY)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_of_two_processes_one_downloads_and_the_other_waits_for_it(mirror, cache):
    (url,) = mirror("held")
    with other_process(url) as first:
        while int(first.stdout.readline()) < HALF:
            pass
        with other_process(url) as second:
            assert int(second.stdout.readline()) >= 0  # it is told how far the first one is
            mirror.handler.release.set()
            ends = [process.communicate(timeout=60) for process in (first, second)]
    assert [out.splitlines()[-1] for out, _ in ends] == 2 * [str(cache / "a" / "body.bin")]
    assert (first.returncode, second.returncode) == (0, 0)
    assert mirror.asked == [("held", 0)]
    assert kept(cache) == {"a/body.bin": BODY}


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_the_part_of_a_process_that_was_stopped_is_gone_on_with(mirror, cache, by):
    (url,) = mirror("held")
    with other_process(url) as process:
        while int(process.stdout.readline()) < HALF:
            pass
        assert "a/body.bin" not in kept(cache)
        process.send_signal(by)
        process.communicate(timeout=60)
    part = kept(cache)["a/body.bin.part"]
    assert 0 < len(part) <= HALF
    fetched(body(mirror("good")), patience=CALM)
    assert mirror.asked[1:] == [("good", len(part))]
    assert kept(cache) == {"a/body.bin": BODY}


def test_one_that_waits_for_a_process_that_gets_nowhere_gives_up(mirror, cache):
    (url,) = mirror("held")
    with other_process(url) as process:
        while int(process.stdout.readline()) < HALF:
            pass
        fails(body(mirror("good")), "another process has been downloading it", patience=Patience(0.1, 1, 0))
        process.kill()
    assert ("good", 0) not in mirror.asked


def test_ctrl_c_leaves_a_part_and_no_lock(mirror, cache):
    def stop(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetched(body(mirror("good")), watch=stop, patience=CALM)
    size = len(kept(cache)["a/body.bin.part"])
    fetched(body(mirror("good")), patience=CALM)
    assert mirror.asked == [("good", 0), ("good", size)]


# Disks


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A disk of 128 KiB as the cache; only root may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("no disk can be made here")
    monkeypatch.setenv("ETUDE_DATA", str(folder))
    yield folder
    subprocess.run(["umount", folder], check=True)


FULL = "cannot be kept in .*: No space left on device. Free .* on that disk, or let .* ETUDE_DATA .* Nothing of it"


def test_a_disk_that_runs_full_is_an_error_and_nothing_is_left(mirror, small_disk):
    fails(body(mirror("chunked")), FULL)
    assert kept(small_disk) == {}


def test_a_file_that_has_no_room_is_not_begun(mirror, small_disk):
    told = []
    fails(body(mirror("good"), size=len(BODY)), "Free 300,000 bytes", watch=lambda *numbers: told.append(numbers))
    assert told == []
    assert kept(small_disk) == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_a_device_that_is_full_is_an_error_and_nothing_is_left(mirror, cache):
    (cache / "a").mkdir(parents=True)
    (cache / "a" / "body.bin.part").symlink_to("/dev/full")
    fails(body(mirror("good")), FULL)
    assert kept(cache) == {}
    assert Path("/dev/full").exists()


def test_a_cache_that_cannot_be_written_is_an_error(mirror, tmp_path, monkeypatch):
    put(tmp_path / "file")
    monkeypatch.setenv("ETUDE_DATA", str(tmp_path / "file" / "cache"))
    fails(
        body(mirror("good")),
        "cannot be kept in .*file/cache/a: Not a directory. Let .*ETUDE_DATA name a folder you may",
    )
    assert mirror.asked == []
