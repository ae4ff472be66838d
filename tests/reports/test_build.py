"""The report as a whole: complete, reproducible, honest about what failed, and there without TeX."""

import re
import shutil

import matplotlib
import numpy as np
import pytest
import small_report
import stored
import xarray as xr

from bnverify.empirical.judgement.verdict import verify
from bnverify.empirical.runs.records import load_run, write_dataset
from bnverify.reports import build, build_report, style
from bnverify.reports.content import Content
from bnverify.reports.figures import FIGURES
from bnverify.reports.pages import Pages
from bnverify.reports.prose import prose, to_latex
from bnverify.reports.tex import label
from bnverify.reports.wording import scientific, tightness, whole
from bnverify.theory import AUDIT, CLAIMS, NORMALIZERS, REFERENCES

needs_tex = pytest.mark.skipif(build.tex_engine() is None, reason="no pdflatex on this machine")


def altered(run, folder, kind, network, change):
    """A copy of a run in which ``change`` was applied to every record of one kind and network."""
    shutil.copytree(run.path, folder, ignore=shutil.ignore_patterns("checkpoints", "report"))
    for file in (folder / "records" / network).glob(f"{kind}-*.nc"):
        with xr.open_dataset(file, engine="scipy") as stored:
            data = stored.load()
        write_dataset(file, change(data))
    return load_run(folder)


@pytest.fixture(scope="session")
def tex(tiny_run, tex_of):
    return tex_of(tiny_run)


def test_every_audit_record_and_normaliser_is_in_the_report(tex):
    chapter = tex[tex.index(r"\section{What is printed") : tex.index(r"\section{The run}")]
    plain = chapter.replace(r"\allowbreak{}", "")
    for key, record in AUDIT.items():
        entry = plain[plain.index(rf"\label{{{label(f'audit:{key}')}}}") :].split(r"\end{minipage}")[0]
        assert rf"\texttt{{{key}}} · " in entry
        assert to_latex(prose(record.source.place)) in entry
        assert to_latex(prose(record.remark)) in entry
        assert (r"\textit{Counterexample:}" in entry) == (record.counterexample is not None), key
        assert rf"\texttt{{{record.corrected[0]}}}" in entry
        assert any(rf"\texttt{{{key}}}" in row and record.verdict.value in row for row in plain.split(r"\\")), key
    for name in NORMALIZERS:
        assert plain.count(rf"\texttt{{{name}}} &") == 2


def test_every_claim_and_reference_is_in_the_report(tex):
    for key, claim in CLAIMS.items():
        assert rf"\label{{{label(f'claim:{key}')}}}" in tex
        assert to_latex(prose(claim.title)) in tex
    for text in REFERENCES.values():
        assert to_latex(text) in tex


def rows_between(tex, start, end):
    """The rows of all tables between two headings, without line breaks inside keys."""
    part = tex[tex.index(start) : tex.index(end)]
    return [re.sub(r"\s+", " ", row) for row in part.replace(r"\allowbreak{}", "").split(r"\\")]


def test_every_number_of_every_verdict_of_a_tested_claim_is_in_the_table(tex, tiny_run):
    rows = rows_between(tex, r"\subsection{Measured on this run}", r"\subsection{Proved, not measured")
    tested = {verdict.key for verdict in verify(tiny_run) if verdict.points}
    assert len(tested) >= 20
    for verdict in (verdict for verdict in verify(tiny_run) if verdict.key in tested):
        numbers = (verdict.points, verdict.violations)
        cells = [verdict.dtype, *map(whole, numbers), scientific(verdict.worst), tightness(verdict), verdict.status]
        assert any(" & ".join(cells) in row for row in rows), verdict


def test_every_claim_that_was_not_measured_is_listed_apart(tex, tiny_run):
    listed = " ".join(rows_between(tex, r"\subsection{Proved, not measured", r"\subsection{What is not claimed}"))
    verdicts = verify(tiny_run)
    tested = {verdict.key for verdict in verdicts if verdict.points}
    recorded = {verdict.key for verdict in verdicts}
    for key in CLAIMS:
        assert (rf"\texttt{{{key}}}" in listed) == (key not in tested), key
    for key in recorded - tested:
        assert rf"\texttt{{{key}}}}} & with" in listed, f"{key} is listed without a reason"
    content = Content(tiny_run)
    assert f"{len(CLAIMS) - len(recorded)} claims were not measured" in content.measured()
    assert content.outcome(CLAIMS[content.unmeasured()[0][1][0]]) == ["Not on this run."]


def test_a_claim_outside_its_hypotheses_is_not_tested_and_says_why(tex):
    assert r"not tested (outside the hypothesis $\varepsilon  = 0$:" in tex
    assert "No claim is violated at any point." in tex


def test_the_same_run_gives_the_same_source(tex, tex_of, tiny_run):
    assert tex == tex_of(load_run(tiny_run.path))


