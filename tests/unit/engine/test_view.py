"""What a line sees of the frames of the loops around it."""

from collections.abc import Iterator

from engine.view import framed


class Unwalked(dict[str, dict[str, object]]):
    """Frames that are found by name only."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("all frames are looked at for one line")


# F26
def test_a_line_finds_the_loops_around_it_however_many_others_run() -> None:
    frames = Unwalked({f"a/{number}": {"item": number, "index": number} for number in range(9)})
    frames["a/1/b/0"] = {"line": "x", "steps": {"c": 1}}
    base: dict[str, object] = {"steps": {"a": 0}, "id": "o1"}
    scope, own = framed(base, frames, "a/1/b/0/c/2")
    assert scope == {"steps": {"a": 0, "c": 1}, "id": "o1", "item": 1, "index": 1, "line": "x"}
    assert own is frames["a/1/b/0"]
    assert framed(base, frames, "a/11") == (base, None)
    assert framed(base, frames, "a") == (base, None)
