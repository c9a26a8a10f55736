"""The page to draw on, as far as it goes without a browser: what is in it, and the command."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
import torch
from command import ask as run

from funcdl import tree
from pairs.canvas.page import SCRIPTS, draw_page
from pairs.champion import champion
from pairs.drawn.doubt import knower, least
from pairs.models import MODELS, SURER

VOID = {"meta", "br", "link", "img", "input", "hr"}
LOADS = {"src", "href", "srcset", "action", "data", "poster", "style"}


class Read(HTMLParser):
    """What a page has: its tags with their attributes, and the text of each that has an id."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.texts = [], [], {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes).get("id", tag)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open:
            name = self.open[-1][1]
            self.texts[name] = self.texts.get(name, "") + data


@pytest.fixture(scope="module")
def page():
    return draw_page()


@pytest.fixture(scope="module")
def read(page):
    return Read(page)


@pytest.mark.parametrize(("name", "made"), [("champion", champion), ("knower", knower)])
def test_the_parameters_are_those_of_the_package(read, tmp_path, name, made):
    load = pytest.importorskip("safetensors.torch", reason="needs the extra compare").load
    found = load(base64.b64decode(read.texts[name], validate=True))
    params = made().params if name == "champion" else made()
    wanted = tree.to_dict(params)
    assert found.keys() == wanted.keys()
    for key, leaf in wanted.items():
        torch.testing.assert_close(found[key].float(), leaf, rtol=0, atol=0)


def test_every_parameter_is_used_by_name(read):
    """Those of the champion's layers and the knower's, which the script names one by one."""
    script = read.texts["script"]
    for params in (champion().params[0], knower()):
        for key in tree.to_dict(params):
            place, name = key.split(".")
            assert f'"{key}"' in script or f"normed({place})" in script, name


def test_the_settings_are_those_of_the_model(read):
    settings = json.loads(read.texts["settings"])
    assert settings == {"surer": SURER, "least": least()._asdict()}
    assert f"({SURER})" in repr(MODELS["champion"].net)


def test_the_page_is_whole_and_loads_nothing(page, read):
    assert page.startswith("<!DOCTYPE html>")
    assert read.open == []
    for tag, attributes in read.tags:
        assert not LOADS & attributes.keys(), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes)
    words = page.replace(read.texts["champion"], "").replace(read.texts["knower"], "")
    assert not re.search(
        r"https?:|//[a-z]|@import|url\(|\bfetch\(|XMLHttp|WebSocket|import\(", words
    )
    assert "$" not in words.replace("${", "")
    assert len(page.encode()) < 400_000
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    about = dict(enumerate(attributes for tag, attributes in read.tags if tag == "section"))
    for attributes in about.values():
        assert attributes.get("aria-labelledby") in {None, *ids}


def test_the_policy_lets_this_script_run_and_no_other(read):
    (policy,) = (
        a["content"]
        for t, a in read.tags
        if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(read.texts["script"].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )


def test_every_script_is_in_it_once(read):
    there = {entry.name for entry in files("pairs.canvas").iterdir() if entry.name.endswith(".js")}
    assert there == set(SCRIPTS)
    assert len(SCRIPTS) == len(there)
    for name in SCRIPTS:
        assert read.texts["script"].count((files("pairs.canvas") / name).read_text("utf-8")) == 1


def test_the_command_writes_the_page(tmp_path, monkeypatch, page):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("draw")
    assert (code, out) == (0, "draw.html\n")
    assert err == "This is the page: open it in a browser, on a phone too.\n"
    assert (tmp_path / "draw.html").read_text("utf-8") == page
    path = tmp_path / "in" / "a folder" / "digits.html"
    assert run("draw", "--out", path, "--quiet") == (0, f"{path}\n", "")
    assert path.read_text("utf-8") == page


def test_an_earlier_page_is_written_anew_and_another_file_is_left_alone(tmp_path):
    path = tmp_path / "draw.html"
    path.write_text("<!DOCTYPE html>mine")
    code, out, err = run("draw", "--out", path)
    assert (code, out) == (2, "")
    assert err == (
        f"Error: {path}: expected no file, or an earlier page of this command; got something else\n"
    )
    assert path.read_text() == "<!DOCTYPE html>mine"
    path.unlink()
    assert run("draw", "--out", path).code == 0
    whole = path.read_text("utf-8")
    path.write_text(whole.replace("</main>", "<p>of an earlier version</p></main>"), "utf-8")
    code, out, err = run("draw", "--out", path)
    assert code == 0
    assert "It was there already and is written anew." in err
    assert path.read_text("utf-8") == whole


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    code, out, err = run("draw", "--out", tmp_path)
    assert (code, out) == (2, "")
    assert err == f"Error: {tmp_path}: expected a file that can be written, got: Is a directory\n"
    (tmp_path / "file").touch()
    code, _, err = run("draw", "--out", tmp_path / "file" / "draw.html")
    assert code == 2
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
