# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies that pass through: in pieces, in bounds, and never longer waited for than they are worth."""

from __future__ import annotations

import gzip
import signal
import threading
import time
import tracemalloc
import typing as t
from types import SimpleNamespace

import pytest

from ansible_collections.changeops.backup.plugins.module_utils._core.errors import (
    BackupError,
    Fenced,
    Refused,
    Unanswered,
)
from ansible_collections.changeops.backup.plugins.module_utils._core.times import Clock
from ansible_collections.changeops.backup.plugins.module_utils._http.aside import Mailbox, start_aside
from ansible_collections.changeops.backup.plugins.module_utils._http.body import inflated
from ansible_collections.changeops.backup.plugins.module_utils._http.call import Call
from ansible_collections.changeops.backup.plugins.module_utils._http.stream import Stream
from ansible_collections.changeops.backup.plugins.module_utils._http.transport import Transport

PLENTY = 1 << 30


class Memory:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.content = b""
        self.begun = 0

    def begin(self) -> None:
        self.begun += 1
        self.content = b""

    def write(self, piece: bytes) -> None:
        self.content += piece


class Full(Memory):
    """A sink on a disk without room."""

    def write(self, piece: bytes) -> None:
        raise BackupError("no space left")


class Token:
    def authorization(self, http: Transport) -> str:
        return "Bearer token"

    def renew(self) -> bool:
        return False


@pytest.fixture
def transport(web: t.Any) -> t.Callable[..., Transport]:
    """Give a maker of transports with a clock that runs."""

    def make(**changes: t.Any) -> Transport:
        options = {"request_timeout": 0.5, "patience": 0.0, **changes}
        return Transport(web.url, t.cast(t.Any, Token()), Clock(), **options)

    return make


def get(web: t.Any) -> Call:
    return Call("read", "GET", f"{web.url}/log")


def spelled(head: str, *parts: bytes, every: float = 0.0) -> t.Callable[[t.Any], None]:
    """Give an answer spelled by hand, part after part; then the connection is closed."""

    def answer(handler: t.Any) -> None:
        handler.wfile.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
        for part in parts:
            handler.wfile.write(part)
            handler.wfile.flush()
            time.sleep(every)
        handler.close_connection = True

    return answer


def test_stream_when_answered_then_the_sink_has_it_all(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(body=b"line\n" * 100_000))
    sink = Memory()
    stream = Stream(sink, PLENTY, 5.0)
    transport().stream(get(web), stream)
    assert sink.content == b"line\n" * 100_000
    assert (stream.size, stream.cut) == (500_000, "")


def test_stream_when_two_gzip_streams_follow_each_other_then_both_are_unpacked(
    web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(body=gzip.compress(b"one\n") + gzip.compress(b"two\n"), headers={"Content-Encoding": "gzip"}))
    sink = Memory()
    transport().stream(get(web), Stream(sink, PLENTY, 5.0))
    assert sink.content == b"one\ntwo\n"


