"""Values: immutable to the type checker, without the price of a frozen class at run time.

A frozen dataclass sets each field through `object.__setattr__`, which makes building one three times as
dear as it need be, and an input builds dozens. mypy sees the standard decorator, so that assigning to a
field is an error in `make check`; at run time the class is plain, slotted and hashable by its fields.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses

    def dataclass(*, frozen=False, slots=False):
        """Make a class a value, or with `frozen` left out a plain dataclass."""
        return dataclasses.dataclass(unsafe_hash=frozen, slots=slots)
