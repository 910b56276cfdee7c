"""The operators of conditions; what the cases come to is what the engine says."""

from docs.generate.markdown import as_json, table
from engine.language.conditions import OPERATORS, TESTS
from engine.operators import TESTS as RUN
from engine.operators import compile_regex

INTRO = """# Operators of conditions

`{<path>: {<operator>: <value>, ...}}`: several operators on one field must all hold. A field that
is missing counts as null. Null equals only null; every operator but `eq`, `neq` and `exists` is
false on it. Nothing is converted: types that do not fit are false, with a warning in the step's
output, or with `strict: true` an error of the step. A value marked ° may hold `${path}`.
Conditions nest by `all`, `any`, `not`, 16 deep at most: see [language.md](language.md#conditions).

"""


def verdict(operator: str, left: object, right: object) -> str:
    """Return what an operator says of two values."""
    test = compile_regex(str(right)) if operator == "regex" else RUN[operator]
    holds, warning = test(left, right)
    return f"false, with the warning: {warning}" if warning else str(holds).lower()


def page() -> str:
    """Return the page."""
    operators = ((f"`{op.name}`", op.value.words, op.about) for op in OPERATORS)
    cases = (
        (as_json(left), f"`{op.name}`", as_json(right), verdict(op.name, left, right))
        for op in OPERATORS
        for left, right in op.cases
    )
    strict = TESTS.keys[-1]
    return "".join(
        (
            INTRO,
            table(("operator", "value", "holds when"), operators),
            f"\nBeside them `{strict.name}`: {strict.about[0].lower()}{strict.about[1:]}\n",
            "\n## What they say\n\n",
            table(("field", "operator", "value", "result"), cases),
        )
    )
