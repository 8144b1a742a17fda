# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: it may change at any time, do not import it from elsewhere.
"""A body on its way in: in pieces of a bounded size, unpacked, and known to be whole."""

from __future__ import annotations

import typing as t
import zlib

from .._core.errors import Unanswered
from .call import Call

_CHUNK = 256 * 1024
# As much as has come in by the time that we look, up to this: the fewer pieces, the less it costs to pass them on.
_AT_ONCE = 1024 * 1024


def is_file(answer: t.Any) -> bool:
    """Say whether an answer is what was asked for: not an error, and not the page of a proxy."""
    return 200 <= answer.status_code < 300 and "html" not in answer.headers.get("Content-Type", "").casefold()


def inflated(call: Call, answer: t.Any) -> t.Iterator[bytes]:
    """Give a body in pieces of a bounded size. Raises Unanswered if it is cut short."""
    # We inflate ourselves: requests would unpack a whole chunk, however large it becomes, before we could count.
    zipped = answer.headers.get("Content-Encoding", "").strip().casefold() in ("gzip", "x-gzip")
    inflate = zlib.decompressobj(47) if zipped else None
    arrived = 0
    for chunk in _arriving(answer.raw):
        arrived += len(chunk)
        pending = chunk
        while pending:
            if inflate is not None and inflate.eof:
                # Several streams behind each other are one body.
                inflate = zlib.decompressobj(47)
            piece = pending if inflate is None else inflate.decompress(pending, _CHUNK)
            pending = b"" if inflate is None else inflate.unconsumed_tail or inflate.unused_data
            yield piece
    if inflate is not None and arrived and not inflate.eof:
        raise Unanswered(f"the compressed answer to {call} is cut short")
    # An old urllib3 does not look at this. It says nothing of an answer without a body, such as 304.
    length = "" if "Transfer-Encoding" in answer.headers else answer.headers.get("Content-Length", "")
    if length.isdigit() and arrived < int(length) and 200 <= answer.status_code < 300:
        raise Unanswered(f"the answer to {call} is cut short: {arrived} of {length} bytes")


def _arriving(raw: t.Any) -> t.Iterator[bytes]:
    """Give bytes as they come in; an old urllib3 waits until a whole chunk is full, however slowly that happens."""
    if not hasattr(raw, "read1"):
        yield from raw.stream(_CHUNK, decode_content=False)
        return
    while True:
        chunk = raw.read1(_AT_ONCE, decode_content=False)
        if not chunk:
            return
        yield chunk