def test_stream_when_a_small_body_becomes_huge_then_bounded_in_bytes_and_memory(
    web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(body=gzip.compress(bytes(100_000_000), 9), headers={"Content-Encoding": "gzip"}))
    sink = Memory()
    stream = Stream(sink, 1_000_000, 5.0)
    tracemalloc.start()
    transport().stream(get(web), stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sink.content == bytes(1_000_000)
    assert stream.cut == "cut at 1000000 bytes"
    assert peak < 30_000_000


@pytest.mark.parametrize(
    ("head", "parts"),
    [
        ("Content-Length: 10", [b"short"]),
        ("Transfer-Encoding: chunked", [b"5\r\nshort\r\n"]),
        ("Transfer-Encoding: chunked", [b"9\r\nshort"]),
        ("Content-Encoding: gzip", [gzip.compress(b"short" * 1000)[:-9]]),
        ("Content-Encoding: gzip", [b"not packed at all"]),
    ],
)
def test_stream_when_the_body_is_cut_short_then_unanswered(
    head: str, parts: list[bytes], web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(raw=spelled(head, *parts)))
    with pytest.raises(Unanswered):
        transport().stream(get(web), Stream(Memory(), PLENTY, 5.0))


def test_stream_when_broken_then_the_next_try_begins_anew(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(raw=spelled("Content-Length: 10", b"short")), reply(status=503), reply(body=b"whole"))
    sink = Memory()
    transport(patience=20.0).stream(get(web), Stream(sink, PLENTY, 5.0))
    assert (sink.content, sink.begun) == (b"whole", 2)


def test_stream_when_an_old_urllib3_lets_a_cut_pass_then_noticed() -> None:
    raw = SimpleNamespace(stream=lambda amount, decode_content: iter([b"abc", b"de"]))
    answer = SimpleNamespace(raw=raw, headers={"Content-Length": "6"}, status_code=200)
    call = Call("read", "GET", "http://backup.example/logs/7?token=secret")
    with pytest.raises(Unanswered, match=r"^the answer to GET /logs/7 is cut short: 5 of 6 bytes$"):
        list(inflated(call, answer))
    answer.headers = {"Content-Length": "5"}
    assert b"".join(inflated(call, answer)) == b"abcde"


def test_stream_when_refused_then_nothing_begins(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    web.reply(reply(404, {"message": "Job not found"}))
    sink = Memory()
    with pytest.raises(Refused, match="HTTP 404: Job not found"):
        transport().stream(get(web), Stream(sink, PLENTY, 5.0))
    assert sink.begun == 0


def test_stream_when_of_another_host_then_fenced(web: t.Any, new_web: t.Any, transport: t.Any) -> None:
    stranger = new_web()
    with pytest.raises(Fenced):
        transport().stream(get(stranger), Stream(Memory(), PLENTY, 5.0))
    assert stranger.seen == []


@pytest.mark.parametrize("open_", [True, False])
@pytest.mark.parametrize(
    ("head", "parts", "every"),
    [
        # The size of a chunk, a digit at a time: no socket ever times out on that.
        ("Transfer-Encoding: chunked", [b"3\r\none\r\n", *[b"0"] * 60], 0.1),
        ("Content-Length: 900", [b"one", b""], 2.0),
    ],
)
def test_stream_when_nothing_new_comes_then_not_waited_for(
    open_: bool, head: str, parts: list[bytes], every: float, web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(raw=spelled(head, *parts, every=every)))
    sink = Memory()
    stream = Stream(sink, PLENTY, 60.0, may_stay_open=open_)
    began = time.monotonic()
    if open_:
        transport().stream(get(web), stream)
        assert stream.cut == "nothing new came for request_timeout (0.5 s)"
    else:
        with pytest.raises(Unanswered, match="nothing new came"):
            transport().stream(get(web), stream)
    assert time.monotonic() - began < 3.0
    assert sink.content == b"one"


def test_stream_when_its_headers_trickle_then_not_waited_for(web: t.Any, reply: t.Any, transport: t.Any) -> None:
    def trickle(handler: t.Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _turn in range(60):
            handler.wfile.write(b"y")
            handler.wfile.flush()
            time.sleep(0.1)
        handler.close_connection = True

    web.reply(reply(raw=trickle))
    began = time.monotonic()
    with pytest.raises(Unanswered, match="longer than request_timeout"):
        transport().stream(get(web), Stream(Memory(), PLENTY, 60.0, may_stay_open=True))
    assert time.monotonic() - began < 3.0


def test_stream_when_time_is_up_for_all_then_it_is_up_for_the_stream(
    web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    web.reply(reply(raw=spelled("Content-Length: 900", *[b"."] * 60, every=0.1)))
    http = transport()
    stream = Stream(Memory(), PLENTY, 60.0, may_stay_open=True)
    began = time.monotonic()
    with http.within(60.0, http.clock.monotonic() + 0.7):
        http.stream(get(web), stream)
    assert time.monotonic() - began < 3.0
    assert stream.cut == "it did not come to its end within 1 s"


def test_stream_when_it_is_slow_but_large_then_it_may_take_longer() -> None:
    stream = Stream(Memory(), PLENTY, 300.0)
    assert stream.may_take == 300.0
    stream.size = 1024**3
    assert stream.may_take == 300.0 + 8192.0


@pytest.mark.parametrize("sink", [Memory(), Full()])
def test_stream_when_nobody_takes_the_rest_then_the_reader_ends(
    sink: Memory, web: t.Any, reply: t.Any, transport: t.Any
) -> None:
    gone = threading.Event()

    def endless(handler: t.Any) -> None:
        try:
            spelled("X: 1", *[b"x" * 1_000_000] * 500)(handler)
        except OSError:
            gone.set()

    web.reply(reply(raw=endless))
    stream = Stream(sink, 10, 60.0)
    if isinstance(sink, Full):
        with pytest.raises(BackupError, match="no space left"):
            transport().stream(get(web), stream)
    else:
        transport().stream(get(web), stream)
        assert sink.content == b"x" * 10
    assert gone.wait(5), "somebody still reads"


def test_mailbox_when_nobody_waits_any_more_then_giving_ends() -> None:
    mailbox = Mailbox()
    mailbox.give(b"1")
    assert mailbox.take(1.0) == b"1"
    with pytest.raises(TimeoutError):
        mailbox.take(0.01)
    mailbox.leave()
    with pytest.raises(Unanswered):
        mailbox.give(b"2")
    mailbox.end(None)


def test_aside_when_a_signal_comes_then_it_goes_to_the_one_who_waits() -> None:
    """A signal that the system gives to another thread does not wake the main one up, which alone acts on it."""
    masks: list[set[signal.Signals]] = []
    start_aside(lambda: masks.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, ())))).join()
    assert {signal.SIGTERM, signal.SIGINT, signal.SIGALRM} <= masks[0]
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())
