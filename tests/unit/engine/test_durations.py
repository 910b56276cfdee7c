"""Lengths and instants as definitions write them (definitions.md, Reference)."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.durations import EPOCH, length_text, parse_duration, parse_end, parse_instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("30s", timedelta(seconds=30)),
        ("1.5s", timedelta(seconds=1, milliseconds=500)),
        ("10m", timedelta(minutes=10)),
        ("24h", timedelta(hours=24)),
        ("5d", timedelta(days=5)),
        ("2w", timedelta(weeks=2)),
        ("0s", timedelta()),
        ("PT24H", timedelta(hours=24)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("P1D", timedelta(days=1)),
        ("P1W", timedelta(weeks=1)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("PT0S", timedelta()),
    ],
)
def test_a_length_is_read(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30",
        "s",
        "-5s",
        "5 s",
        "5S",
        "1y",
        "1h30m",
        "P",
        "PT",
        "P1DT",
        "P1M",
        "P1Y",
        "1e3s",
        "\u0663s",
        "PT\u0663H",
    ],
)
def test_what_is_no_length_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write 500ms, 30s"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T09:00:00Z",
        "2026-03-02T10:00:00+01:00",
        "20260302T090000Z",
        "2026-03-02t09:00:00z",
        "2026-03-02T09:00:00.000000999Z",
    ],
)
def test_an_instant_is_read_with_its_zone(text: str) -> None:
    assert parse_instant(text) == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_leap_second_is_the_last_moment_before_it() -> None:
    found = parse_instant("2016-12-31T23:59:60Z")
    assert found == datetime(2016, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def test_an_instant_that_no_calendar_has_in_utc_is_refused() -> None:
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        with pytest.raises(ValueError, match="outside the years 1 to 9999"):
            parse_instant(text)


def test_an_instant_is_in_utc_since_a_database_takes_no_offset_of_a_day() -> None:
    assert parse_instant("2026-03-02T09:00:00+23:00").isoformat() == "2026-03-01T10:00:00+00:00"


@pytest.mark.parametrize("text", ["2026-03-02T09:00:00", "2026-03-02"])
def test_an_instant_without_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="has no zone"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01T00:00:00Z", "1772442000"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no instant"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["500ms", "30s", "90s", "10m", "25h", "5d", "0ms", "1.5ms"])
def test_a_length_is_written_as_definitions_write_it(text: str) -> None:
    assert length_text(parse_duration(text)) == text


def test_a_length_is_written_in_its_largest_unit() -> None:
    assert length_text(timedelta(hours=48)) == "2d"
    assert length_text(timedelta(seconds=120)) == "2m"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1969-12-31T23:59:59Z", EPOCH),
        ("2026-03-02T10:00:00+01:00", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T09:00:00+23:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
    ],
)
def test_an_end_is_an_instant_that_every_database_reads_back(text: str, expected: datetime) -> None:
    end = parse_end(text, datetime(2026, 3, 1, tzinfo=UTC))
    assert (end, end.utcoffset()) == (expected, timedelta())
