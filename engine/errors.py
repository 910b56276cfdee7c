"""The base of all our errors, and those that the engine's leaves raise."""

import json


class SluicegateError(Exception):
    """An error of ours: its text says what happened and what to do."""


class Invalid(SluicegateError):
    """A mistake in a definition; `at` leads from the given node down to it."""

    def __init__(self, at: tuple[str | int, ...], problem: str) -> None:
        self.at, self.problem = at, problem
        super().__init__(problem)


class StepProblem(SluicegateError):
    """What fails a step that renders or compares; `code` is that of its failure."""

    code = "invalid_value"


class Unresolved(StepProblem):
    """A reference without a value and without a default (requirements.md D15)."""

    code = "unresolved"

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"${{{path}}} has no value; give a default: ${{{path}:-...}}")


class ConditionMismatch(StepProblem):
    """Operand types that do not fit, in a condition marked `strict` (D16)."""

    code = "condition_mismatch"

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        super().__init__(f"{path}: {problem}")


class Unfit(StepProblem):
    """What `${...}` gave is nothing that a sub-action can take."""

    def __init__(self, key: str, wanted: str, value: object) -> None:
        super().__init__(f"{key} must be {wanted}; it came to {json.dumps(value)[:200]}")


class TooLong(StepProblem):
    """What `${...}` gave is longer than what it names may be."""

    def __init__(self, key: str, most: str) -> None:
        super().__init__(f"{key} must have at most {most}; choose a shorter value")


class TooMany(StepProblem):
    """More people than one approval can ask."""

    def __init__(self, most: int, each: int) -> None:
        super().__init__(
            f"the names of users and roles come to at most {most} bytes, {each} more for each; "
            "ask a role instead"
        )


class SourceFailed(SluicegateError):
    """A source of resources could not be read; `retryable` tells whether another try may help."""

    def __init__(self, code: str, problem: str, *, retryable: bool) -> None:
        self.code, self.problem, self.retryable = code, problem, retryable
        super().__init__(problem)
