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
    """The anchors of a page: those written out, and its headings', as Python-Markdown and most forges make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}
    return made | set(re.findall(r'<a id="([\w-]+)">', text))


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


def write_result(folder, demo, failed=0, **config):
    """What a demo leaves in its output folder: a criterion that it meets, and some that it fails."""
    config = {"data": "glyphs", "quick": False, "given": {}, "backend": None, **config}
    criteria = [{"name": "angle, degrees", "expected": "at most 1", "measured": -0.25, "pass": True}]
    criteria += [{"name": f"bound {i}", "expected": "at most 1", "measured": 2, "pass": False} for i in range(failed)]
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


def test_what_a_demo_trains_is_kept_beside_what_it_shows(results, tmp_path):
    """With --train; on other data than its own a demo always trains, with or without the option."""
    for folder, data, given in (
        ("shown", "faces", {}),
        ("trained", "faces", {"train": True}),
        ("padded", "mnist", {"data": "mnist"}),
        ("garments", "fashion_mnist", {"data": "fashion_mnist", "train": True}),
    ):
        write_result(tmp_path / folder, "26_progressive", failed=folder == "trained", data=data, given=given)
        generate.take_results(tmp_path / folder)
    kept = {path.relative_to(results).as_posix() for path in results.rglob("*.json")}
    assert kept == {"faces/26.json", "faces/26-trained.json", "mnist/26.json", "fashion_mnist/26.json"}
    assert [len(generate.demos(name)) for name in generate.SERIES] == [0, 1, 1, 1, 1]
    criteria = generate.page("criteria")
    assert re.findall("^## (.+)$", criteria, re.MULTILINE) == ["Faces", "Faces, `--train`", "MNIST", "Fashion-MNIST"]
    assert criteria.count("**fail**") == criteria.split("## MNIST")[0].split("`--train`")[1].count("**fail**") == 1


# What a cell says of a row's figure and of the demo as a whole, by which results are there and how many of their criteria fail.
CELLS = [
    ({"glyphs": 0}, "glyphs, or faces", "−0.2° [✓](criteria.md#glyphs-26)"),
    ({"glyphs": 1}, "glyphs, or faces", "−0.2° [**✗ 1 of 2 fails**](criteria.md#glyphs-26)"),
    ({"faces": 0, "mnist": 5}, "MNIST", "−0.2° [**✗ 5 of 6 fail**](criteria.md#mnist-26)"),
    ({"fashion_mnist": 0}, "Fashion-MNIST", "−0.2° [✓](criteria.md#fashion_mnist-26)"),
    ({"glyphs": 0, "mnist": 0}, "Fashion-MNIST", "—"),
    ({"faces": 2}, "glyphs, or faces", "faces: −0.2° [**✗ 2 of 3 fail**](criteria.md#faces-26)"),
    (
        {"faces": 0, "faces-trained": 3, "glyphs": 0},
        "glyphs, or faces",
        "faces: −0.2° [✓](criteria.md#faces-26)<br>"
        "faces, `--train`: −0.2° [**✗ 3 of 4 fail**](criteria.md#faces-26-trained)<br>"
        "glyphs: −0.2° [✓](criteria.md#glyphs-26)",
    ),
]


@pytest.mark.parametrize(("failed", "column", "text"), CELLS, ids=[f"{column}, {failed}" for failed, column, _ in CELLS])
def test_a_cell_shows_the_figure_and_whether_the_demo_passes(results, tmp_path, failed, column, text):
    for name, count in failed.items():
        data, _, trained = name.partition("-")
        write_result(tmp_path / name, "26_progressive", count, data=data, given={"train": True} if trained else {})
        generate.take_results(tmp_path / name)
    row = generate.Row("26", "Progressive GAN", "minigen/models/gans/progan.py", "angle at most 1°", "angle", "{:.1f}°")
    assert generate.cell(row, column).replace("\N{NO-BREAK SPACE}", " ") == text


def test_a_main_figure_alone_says_nothing_of_the_whole(results):
    generate.write("glyphs/01", {"demo": "01_linear_pca", "criteria": [{"name": "angle, degrees", "measured": 2.0}]})
    row = generate.Row("01", "PCA", "minigen/models/autoencoders/linear.py", "angle at most 1°", "angle", "{:.1f}°")
    assert generate.cell(row, "glyphs, or faces") == "2.0°"
    assert generate.whole("glyphs") == [] and not generate.passes(generate.load("glyphs/01"))


def test_the_count_below_the_table_is_of_its_marks():
    """Each demo once, though some have several rows."""
    text = PAGES["docs/results.md"]
    for name, pattern in generate.SERIES.items():
        anchor = pattern.replace("/", "-").format("[0-9]{2}")
        marks = {demo: mark for mark, demo in re.findall(rf"\[\**([✓✗])[^]]*\]\(criteria\.md#({anchor})\)", text)}
        counted = re.search(rf"^\| {re.escape(name)} \| \d+ \| (\d+) \| (\d+) \|", text, re.MULTILINE)
        assert counted.groups() == (str(len(marks)), str(list(marks.values()).count("✓"))), name


def test_quick_runs_and_other_settings_are_left_out(results, tmp_path, capsys):
    write_result(tmp_path / "out", "01_linear_pca", quick=True)
    write_result(tmp_path / "out", "02_stacked", given={"epochs": 3})
    generate.take_results(tmp_path / "out")
    assert not results.exists() and capsys.readouterr().out.count("left out") == 2


def test_the_table_of_techniques_is_taken_in_from_mnist(results, tmp_path):
    for data, modes in (("mnist", "8.0"), ("glyphs", "7.0")):
        write_result(tmp_path / data, "21_remedies", data=data, given={"data": data})
        (tmp_path / data / "21_remedies/table.md").write_text(
            f"| method | ring: modes |\n|---|---|\n| plain | 6.8 ± 0.4 |\n| R1 | {modes} ± 0.0 + |\n"
        )
        generate.take_results(tmp_path / data)
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
