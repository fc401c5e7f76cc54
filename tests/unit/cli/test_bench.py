"""`acquaint bench` lists what is in benchmarks/ and refuses what is not."""

from __future__ import annotations

import ast
import json

from typer.testing import CliRunner

from services.cli.bench import CHECKOUT, benchmarks
from services.cli.main import app


def test_every_file_of_the_folder_is_listed_with_what_it_measures() -> None:
    files = sorted(path.stem for path in (CHECKOUT / "benchmarks").glob("*.py") if not path.stem.startswith("_"))
    listed = json.loads(CliRunner().invoke(app, ["bench", "--json"]).stdout)
    assert sorted(listed) == files
    assert all(listed.values()), "each says in its first line what it measures"
    assert listed == benchmarks()


def test_every_benchmark_takes_json_and_can_be_run_by_name() -> None:
    for name in benchmarks():
        text = (CHECKOUT / "benchmarks" / f"{name}.py").read_text()
        assert '"--json"' in text, name
        guards = [node for node in ast.parse(text).body if isinstance(node, ast.If)]
        assert any("__main__" in ast.unparse(node.test) for node in guards), name


def test_a_list_for_people_names_them_too() -> None:
    shown = CliRunner().invoke(app, ["bench"], env={"COLUMNS": "200"}).stdout
    assert all(name in shown for name in benchmarks())


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    outcome = CliRunner().invoke(app, ["bench", "kill", "nonsense"])
    assert outcome.exit_code == 1
    assert "there is no benchmark 'nonsense'; there are: " in outcome.stderr
    assert "kill" in outcome.stderr
