"""What the README says, done: its Python blocks run one after the other, and what it names exists."""

import re
from pathlib import Path

import numpy as np
import pytest

import minigen

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_every_python_block_runs_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    minigen.seed(0)
    names = {}
    for i, block in enumerate(BLOCKS):
        exec(compile(block, f"README.md, block {i + 1}", "exec"), names)
    assert (tmp_path / "graph.png").stat().st_size > 1000
    assert (tmp_path / "rows.png").stat().st_size > 1000
    assert [row["epoch"] for row in names["training"].checkpoint.load("runs/stacked/checkpoint.npz")[1]["history"]] == [1, 2, 3]
    printed = capsys.readouterr().out
    assert "163,814" in printed
    assert "log returned NaN or infinity" in printed


TARGETS = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r'src="([^"]+)"', README)


@pytest.mark.parametrize("target", sorted(set(TARGETS)))
def test_every_link_leads_somewhere(target):
    assert (ROOT / target).exists()


def test_the_table_names_every_demo():
    assert set(re.findall(r"\]\(demos/(\w+\.py)\)", README)) == {path.name for path in (ROOT / "demos").glob("[0-9]*.py")}


@pytest.mark.parametrize("number", sorted(set(re.findall(r"-m demos (\d\d)", README))))
def test_every_demo_named_exists(number):
    assert len(list((ROOT / "demos").glob(f"{number}_*.py"))) == 1


def test_the_message_of_a_wrong_rule_is_as_the_readme_says():
    @minigen.op
    def softsign(x):
        return x / (1 + abs(x))

    @softsign.vjp("x")
    def softsign_dx(g, y, x):
        return g / (1 + abs(x))

    with pytest.raises(minigen.errors.GradcheckError, match=r"softsign: wrong derivative with respect to input 0 of shape "
                                                            r"\(3, 4\): worst at index .*: analytic .*, numeric .*, ratio .*"):
        minigen.gradcheck(softsign, np.random.default_rng(0).standard_normal((3, 4)))
