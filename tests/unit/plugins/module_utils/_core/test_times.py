# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as vendors and users write them. What cannot be read is None, and never a guess."""

from __future__ import annotations

import time
import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.changeops.backup.plugins.module_utils._core.times import (
    Clock,
    _iso_moment,
    from_iso,
    from_millis,
    from_ticks,
    iso,
    seconds_from_ticks,
    seconds_from_timespan,
    to_iso_z,
    user_moment,
    user_moment_or_age,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
NEARLY_ISO = (
    r"20[0-9]{2}-0[1-9]-[0-2][0-9]T[01][0-9]:[0-5][0-9](:[0-5][0-9]{0,2})?([.,: ]?[0-9 :a]{0,9})?(Z|\+00:00|-01:00)?"
)
UNREADABLE: list[t.Any] = [None, "", " ", "soon", "null", True, False, [], {}, [NOON], float("nan"), float("inf")]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
        ("2026-03-01t12:00:00z".upper(), "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00z", "2026-03-01T12:00:00Z"),
        ("2026-03-01 12:00:00", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00", "2026-03-01T12:00:00Z"),
        ("2026-03-01", "2026-03-01T00:00:00Z"),
        (" 2026-03-01T12:00:00Z\n", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00+01:00", "2026-03-01T11:00:00Z"),
        ("2026-03-01T12:00:00+0100", "2026-03-01T11:00:00Z"),
        ("2026-03-01T12:00:00+01", "2026-03-01T11:00:00Z"),
        ("2026-03-01T12:00:00-04:00", "2026-03-01T16:00:00Z"),
        ("2026-03-01T12:00:00+05:45", "2026-03-01T06:15:00Z"),
        ("2026-03-01T23:30:00-04:00", "2026-03-02T03:30:00Z"),
        ("2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00.500Z"),
        ("2026-03-01T12:00:00,5Z", "2026-03-01T12:00:00.500Z"),
        ("2026-03-01T12:00:00.123+00:00", "2026-03-01T12:00:00.123Z"),
        ("2024-08-22T16:00:48.1859693Z", "2024-08-22T16:00:48.185Z"),
        ("2026-03-01T12:00:00.123456789-04:00", "2026-03-01T16:00:00.123Z"),
        ("2026-03-01T12:00:00.9999999Z", "2026-03-01T12:00:00.999Z"),
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"),
    ],
)
def test_iso_when_any_fraction_and_offset_then_same_moment_in_utc(written: str, read: str) -> None:
    assert iso(from_iso(written)) == read


@pytest.mark.parametrize(
    "written",
    [
        *UNREADABLE,
        0,
        1651852160000,
        "2026",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-03-01T25:00:00Z",
        "2026-03-01T12:00:00+25:00",
        "2026-03-01T12:00:00 CET",
        "2026-03-01T12:00:00.Z",
        "2026-03-01T12:00:00.+00:00",
        "2026-03-01T12:00.5Z",
        "2026-03-01T12:00:+00:00",
        "2026-03-01T12:000Z",
        "2026-03-01T12:00:002Z",
        "2026-03-01T12:00:00:500Z",
        "2026-03-01T12:00:00.123456junk1Z",
        "2026-03-01T12:00:00.123456 1Z",
        "01/03/2026 12:00",
        "2026-03-01T12:00:00Z; rm",
    ],
)
def test_iso_when_not_a_time_then_none(written: t.Any) -> None:
    assert from_iso(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00",
        "0001-01-01T00:00:00+01:00",
        "0001-01-01T01:00:00-04:00",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "1970-01-01T01:00:00+01:00",
        "9999-12-31T23:59:59-04:00",
    ],
)
def test_iso_when_the_vendor_means_never_then_none(written: str) -> None:
    assert from_iso(written) is None


