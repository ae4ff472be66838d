"""The report as files: complete, the same twice and in another process, with and without TeX."""

import dataclasses
import json
import os
import re
import subprocess
import sys
import zlib
from datetime import datetime
from pathlib import Path

import pytest
import small_report
from small_report import digests

from bnverify.empirical import load_run
from bnverify.errors import InputError
from bnverify.reports import build_report
from bnverify.reports.chapters.content import Content
from bnverify.reports.chapters.run_report import run_report
from bnverify.reports.document.audited import is_shown
from bnverify.reports.document.blocks import Paragraph
from bnverify.reports.figures import style
from bnverify.reports.figures.catalogue import FIGURES, drawings
from bnverify.reports.output import pdf, tex
from bnverify.reports.output.build import build, picture
from bnverify.reports.output.convert import convert
from bnverify.reports.output.formats import outputs
from bnverify.reports.output.markdown import markdown
from bnverify.theory import AUDIT, CLAIMS, NORMALIZERS, REFERENCES

ROOT = Path(__file__).parents[3]
needs_tex = pytest.mark.skipif(tex.engine() is None, reason="no pdflatex on this machine")


def source_of(built, kind):
    """The file of one of a report's texts."""
    return built.also[kind] if kind in built.also else getattr(built, kind)


def text_of(pdf, *options):
    """The words of a PDF, as a reader program finds them."""
    done = subprocess.run(["pdftotext", *options, str(pdf), "-"], capture_output=True, check=True)
    return re.sub(r"\s+", " ", done.stdout.decode().replace("\u200b", ""))


def objects_of(pdf):
    """A PDF's bytes, and the objects that it keeps in compressed streams."""
    raw = pdf.read_bytes()
    packed = re.findall(rb"/Type ?/ObjStm\b.*?\bstream\r?\n(.*?)endstream", raw, re.DOTALL)
    return b"\n".join([raw, *(zlib.decompressobj().decompress(one) for one in packed)])


def flat(source):
    """HTML, LaTeX or Markdown without marks, breaks and escapes."""
    marks = r"<(?:/?[a-zA-Z][^<>]*|!--[^<>]*--)>|\\allowbreak\{\}|\\_"
    source = re.sub(marks, lambda m: "_" if m[0] == r"\_" else "", source)
    return re.sub(r"\s+", " ", source.replace("\\", ""))


def test_every_claim_record_normalizer_and_reference_is_in_all_three(built):
    sources = [flat(source_of(built, kind).read_text()) for kind in ("markdown", "tex", "html")]
    shown = [key for key, record in AUDIT.items() if is_shown(record)]
    assert len(shown) > 20
    for key in (*CLAIMS, *shown, *NORMALIZERS):
        assert all(key in source for source in sources), key
    for reference in REFERENCES.values():
        assert all(reference.split(".")[0] in source for source in sources), reference


def test_numbers_of_sections_and_figures_are_the_same_in_all_three(built):
    found = [
        re.findall(r"(?m)^#{1,3} (.*?) \{#(.*?)\}$", built.markdown.read_text()),
        re.findall(r'<h[1-3]\s+id="(.*?)">(.*?)</h', built.html.read_text(), re.S),
        re.findall(r"\\(?:sub)*section\{(?:\\texorpdfstring\{)?(.*)\}\\label\{(.*?)\}", built.also["tex"].read_text()),
    ]
    first = [(anchor, title.split()[0]) for title, anchor in found[0]]
    assert len(first) > 90 and len({number for _, number in first}) > 80
    assert [(anchor, flat(title).split()[0]) for anchor, title in found[1]] == first
    assert [(anchor, title.split()[0]) for title, anchor in found[2]] == first
    for kind in ("markdown", "tex", "html"):
        numbered = re.findall(r"Figure (\d+): ", flat(source_of(built, kind).read_text()))
        assert list(dict.fromkeys(map(int, numbered))) == list(range(1, 1 + len(set(numbered)))), kind
        assert len(set(numbered)) >= 8


@pytest.mark.skipif(not Path("/usr/bin/pdftotext").exists(), reason="no pdftotext")
def test_the_pdf_has_contents_links_bookmarks_and_no_picture_of_letters(built):
    assert built.engine == (tex.engine() or "typst"), built.note  # a report.tex that fails must not hide behind Typst
    objects = objects_of(built.pdf)
    assert len(re.findall(rb"/Subtype ?/Link\b", objects)) > 100
    assert b"/Outlines" in objects
    assert not re.search(rb"/Subtype ?/Image\b", objects)
    words = text_of(built.pdf)
    for said in ("What is true about batch normalisation", "Contents", "Table 1:", "Figure 1:", "References",
                 "Counterexample:", "What was not tested."):  # fmt: skip
        assert said in words, said
    first = text_of(built.pdf, "-l", "2")
    assert "Table 1:" in first and "Figure 1:" in first and "Figure 2:" in first and "not tested" in first


@pytest.fixture(scope="module")
def told(tiny_run):
    """The report as a document, and the names of its figures."""
    found, missing = drawings(tiny_run)
    pictures = {drawing.name: picture(drawing) for drawing in found}
    return run_report(Content(tiny_run), pictures, missing), list(pictures)


@pytest.mark.skipif(not Path("/usr/bin/pdftotext").exists(), reason="no pdftotext")
@pytest.mark.parametrize(("lines", "fits"), [pytest.param(0, True, marks=pytest.mark.slow), (3, True), (60, False)])
def test_the_first_two_pages_hold_with_room_for_three_lines_more(built, told, tmp_path, lines, fits):
    """What is told first takes another number of lines for every run; the contents stand on page 3."""
    document, pictures = told
    longer = [Paragraph("A line more. " * 9 * lines)] if lines else []
    source = markdown(
        dataclasses.replace(document, front=[*longer, *document.front]),
        {name: f"figures/{name}.svg" for name in pictures},
    )
    file = tmp_path / "report.pdf"
    file.write_bytes(pdf.pdf(pdf.typst_source(source), built.pdf.parent))
    third = text_of(file, "-f", "3", "-l", "3")
    assert bool(re.match(r"(What is true about .* seed \d+ )?Contents\b", third.strip())) == fits, third[:300]


