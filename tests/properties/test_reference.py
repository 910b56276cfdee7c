"""The engine against the reference interpreter, over random definitions and scripted worlds."""

from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.properties.answers import Answers
from tests.properties.budget import played, share
from tests.properties.playing import play
from tests.properties.programs import Written, a_body, a_program
from tests.properties.reference.verbs import tell

PROGRAMS = st.binary(min_size=70, max_size=70)
ANSWERS = st.binary(min_size=24, max_size=24).map(Answers)


# S18 S30 S32 S33 S37 S38 S39 S40 S41 S42 S43 S44 S45 S46 S49 S50 S100 S107 S109 S110 S111 S114
@settings(max_examples=share(0.25), deadline=None)
@given(PROGRAMS, st.lists(ANSWERS, min_size=4, max_size=4))
def test_the_engine_does_what_the_reference_interpreter_says(
    program: bytes, worlds: list[Answers]
) -> None:
    body: dict[str, Any] = a_body(program)
    note(Written(body))
    for answers in worlds:
        note(answers)
        expected, found = tell(body, answers), play(a_program(program), answers)
        played["against the reference interpreter"] += 1
        assert not (differences := expected.differences(found)), "\n".join(differences)
