"""Values: immutable to the type checker, without the price of a frozen class at run time.

A frozen dataclass sets each field through `object.__setattr__`: building one costs three times as
much as it need, and an input builds dozens. mypy sees the standard decorator, so that assigning to
a field is an error in `make check`; at run time the class is plain, slotted and hashable.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses

    def dataclass(*, frozen=False, slots=False):
        """Make a class a value, or with `frozen` left out a plain dataclass."""
        return dataclasses.dataclass(unsafe_hash=frozen, slots=slots)