@pytest.mark.skipif(not Path("/usr/bin/pdftotext").exists(), reason="no pdftotext")
def test_a_caption_stands_on_the_page_on_which_its_table_begins(tmp_path):
    table = "| layer | share |\n| :-- | --: |\n" + "| conv1 | 1 |\n" * 8 + "\n: **Table 1:** What it says.\n"
    pages = set()
    for lines in range(38, 46):
        file = tmp_path / "report.pdf"
        file.write_bytes(pdf.pdf(pdf.typst_source("---\ntitle: T\n---\n\n" + "A line.\n\n" * lines + table), tmp_path))
        told = [page for n in "12" if "What it says." in (page := text_of(file, "-f", n, "-l", n))]
        assert len(told) == 1 and "layer" in told[0], lines
        pages.add("A line." in told[0])
    assert pages == {True, False}


def test_the_same_run_gives_the_same_bytes_here_and_in_another_process(tiny_run, small, tmp_path):
    here = build_report(load_run(tiny_run.path), tmp_path / "here", also=["tex"])
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = subprocess.run(
        [sys.executable, small_report.__file__, str(tiny_run.path), str(tmp_path / "there")],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert digests(here)["note"] == "" or tex.engine() is None
    assert json.loads(done.stdout.splitlines()[-1]) == digests(here)
    assert {Path(name).suffix for name in digests(here)} >= {".md", ".tex", ".pdf", ".html", ".svg"}


def test_a_random_name_a_date_or_an_unordered_set_would_be_found(tiny_run, monkeypatch):
    """What the test above has to notice does change the bytes."""
    figure = FIGURES["training"](tiny_run)
    before = style.pdf_bytes(figure)
    assert style.svg_text(figure) == style.svg_text(FIGURES["training"](tiny_run))
    assert style.pdf_bytes(figure) == before
    monkeypatch.setattr(style, "SALT", None)  # matplotlib then draws the names inside an SVG at random
    assert style.svg_text(figure) != style.svg_text(figure)
    monkeypatch.setattr(style, "METADATA", {**style.METADATA, "CreationDate": datetime(2026, 1, 1)})
    assert style.pdf_bytes(figure) != before


def test_without_tex_report_tex_is_there_and_the_pdf_is_typst_s(tiny_run, small, tmp_path, monkeypatch):
    monkeypatch.setitem(outputs(), "tex", dataclasses.replace(tex.OUTPUT, engine=lambda: None))
    found = build_report(load_run(tiny_run.path), tmp_path / "a", also=["tex"])
    assert found.engine == "typst" and "No program was found that sets report.tex" in found.note
    assert found.also["tex"].exists() and (tmp_path / "a" / "figures" / "training.pdf").exists()
    plain = build_report(load_run(tiny_run.path), tmp_path / "b")
    assert plain.also == {} and plain.note == "" and not (tmp_path / "b" / "report.tex").exists()
    assert plain.pdf.read_bytes() == found.pdf.read_bytes()
    assert not list((tmp_path / "b" / "figures").glob("*.pdf"))


def test_what_has_no_spaces_may_break_in_tex():
    """Code, names of modules and hashes; taking the breaks out gives the same text."""
    code = r"`\frac{\partial f((aW)u)}{\partial(aW)} = x_i^2`"
    name = r"FunctionalExtensionality.functional\_extensionality\_dep"
    source = f"Text: {code}; axioms: {name}; SHA-256 {'0123456789abcdef' * 4}. See figure 4.1.\n"
    latex = tex.tex(source)
    line = next(line for line in latex.splitlines() if "Text:" in line)
    longest = max(re.split(r"\\allowbreak\{\}| ", line), key=len)
    assert line.count("0123456789abcdef" + r"\allowbreak{}") == 3
    assert r"functional\_\allowbreak{}extensionality\_\allowbreak{}dep" in line and "4.1" in line
    assert len(longest) < 30, longest
    plain, broken = (text.replace(r"\allowbreak{}", "") for text in (convert(source, "latex", "report.tex"), latex))
    assert plain == broken and line.count(r"\allowbreak{}\allowbreak{}") == 0


@needs_tex
@pytest.mark.slow
def test_a_plain_tex_sets_report_tex_without_overfull_lines(built):
    printed, log = tex.compile_tex(built.also["tex"].parent, tex.engine())
    assert printed.startswith(b"%PDF")
    assert not re.findall(r"Overfull \\hbox \((?:[3-9]\d|\d{3,})\.\d+pt", log)
    assert "undefined" not in log.lower().replace("undefined references", "")


@needs_tex
def test_tex_that_fails_is_said_to_and_the_pdf_is_there(tiny_run, small, tmp_path, monkeypatch):
    wrong = dataclasses.replace(
        tex.OUTPUT, text=lambda markdown: r"\documentclass{article}\begin{document}\nonsense\end{document}"
    )
    monkeypatch.setitem(outputs(), "tex", wrong)
    found = build_report(load_run(tiny_run.path), tmp_path, also=["tex"])
    assert found.engine == "typst" and "Undefined control sequence" in found.note


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match=r"the format 'docx'\nexpected: one of tex"):
        build(tmp_path / "report", None, (), also=["tex", "docx"])
    assert not (tmp_path / "report").exists()
