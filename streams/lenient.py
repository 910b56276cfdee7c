"""Records whose header names are no UTF-8: aiokafka cannot read them, and would stop for ever.

Kafka leaves header names to the producers; one that writes other bytes would hold up a partition
at our consumer (architecture.md rule 8). Such a fetch is read once more by aiokafka's own Python
reader, with the odd bytes as `\\xff` in the name; all others keep the quick one.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

NEWEST_MAGIC = 2


class _LenientBytes(bytearray):
    """Bytes whose slices decode whatever they hold."""

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return _LenientBytes(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002
        return super().decode(encoding, "backslashreplace")


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """One batch of records with any header names."""

    def __iter__(self) -> "_LenientBatch":
        super().__iter__()
        self._buffer: bytearray = _LenientBytes(self._buffer)
        return self


class _LenientRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """What one fetch returned for a partition, read leniently."""

    def next_batch(self, *_: int) -> Any:
        data = self._next_slice
        if data is None:
            return None
        self._cache_next()
        magic = data[self.MAGIC_OFFSET]
        return _LenientBatch(data) if magic >= NEWEST_MAGIC else LegacyRecordBatch(data, magic)


class _KeptRecords(MemoryRecords):  # type: ignore[misc]
    """What one fetch returned for a partition, with its bytes at hand."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class _Partition(fetcher.PartitionRecords):  # type: ignore[misc]
    """Unpacks records; begins again, leniently, where a header name cannot be read."""

    def _unpack_records(self) -> Iterator[Any]:
        data = self._records.data
        try:
            yield from super()._unpack_records()
        except UnicodeDecodeError:
            # What was handed out already lies below `next_fetch_offset` and is passed over.
            self._records: Any = _LenientRecords(data)
            yield from super()._unpack_records()


def install() -> None:
    """Have aiokafka unpack what it fetches with the classes above."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = _KeptRecords, _Partition
