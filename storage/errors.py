"""What can go wrong with the database, in our words."""

from engine.errors import SluicegateError


def reason_of(error: Exception) -> str:
    """Return why no connection was had, in one line: libpq adds advice on lines of their own."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].removeprefix("connection failed: ") if lines else type(error).__name__


class DatabaseUnreachable(SluicegateError):
    """No connection; names the address without its password."""

    def __init__(self, address: str, problem: str) -> None:
        self.address = address
        super().__init__(f"PostgreSQL at {address} is unreachable: {problem}")


class MigrationNeeded(SluicegateError):
    """The schema is older than this program."""

    def __init__(self, current: int, wanted: int) -> None:
        self.current, self.wanted = current, wanted
        super().__init__(
            f"the database schema is at version {current}, this program needs {wanted}: "
            "run `sluicegate migrate`"
        )


class SchemaTooNew(MigrationNeeded):
    """The schema was changed by a newer program, in a way that this one does not understand."""

    def __init__(self, current: int, wanted: int) -> None:
        self.current, self.wanted = current, wanted
        SluicegateError.__init__(
            self,
            f"the database schema is at version {current}, this program knows {wanted} at most: "
            "run the version of sluicegate that migrated it, or a newer one",
        )


class HousekeepingFailed(SluicegateError):
    """The database refuses what housekeeping asks; work goes on without it."""


class MigrationRefused(SluicegateError):
    """A migration cannot be applied as it stands."""


class Fenced(SluicegateError):
    """Somebody else moved this partition's position: our view of it is stale."""

    def __init__(self, topic: str, partition: int, expected: int) -> None:
        self.topic, self.partition, self.expected = topic, partition, expected
        super().__init__(f"position of {topic}[{partition}] is no longer {expected}")


class Unstorable(SluicegateError):
    """The database refuses a value for good: repeating cannot help."""

    executions: frozenset[str] = frozenset()
    """The executions whose new states were being written, if it was that."""
