"""Demos as notebooks: nothing is lost on the way to a notebook and back, and they run in a real kernel as they are."""

import ast
import html
import json
import os
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from minigen.errors import UsageError
from minigen.gallery.notebook import notebook, text, write_notebook
from minigen.gallery.registry import names, source

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", names())
def test_a_notebook_holds_its_demo_cell_by_cell(name):
    content = nbformat.reads(text(name), as_version=4)
    nbformat.validate(content)
    assert (content.nbformat, content.nbformat_minor) == (4, 5)
    assert text(name) == text(name), "the same demo makes the same notebook"
    ids = [cell.id for cell in content.cells]
    assert len(set(ids)) == len(ids)

    setup = content.cells.pop(1)
    assert setup.cell_type == "code" and "import minigen" in setup.source
    assert content.cells[0].source == ast.get_docstring(ast.parse(source(name))), "the docstring is text, without quotes"
    script = jupytext.writes(content, fmt={"extension": ".py", "format_name": "percent", "notebook_metadata_filter": "-all"})
    after = [each[each.index("\n# %%", 1) :] for each in (source(name), script)]
    assert after[1] == after[0], "what Jupytext makes of the notebook is the demo"


def test_the_command_writes_a_notebook(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert write_notebook(["2"]) == 0
    assert Path("02_stacked.ipynb").read_text(encoding="utf-8") == text("02_stacked")
    assert capsys.readouterr().out.startswith("wrote 02_stacked.ipynb: open it in Jupyter")
    assert write_notebook(["stacked", "--out", "here/mine.ipynb"]) == 0
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] != ["02_stacked.ipynb"]
    assert (tmp_path / "here" / "mine.ipynb").read_text() == (tmp_path / "02_stacked.ipynb").read_text()
    with pytest.raises(UsageError, match="no demo 'stakced': did you mean '02_stacked'"):
        write_notebook(["stakced"])


def executed(content, options, folder, monkeypatch):
    """A notebook after a real kernel has run it in `folder`, with these options in its setup cell."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    content = nbformat.reads(json.dumps(content), as_version=4)
    setup = content.cells[1]
    assert '\noptions = ""\n' in setup.source
    setup.source = setup.source.replace('\noptions = ""\n', f'\noptions = "{options}"\n')
    nbclient.NotebookClient(content, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return content


def outputs(content, mimetype):
    """What the cells have shown in this form."""
    return [
        output["data"][mimetype]
        for cell in content.cells
        for output in cell.get("outputs", ())
        if mimetype in output.get("data", ())
    ]


def test_it_runs_in_a_kernel(tmp_path, monkeypatch):
    content = executed(notebook("02_stacked"), "--quick --seed 3", tmp_path, monkeypatch)
    said = "".join(output.get("text", "") for cell in content.cells for output in cell.get("outputs", ()))
    assert "computing on the" in said and "wrote" not in said
    folder = tmp_path / "out" / "02_stacked"
    assert len(outputs(content, "image/png")) == len(list(folder.glob("*.png"))) > 0, "figures stand where they are made"
    (table,) = outputs(content, "text/html")
    result = json.loads((folder / "result.json").read_text())
    assert all(html.escape(criterion["name"]) in table for criterion in result["criteria"])
    assert result["config"]["given"] == {"quick": True, "seed": 3} and result["config"]["source"] is None


def test_a_failed_criterion_does_not_end_the_kernel(tmp_path, monkeypatch):
    content = notebook("02_stacked")
    content["cells"][3:] = [
        {"cell_type": "code", "id": f"cell{place}", "metadata": {}, "outputs": [], "execution_count": None, "source": text}
        for place, text in enumerate(
            [
                "from minigen.gallery.demo import Criteria, demo_arguments\nargs = demo_arguments('02_stacked', 'text')\ncriteria = Criteria(args)",
                "criteria.check('loss', 2.0, at_most=1.0)\ncriteria.finish()",
                "print('and on')",
            ]
        )
    ]
    content = executed(content, "", tmp_path, monkeypatch)
    (table,) = outputs(content, "text/html")
    assert "FAIL" in table
    assert "".join(output.text for output in content.cells[-1].outputs) == "and on\n"  # a kernel sends text in any pieces


def test_where_minigen_is_not_installed_the_setup_says_what_to_do(tmp_path):
    setup = "".join(notebook("02_stacked")["cells"][1]["source"]).replace('MINIGEN = "."', 'MINIGEN = "./nowhere"')
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-S", "-c", setup], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip cannot install it from MINIGEN = './nowhere': set MINIGEN, above, to the folder" in done.stderr
