"""The site: a small one is built as the whole one is, and looked at."""

import doctest
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

import funcdl

pytest.importorskip("sphinx")
pytest.importorskip("sphinx_copybutton")
pytest.importorskip("furo")

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

INDEX = """# Home

```{toctree}
long
api/names
Index <genindex>
```
"""
LONG = r"""# Long

It begins.

## One

Inline $x^2 ≤ \alpha$, and

$$
y_0 = \sum_k d_k g_k
$$

```python
>>> 1 + 1
2

```

## Two `code`

## Three

## Four

## Five
"""
NAMES = """# Names

What there is.

## Layers

```{eval-rst}
.. currentmodule:: funcdl

.. autofunction:: linear
.. autodata:: relu
.. autoclass:: Affine
```

## Errors

```{eval-rst}
.. currentmodule:: funcdl

.. autoexception:: InputError
.. autoexception:: KindError
.. autoexception:: ShapeError
```

## Optimisers

```{eval-rst}
.. currentmodule:: funcdl

.. autoclass:: SGD
   :members: step, zero_grad
   :inherited-members:
```
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build three pages with the settings of docs/, a warning being an error."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    (source / "api").mkdir()
    for name, text in (("index", INDEX), ("long", LONG), ("api/names", NAMES)):
        (source / f"{name}.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "-c", DOCS, source, built]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return built


@pytest.fixture
def page(site):
    return lambda name: (site / f"{name}.html").read_text(encoding="utf-8")


@pytest.fixture
def docs(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)


def test_formulas_are_mathml_without_a_script(page):
    text = page("long")
    assert re.search(r"<math [^>]*>\s*<msup>\s*<mi>x</mi>\s*<mn>2</mn>", text)
    assert re.search(r'<div class="math"><math [^>]*display="block">', text)
    assert "mathjax" not in "".join(re.findall(r"<script.*?</script>", text, re.S)).lower()
    assert r"\sum" not in text


def test_no_page_loads_anything_from_elsewhere(site, docs):
    import offline

    assert len([*site.rglob("*.html")]) > 6
    assert [*offline.faults(site)] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<script src="https://a.org/x.js"></script>', "found <script src> https://a.org/x.js"),
        ('<link rel="stylesheet" href="//a.org/x.css">', "found <link href> //a.org/x.css"),
        ('<img src="HTTP://a.org/x.png">', "found <img src> HTTP://a.org/x.png"),
        ("<style>p { background: url('http://a.org/x') }</style>", "found http://a.org/x"),
        ('<p style="background: url(//a.org/x)">', "found //a.org/x"),
        ('<dt class="sig sig-object py" id="a.b">b</dt>', "a link to the lines of a.b"),
    ],
)
def test_what_comes_from_elsewhere_or_has_no_source_is_a_fault(text, fault, docs, tmp_path):
    import offline

    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    (found,) = offline.faults(tmp_path)
    assert found.startswith("page.html: expected ")
    assert found.endswith(fault)


def test_a_style_that_imports_from_elsewhere_is_a_fault(docs, tmp_path):
    import offline

    (tmp_path / "x.css").write_text('@import "https://a.org/y.css"; a { b: url(c.png) }')
    assert [*offline.faults(tmp_path)] == [
        "x.css: expected nothing from elsewhere, found https://a.org/y.css"
    ]


@pytest.mark.parametrize("name", ["linear", "relu", "SGD", "SGD.step", "SGD.zero_grad"])
def test_a_name_leads_to_its_lines(page, site, name):
    entry = re.search(rf'<dt [^>]*id="funcdl.{name}">.*?</dt>', page("api/names"), re.S)[0]
    place = re.search(r'href="\.\./(_modules/\S+)#(\S+)"><span class="viewcode-link"', entry)
    text = (site / place[1]).read_text(encoding="utf-8")
    lines = re.search(rf'<div class="viewcode-block" id="{place[2]}">(.*?)</div>', text, re.S)[1]
    plain = re.sub(r"<[^>]+>", "", lines).partition("[docs]")[2].strip()
    last = name.rpartition(".")[2]
    assert re.match(rf"(@\w+\n)?(def|class)? ?{last}\b", plain)
    assert '<span class="k">def</span>' in text  # in colours


def test_a_signature_has_its_types_a_line_each(page):
    entry = re.search(r'<dt [^>]*id="funcdl.linear">.*?</dt>', page("api/names"), re.S)[0]
    lines = re.findall(r"<dd>(.*?)</dd>", entry, re.S)
    plain = [re.sub(r"<[^>]+>", "", line) for line in lines]
    assert any(re.match(r"out\w*: int", line) for line in plain), plain
    assert (
        "Layer[Affine, Tensor, Tensor]" in unescape(re.sub(r"<[^>]+>", "", entry)).partition("→")[2]
    )


def test_a_long_page_begins_with_its_sections(page):
    text = page("long")
    listed = re.search(r'<div class="on-this-page.*?</div>', text, re.S)[0]
    assert re.findall(r'href="#([\w-]+)"', listed) == ["one", "two-code", "three", "four", "five"]
    assert text.index("It begins") < text.index("on-this-page") < text.index('<section id="one"')


def test_a_page_of_the_reference_begins_with_its_names(page):
    text = page("api/names")
    listed = re.search(r"<table[^>]*on-this-page-names.*?</table>", text, re.S)[0]
    assert re.findall(r'href="#([\w.-]+)"', listed) == [
        *("layers", "funcdl.linear", "funcdl.relu", "funcdl.Affine"),
        *("errors", "funcdl.InputError", "funcdl.KindError", "funcdl.ShapeError"),
        *("optimisers", "funcdl.SGD"),
    ]


def test_the_version_the_index_and_the_search_are_there(page, site):
    assert f"funcdl {funcdl.__version__}" in re.search(r"<title>.*?</title>", page("long"), re.S)[0]
    assert 'href="api/names.html#funcdl.relu"' in page("genindex")
    assert "genindex.html" in page("long")
    assert '"funcdl"' in (site / "searchindex.js").read_text(encoding="utf-8")
    assert 'src="searchindex.js"' in page("search")


def test_what_is_copied_has_no_prompts(page, site):
    assert "_static/copybutton.js" in page("long")
    script = (site / "_static" / "copybutton.js").read_text(encoding="utf-8")
    assert r">>> |\\.\\.\\. " in script


def test_the_extensions_do_what_their_docstrings_show(docs):
    import mathml
    import offline
    import sources

    assert [doctest.testmod(module).attempted for module in (mathml, offline, sources)] == [1, 2, 2]


def test_a_formula_that_cannot_be_translated_is_not_passed_over(docs):
    import mathml
    from docutils.utils.math import MathError

    with pytest.raises(MathError, match="nonsense"):
        mathml.mathml(r"\nonsense{x}")


def test_an_example_is_run_and_one_that_fails_is_not_passed_over(docs, monkeypatch, tmp_path):
    import ran

    monkeypatch.setattr(ran, "ROOT", tmp_path)
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "good.py").write_text("print('1 ± 2')\n", encoding="utf-8")
    (tmp_path / "examples" / "bad.py").write_text("raise SystemExit('no digits')\n")
    assert ran.output("good.py") == "1 ± 2"
    with pytest.raises(RuntimeError, match=r"bad\.py ended with 1: no digits"):
        ran.output("bad.py")


def test_every_example_that_takes_seconds_is_on_its_page(docs):
    import ran

    shown = ran.FENCE.findall((DOCS / "examples.md").read_text(encoding="utf-8"))
    assert sorted([*shown, "leaking_swap.py", "on_cuda.py"]) == sorted(
        path.name for path in (ROOT / "examples").glob("*.py")
    )


def test_the_lines_that_install_are_those_of_the_readme():
    page = (DOCS / "install.md").read_text(encoding="utf-8")
    project = (ROOT / "README.md").read_text(encoding="utf-8")
    (torch,) = re.findall(r"^torch==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
    for text in (page, project):
        assert set(re.findall(r"torch==([\d.]+)", text)) == {torch}
        assert "uv pip install -p .venv --torch-backend cpu" in text
        assert "python3 -m venv .venv" in text