def test_a_tampered_record_is_a_violation_in_the_report(tiny_run, tex_of, tmp_path):
    def one_percent(data):
        return data.assign(v_v=data["v_v"] * 1.01)

    tex = tex_of(altered(tiny_run, tmp_path / "run", "exact", "bn", one_percent))
    assert "No claim is violated" not in tex
    words = r"Violations of }\texttt{theorem-\allowbreak{}4.1}{\boldmath\bfseries , with batch norm}, float64"
    assert words in tex
    assert r"{\boldmath\bfseries violated}" in tex
    section = tex[tex.index(words) :]
    assert re.search(r"\d+ & conv\d+ & \d+ & \S+ & \S+ & \$", section)


def test_names_with_special_characters_are_escaped(tiny_run, tex_of, tmp_path):
    run = altered(tiny_run, tmp_path / "run", "exact", "bn", lambda data: data)
    run.description["data"]["name"] = "my_data 50% & more $x^2$ \\input{x}"
    tex = tex_of(run)
    assert r"my\_data 50\% \& more \$x\textasciicircum{}2\$ \textbackslash{}input\{x\}" in tex
    assert "my_data" not in tex


def test_without_tex_and_with_a_diverged_network_there_is_a_readable_pdf(tiny_run, small, tmp_path, monkeypatch):
    def diverge(data):
        loss = data["loss"].where(data["step"] < 3, np.nan)
        return data.assign(loss=loss)

    def broken(data):
        late = data["step"] >= 4
        return data.map(lambda v: v.where(~late, np.nan) if v.dtype.kind == "f" else v)

    pages = []
    pdf = Pages.pdf
    monkeypatch.setattr(Pages, "pdf", lambda self, title: (pages.append(self), pdf(self, title))[1])
    altered(tiny_run, tmp_path / "once", "curves", "bn", diverge)
    run = altered(load_run(tmp_path / "once"), tmp_path / "run", "exact", "bn", broken)
    monkeypatch.setenv("PATH", "")
    result = build_report(run)
    assert result.engine == "matplotlib"
    assert "No TeX was found" in result.note
    assert result.pdf == tmp_path / "run" / "report" / "report.pdf"
    assert len(re.findall(rb"/Type /Page\b(?!s)", result.pdf.read_bytes())) == len(pages[0].pages) > 3
    first = " ".join(text.get_text() for text in pages[0].pages[0].texts)
    assert "No TeX was found" in first
    assert "diverged" in first
    assert "step 3" in first
    assert "non-finite" in result.tex.read_text()
    assert not list(result.tex.parent.rglob("*.partial"))
    shown = " ".join(text.get_text() for page in pages[0].pages for text in page.texts)
    assert "What is printed, and how it fares" in shown
    for key in (*small_report.RECORDS, *small_report.NORMALISERS, *small_report.CLAIMS):
        assert key in shown


@needs_tex
def test_tex_sets_the_report_without_overflow_or_missing_references(built):
    assert built.engine in ("latexmk", "pdflatex")
    assert built.note == ""
    again, log = build.compile_tex(built.tex.parent, built.engine)
    assert again == built.pdf.read_bytes()
    overfull = [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert all(width <= 1 for width in overfull), overfull
    assert "undefined" not in log
    assert "multiply defined" not in log
    assert "Output written on report.pdf" in log


@needs_tex
def test_when_tex_fails_the_note_quotes_its_error(built, tmp_path):
    shutil.copytree(built.tex.parent, tmp_path / "report")
    (tmp_path / "report" / "report.tex").write_text(r"\documentclass{article}\begin{document}\nonsense\end{document}")
    with pytest.raises(build.TexFailed, match="Undefined control sequence"):
        build.compile_tex(tmp_path / "report", "pdflatex")


def test_all_figures_are_written_as_vectors_with_the_same_bytes_every_time(built, tiny_run):
    folder = built.tex.parent / "figures"
    along = {name for names in stored.FIGURES.values() for name in names}  # not measured on this run
    assert {file.stem for file in folder.iterdir()} == set(FIGURES) - along
    before = dict(matplotlib.rcParams)
    for name in set(FIGURES) - along:
        written = (folder / f"{name}.pdf").read_bytes()
        assert written.startswith(b"%PDF")
        assert b"CreationDate" not in written
        assert b"/Subtype /Image" not in written
        assert style.pdf_bytes(FIGURES[name](tiny_run)) == written
    assert dict(matplotlib.rcParams) == before


def test_lemma_4_5_on_the_trained_network_is_reported(tiny_run):
    content = Content(tiny_run)
    (sentence,) = [each for each in content.observed() if each.startswith("Lemma 4.5 on the trained network")]
    ray = tiny_run.ray["plain"].isel(step=-1)
    assert f"{int(ray['acute'].sum())} of {int(ray['filters'].sum())} filters" in sentence