@given(
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9998, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_iso_when_python_wrote_it_then_the_moment_is_kept(naive: datetime, offset: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert from_iso(moment.isoformat()) == (moment if moment.astimezone(timezone.utc).year >= 1970 else None)


@given(st.from_regex(NEARLY_ISO, fullmatch=True))
def test_iso_when_read_the_quick_way_then_as_the_thorough_one_reads_it(text: str) -> None:
    assert from_iso(text) == _iso_moment(text, timezone.utc)


@given(st.text(alphabet="0123456789-+:TZ. ", max_size=40))
def test_vendor_texts_when_anything_then_read_or_none_and_never_an_error(text: str) -> None:
    for moment in (from_iso(text), from_millis(text), from_ticks(text)):
        assert moment is None or moment.year >= 1970
    for seconds in (seconds_from_ticks(text), seconds_from_timespan(text)):
        assert seconds is None or seconds >= 0


def test_ticks_when_avepoint_writes_them_then_its_documented_moment() -> None:
    moment = from_ticks(638599392481859693)
    assert moment is not None
    assert abs(moment - datetime(2024, 8, 22, 16, 0, 48, 185969, timezone.utc)) <= timedelta(microseconds=1)
    assert from_ticks("638599392481859693") == from_ticks(638599392481859693)
    assert iso(from_ticks(638527680000000000)) == "2024-05-31T16:00:00Z"


@pytest.mark.parametrize("value", [1651852160000, 1651852160000.0, "1651852160000", " 1651852160000 "])
def test_millis_when_number_or_text_then_read(value: t.Any) -> None:
    assert iso(from_millis(value)) == "2022-05-06T15:49:20Z"


def test_millis_when_with_a_rest_then_milliseconds_are_kept() -> None:
    assert iso(from_millis(1651852160007)) == "2022-05-06T15:49:20.007Z"


@pytest.mark.parametrize("value", [*UNREADABLE, 0, -1, "-62135596800000", -62135596800000, 10**18, 10**400, "1e9", 1.5])
def test_millis_when_zero_never_or_absurd_then_none(value: t.Any) -> None:
    assert from_millis(value) is None


@pytest.mark.parametrize("value", [*UNREADABLE, 0, -1, 621355968000000000, 10**19, 10**400, "9" * 20, "2024-08-22"])
def test_ticks_when_zero_never_or_absurd_then_none(value: t.Any) -> None:
    assert from_ticks(value) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(6517472794, 651.7472794), ("6517472794", 651.7472794), (0, 0.0), (-1, None), (10**400, None), (1 << 63, None)]
    + [(odd, None) for odd in UNREADABLE],
)
def test_duration_in_ticks_when_read_then_seconds(value: t.Any, seconds: float | None) -> None:
    assert seconds_from_ticks(value) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("00:04:01", 241.0),
        ("1.16:00:44", 86400 + 16 * 3600 + 44.0),
        ("00:00:00", 0.0),
        (" 00:00:01.5000000 ", 1.5),
        ("00:00:00.0000001", 1e-7),
        ("10675199.02:48:05.4775807", 10675199 * 86400 + 2 * 3600 + 48 * 60 + 5.4775807),
        ("-00:04:01", None),
        ("4:1", None),
        ("00:04", None),
        ("9" * 400 + ".00:00:01", None),
        (241, None),
        *((odd, None) for odd in UNREADABLE),
    ],
)
def test_timespan_when_dotnet_wrote_it_then_seconds(value: t.Any, seconds: float | None) -> None:
    assert seconds_from_timespan(value) == seconds


def test_output_when_whole_seconds_then_no_fraction() -> None:
    assert to_iso_z(NOON) == "2026-03-01T12:00:00Z"


def test_output_when_fraction_then_milliseconds_and_never_later_than_the_moment() -> None:
    # Rounded up, a job's own start given back as started_after would leave that job out.
    assert to_iso_z(NOON + timedelta(microseconds=185969)) == "2026-03-01T12:00:00.185Z"


def test_output_when_other_zone_then_utc() -> None:
    assert to_iso_z(datetime(2026, 3, 1, 8, tzinfo=timezone(-timedelta(hours=4)))) == "2026-03-01T12:00:00Z"


def test_output_when_nothing_then_none() -> None:
    assert iso(None) is None


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("45s", timedelta(seconds=45)),
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        (" 7 d ", timedelta(days=7)),
        ("0s", timedelta(0)),
    ],
)
def test_user_age_when_given_then_that_long_ago(text: str, back: timedelta) -> None:
    assert user_moment_or_age(text, NOON) == NOON - back


@pytest.mark.parametrize("read", [user_moment, lambda text: user_moment_or_age(text, NOON)])
def test_user_moment_when_with_offset_then_that_moment(read: t.Callable[[str], datetime]) -> None:
    assert to_iso_z(read("2026-03-01T22:00:00+01:00")) == "2026-03-01T21:00:00Z"
    assert to_iso_z(read("2026-03-01 22:00Z")) == "2026-03-01T22:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T22:00:00",
        "2026-03-01",
        "yesterday",
        "7",
        "7y",
        "-7d",
        "1.5h",
        "",
        "9" * 30 + "d",
        "9" * 5000 + "d",
        "0001-01-01T00:00:00+01:00",
        "2026-02-30T00:00:00Z",
        "999999d",
    ],
)
def test_user_moment_when_ambiguous_or_absurd_then_told_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"2026-03-01T22:00:00\+01:00.*7d"):
        user_moment_or_age(text, NOON)


def test_user_moment_when_an_age_where_only_a_moment_fits_then_told_what_to_write() -> None:
    with pytest.raises(ValueError, match="with its offset"):
        user_moment("7d")


def test_clock_when_asked_then_utc_and_monotonic(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    clock = Clock()
    before = clock.monotonic()
    clock.sleep(3.0)
    clock.sleep(-1.0)
    assert slept == [3.0, 0.0]
    assert clock.monotonic() >= before
    assert clock.now().utcoffset() == timedelta(0)
    assert abs(clock.now().timestamp() - time.time()) < 5
