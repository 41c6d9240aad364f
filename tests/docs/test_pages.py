"""What the pages promise is there: links, demos, and figures, which come from docs/results alone."""

import json
import re
import shutil

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, links, script

generate = script("generate")


def test_the_readme_is_one_screen():
    assert len((ROOT / "README.md").read_bytes()) <= 6 * 1024


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    here = (ROOT / page).parent
    for target in links(PAGES[page]):
        path, _, anchor = target.partition("#")
        if re.match(r"https?:", target):
            continue
        there = (here / path).resolve() if path else ROOT / page
        assert there.is_file(), f"{page} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), f"{page} links to {target}, which has no such heading"


def anchors(text):
    """The anchors of a page's headings, as Python-Markdown and most forges make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


def test_the_results_name_every_demo():
    named = set(re.findall(r"\]\(\.\./demos/(\w+\.py)\)", PAGES["docs/results.md"]))
    assert named == {path.name for path in (ROOT / "demos").glob("[0-9]*.py")}


def test_every_demo_named_exists():
    for page, text in PAGES.items():
        for number in re.findall(r"\bdemo (\d\d)\b", text):
            assert len(list((ROOT / "demos").glob(f"{number}_*.py"))) == 1, f"{page} names demo {number}"


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page for page in PAGES if page.startswith("docs/") and page.removeprefix("docs/") not in navigation] == []


# -- generated pages -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_page_of_figures_is_what_its_template_makes(name):
    assert PAGES[f"docs/{name}.md"] == generate.page(name), "run `python docs/generate.py`"


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A folder for results, of this test alone."""
    monkeypatch.setattr(generate, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def write_result(folder, demo, **config):
    """What a demo leaves in its output folder."""
    config = {"data": "glyphs", "quick": False, "given": {}, "backend": None, **config}
    criteria = [{"name": "angle, degrees", "expected": "at most 1", "measured": -0.25, "pass": True}]
    result = {"demo": demo, "config": config, "criteria": criteria, "report": {"parameters": "12"}, "seconds": 3.5}
    (folder / demo).mkdir(parents=True)
    (folder / demo / "result.json").write_text(json.dumps(result))


def test_results_are_taken_in_by_data_set_and_number(results, tmp_path):
    write_result(tmp_path / "out", "01_linear_pca")
    write_result(tmp_path / "out", "02_stacked", data="mnist", given={"data": "mnist"})
    generate.take_results(tmp_path / "out")
    kept = json.loads((results / "mnist/02.json").read_text())
    assert kept["version"] == generate.installed_version() and kept["seconds"] == 3.5 and "config" not in kept
    assert generate.measured("glyphs", "01", "angle", "{:.1f}°") == "−0.2°"
    assert generate.versions("glyphs") == f"{kept['version']} (01)"


def test_quick_runs_and_other_settings_are_left_out(results, tmp_path, capsys):
    write_result(tmp_path / "out", "01_linear_pca", quick=True)
    write_result(tmp_path / "out", "02_stacked", given={"epochs": 3})
    generate.take_results(tmp_path / "out")
    assert not results.exists() and capsys.readouterr().out.count("left out") == 2


def test_the_table_of_techniques_is_taken_in(results, tmp_path):
    write_result(tmp_path / "out", "21_remedies", data="mnist", given={"data": "mnist"})
    (tmp_path / "out/21_remedies/table.md").write_text(
        "| method | ring: modes |\n|---|---|\n| plain | 6.8 ± 0.4 |\n| R1 | 8.0 ± 0.0 + |\n"
    )
    generate.take_results(tmp_path / "out")
    table = json.loads((results / "techniques.json").read_text())
    assert table["columns"] == ["ring: modes"] and table["rows"] == {"plain": ["6.8 ± 0.4"], "R1": ["8.0 ± 0.0 +"]}


def test_a_criterion_that_is_not_there_or_not_the_only_one_is_an_error(results, tmp_path):
    write_result(tmp_path / "out", "01_linear_pca")
    generate.take_results(tmp_path / "out")
    with pytest.raises(LookupError, match="0 criteria match 'distance'"):
        generate.measured("glyphs", "01", "distance", "{:.1f}")


def test_benchmarks_are_taken_in_and_shown(results, tmp_path):
    shutil.copytree(DOCS / "results", results)
    sides = {"minigen": 1.2, "loops": 0.6, "pytorch": 1.0, "jax": 0.5}
    sides = {name: {"seconds": 0.002 * r, "ratio": [r / 2, r, 2 * r], "peak bytes": 3 * 2**20} for name, r in sides.items()}
    del sides["pytorch"]["ratio"]
    sides["loops"]["to DeZero"] = [0.2, 0.25, 0.3]
    row = {"description": "A step.", "group": "dense", "sides": sides}
    machine = {"command": "python -m tests.benchmarks", "instruction set": "AVX2", "threads": 2}
    figures = {
        "steps": {"steps": [{"name": "vae-32", **row}, {"name": "vae-64", **row}]},
        "convolutions": {"convolutions": [{"name": f"conv-7x7x1-16-k3s1 {part}", **row} for part in ("forward", "images", "kernel")]},
        "scaling": {"rates": {"1": {"flops": 5e10, "bytes": 1e10}}, "scaling": [{"name": "progan 8", "threads": 1, "at the peak": 1e-4, **row}]},
    }  # fmt: skip
    paths = [tmp_path / f"{kind}.json" for kind in figures]
    for path, of_kind in zip(paths, figures.values()):
        path.write_text(json.dumps({"machine": machine, **of_kind}))
    generate.take_benchmarks(paths[:1] * 2)
    generate.take_benchmarks(paths[1:])
    assert len(generate.runs("steps")) == 2, "a kind that is not measured again stays"
    text = generate.page("benchmarks")
    assert (
        text.count("## Training steps: AVX2") == 2
        and text.count("`python -m tests.benchmarks`, instruction set AVX2, threads 2.") == 4
    )
    assert (
        "| `vae-32` | 2 ms | 2.4 ms: 1.20 (0.60 to 2.40) | 1.2 ms: 0.60 (0.30 to 1.20) | 1 ms: 0.50 (0.25 to 1.00) | 3, 3, 3 |"
        in text
    )
    assert f"{generate.LABELS['loops']} takes 0.25 to 0.25 of DeZero's time." in text
    assert "| geometric mean, dense | | 1.20 | 0.60 | 0.50 | |" in text
    assert "| `7x7x1-16-k3s1` | 1.20 / 0.60 | 1.20 / 0.60 | 1.20 / 0.60 |" in text
    assert "on 1 thread 50 GFLOP/s and 10 GB/s" in text and "| 0.1 ms |" in text


def test_no_published_speed_lacks_its_machine():
    for kind in generate.KINDS:
        for run in generate.runs(kind):
            assert {"command", "machine", "instruction set", "threads"} <= run["machine"].keys()


def test_what_is_said_of_the_techniques_is_in_the_table():
    table = json.loads((DOCS / "results/techniques.json").read_text(encoding="utf-8"))
    divergences = [i for i, column in enumerate(table["columns"]) if "reverse KL" in column]
    better = {name for name, cells in table["rows"].items() if all(cells[i].endswith("+") for i in divergences)}
    assert better == {"WGAN-GP"}
    of_grid = table["columns"].index("grid: modes")
    assert max(table["rows"], key=lambda name: float(table["rows"][name][of_grid].split()[0])) == "packing, 2"
    for name in ("experience replay", "label smoothing", "noisy labels"):
        assert not any(cell.endswith("+") for cell in table["rows"][name])
    for name in ("R1", "spectral norm"):
        assert table["rows"][name][0].startswith("8.0")
