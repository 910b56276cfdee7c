"""Folders of definitions with their resources: every mistake of every file in one run."""

import json
from pathlib import Path

import pytest

from actions.definitions import Folder, read_folder, read_into
from cli.definitions import validate_files

SOUND = "name: {name}\ntrigger: {{ event: a }}\nsteps: [{{ id: x, allow: {{}} }}]\n"
READS = SOUND + "context: {{ load: {{ c: {{ resource: {resource}, id: '1' }} }} }}\n"


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")


def problems(found: Folder) -> list[str]:
    return [f"{Path(each.file).name}:{each.line}: {each.problem}" for each in found.mistakes]


def test_a_broken_file_does_not_hide_nor_accuse_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, a=SOUND.format(name="a"), b="name: [", c=SOUND.format(name="c"))
    found = read_folder(tmp_path)
    assert [definition.name for definition in found.definitions] == ["a", "c"]
    assert [each.partition(":")[0] for each in problems(found)] == ["b.yaml"]


def test_two_files_may_not_define_one_workflow(tmp_path: Path) -> None:
    write(tmp_path, a=SOUND.format(name="same"), b=SOUND.format(name="same"))
    found = read_folder(tmp_path)
    assert problems(found) == [
        f"b.yaml:1: the workflow 'same' stands in {tmp_path / 'a.yaml'} already; rename one"
    ]


def test_two_folders_may_not_define_one_workflow(tmp_path: Path) -> None:
    both = Folder()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, a=SOUND.format(name="same"))
        both.add(read_folder(tmp_path / name))
    assert len(both.definitions) == len(both.mistakes) == 1


def test_a_load_names_a_declared_resource(tmp_path: Path) -> None:
    write(
        tmp_path,
        resources="customer.history: { kind: static, data: {} }\n",
        a=READS.format(name="a", resource="customer.history"),
        b=READS.format(name="b", resource="customer.histori"),
    )
    found = read_folder(tmp_path)
    assert problems(found) == [
        "b.yaml:4: no resource is called 'customer.histori'; did you mean customer.history?; "
        "declare it in resources.yaml"
    ]
    assert set(found.resources) == {"customer.history"}


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ("r: 5", "1: a resource is a mapping such as {kind: static, data: {...}}"),
        ("r: { kind: sql, dsn: '${secrets.A}' }", "1: the key 'query' is missing"),
        ("r: { kind: python }", "1: the key 'entry_point' is missing"),
        ("r: { kind: cvs }", "1: kind must be one of: static, http, sql, python"),
        ("r: { kind: http }", "1: the key 'url' is missing"),
        ("r: { kind: static, cache: 5 }", "1: 5 is no duration; write 500ms, 30s, 10m, 24h, 5d"),
        ("r: { kind: static }\nr: { kind: static }", "2: the key 'r' occurs twice"),
        ("- r", "1: this must be a mapping"),
        ("r: [", "2: this is no YAML"),
    ],
)
def test_a_broken_declaration_of_a_resource_is_named(
    tmp_path: Path, declared: str, problem: str
) -> None:
    write(tmp_path, resources=declared + "\n")
    found = Folder()
    read_into(tmp_path / "resources.yaml", found)
    assert len(found.mistakes) == 1
    assert problems(found)[0].startswith(f"resources.yaml:{problem}")


def test_a_file_that_is_no_text_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe name")
    assert problems(read_folder(tmp_path)) == ["a.yaml:1: the file is not UTF-8"]


def test_tests_of_definitions_and_other_files_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, a=SOUND.format(name="a"))
    (tmp_path / "a.test.yaml").write_text("cases: []\n", "utf-8")
    (tmp_path / "notes.md").write_text("notes\n", "utf-8")
    found = read_folder(tmp_path)
    assert (len(found.definitions), found.mistakes) == (1, [])


def test_validate_prints_each_mistake_and_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, a=SOUND.format(name="a"), b=SOUND.format(name="B"))
    assert validate_files([tmp_path]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/b.yaml:1:1: 'B' is no workflow name: lower-case letters, digits, _ and -",
        f"{tmp_path}/a.yaml: ok",
    ]
    assert validate_files([tmp_path / "a.yaml"]) == 0
    assert validate_files([tmp_path / "missing.yaml"]) == 1


# As the other offline commands: a folder without definitions is the wrong folder.
def test_validate_says_where_it_found_no_definition(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    below = tmp_path / "below"
    below.mkdir()
    write(below, a=SOUND.format(name="a"))
    (tmp_path / "a.test.yaml").write_text("cases: []\n", "utf-8")
    said = (
        f"sluicegate: no workflow definition was found in {tmp_path} "
        "(*.yaml, *.yml, *.json; subfolders are not read)\n"
    )
    assert validate_files([tmp_path]) == 2
    assert capsys.readouterr() == ("", said)
    assert validate_files([tmp_path, below]) == 2
    assert capsys.readouterr() == (f"{below}/a.yaml: ok\n", said)
    assert validate_files([tmp_path, tmp_path / "missing.yaml"]) == 1
    assert capsys.readouterr().err == said
    assert validate_files([tmp_path], as_json=True) == 2
    out, err = capsys.readouterr()
    assert (json.loads(out)["valid"], err) == (False, said)


def test_a_broken_declaration_does_not_accuse_those_who_use_it(tmp_path: Path) -> None:
    write(tmp_path, resources="r: { kind: cvs }\n", a=READS.format(name="a", resource="r"))
    assert [each.partition(":")[0] for each in problems(read_folder(tmp_path))] == [
        "resources.yaml"
    ]
    write(tmp_path, resources="r: [")
    assert [each.partition(":")[0] for each in problems(read_folder(tmp_path))] == [
        "resources.yaml"
    ]


CALLS = "name: {name}\ntrigger: {{ event: {event} }}\nsteps:\n  - id: x\n    {verb}\n"
CHILD, EMIT = "workflow: {{ name: {} }}", "execute: [ {{ emit: {{ event: {} }} }} ]"


@pytest.mark.parametrize(
    ("verbs", "warned"),
    [
        ((CHILD.format("b"), CHILD.format("a")), ["a -> b -> a", "b -> a -> b"]),
        ((EMIT.format("b.asked"), EMIT.format("a.asked")), ["a -> b -> a", "b -> a -> b"]),
        ((CHILD.format("a"), "allow: {}"), ["a -> a"]),
        ((CHILD.format("b"), EMIT.format("b.asked")), ["b -> b"]),
        ((CHILD.format("b"), EMIT.format("c.asked")), []),
        ((CHILD.format("bb"), "allow: {}"), ["no workflow 'bb'; did you mean b?"]),
    ],
)
def test_circles_and_unknown_children_are_warned_of(
    tmp_path: Path, verbs: tuple[str, str], warned: list[str]
) -> None:
    texts = {
        name: CALLS.format(name=name, event=f'"{name}.*"', verb=verb)
        for name, verb in zip("ab", verbs, strict=True)
    }
    write(tmp_path, **texts)
    found = read_folder(tmp_path)
    assert found.mistakes == []
    assert [each.line for each in found.warnings] == [5] * len(warned)
    assert all(
        text in each.problem for text, each in zip(warned, sorted(found.warnings), strict=True)
    )
