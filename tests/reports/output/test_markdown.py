"""One content in three formats: every block, every number and any character comes out of pandoc as it went in."""

import json
import subprocess

import pytest

from bnverify.reports.document.blocks import (
    Cite,
    Contents,
    Display,
    Document,
    Emphasis,
    Facts,
    Fold,
    Key,
    Link,
    Listing,
    PageBreak,
    Paragraph,
    Picture,
    Section,
    Statement,
    Strong,
    Table,
    numbers,
)
from bnverify.reports.document.prose import verbatim
from bnverify.reports.output.convert import convert, pandoc
from bnverify.reports.output.markdown import FORMAT, Writer, inline, markdown, plain
from bnverify.reports.output.pdf import typst_source

NASTY = (
    "seed_1", "a$b$c", "Überlänge é", "x^2 ~y~ **b** *i* `c`", "# no heading", "1. no list", "- no item", "(a) no list",
    "<b>no tag</b> & so", "[no link](x) ![no](y)", "{#id .class}", "a | b", "@cite [@x]", '"quoted" \'one\' -- ... ---',
    "100% & more_$x$", "\\alpha \\\\ \\$", "::: div", "> quote", "| line", "+ item", ": term", "=== ---", "http://x.y",
    "a\\_b", "$5 and $6", "~~~", "```", "---",
)  # fmt: skip


def words(text):
    """What pandoc reads in the Markdown of a text: words, spaces as one, everything else by its name."""
    done = subprocess.run(
        [pandoc(), f"--from={FORMAT}", "--to=json"], input=text.encode(), capture_output=True, check=True
    )
    blocks = json.loads(done.stdout)["blocks"]

    def read(inlines):
        for one in inlines:
            kind, content = one["t"], one.get("c")
            yield content if kind == "Str" else " " if kind in ("Space", "SoftBreak") else f"<{kind} {content}>"

    assert [block["t"] for block in blocks] == ["Para"], blocks
    return "".join(read(blocks[0]["c"]))


@pytest.mark.parametrize("text", NASTY)
def test_any_text_comes_out_as_it_went_in(text):
    writer = Writer({}, {})
    assert words(writer.block(Paragraph(verbatim(text)))) == text
    assert words(writer.text((Strong(verbatim(text)),))).startswith("<Strong ")
    assert code(writer.text((Key(text),))) == text


def code(text):
    """The one piece of code in a paragraph."""
    done = subprocess.run(
        [pandoc(), f"--from={FORMAT}", "--to=json"], input=f"x{text}".encode(), capture_output=True, check=True
    )
    (block,) = json.loads(done.stdout)["blocks"]
    return block["c"][1]["c"][1]


def test_unescaped_it_would_not():
    changed = 0
    for text in ("a_b_ *i*", "# head", "1. item", "<b>x</b>"):
        try:
            changed += words(text) != text
        except AssertionError:
            changed += 1
    assert changed == 4


def test_mathematics_is_left_alone():
    assert inline(r"is $a_1 \le b^*$, not a_1") == r"is $a_1 \le b^*$, not a\_1"
    assert words(inline(r"$x$5")).startswith("<Math ")
    assert "$" not in plain(r"The sign of $a = \langle \hat{y}, g\rangle$")
    assert plain(r"costs \$5") == "costs $5"


def document():
    deep = Section("Deep", "section:deep", [Paragraph(("See ", Link("figure:one", "this", number=True), "."))])
    table = Table(("a", "n"), [((Key("x-1"),), "$10^{-3}$"), ("|x|", "2")], (3, 1), "lr", "What it says.", "table:one")
    return Document(
        "Title & co", "Sub", "Who", [Paragraph("front", lead="Lead:"), Contents(), PageBreak()],
        [
            Section("First", "section:first", [
                table, Display((r"\lVert v\rVert^2", r"\le \frac{a}{b}\Bigl(c", r"+ d\Bigr)")), deep,
                Fold("Proof", [Paragraph("Inner."), Display(("x = y",))]), Statement([Paragraph("Claimed.")]),
                Facts(["one", (Emphasis("two"), Strong("three"))]), Listing("bnverify run\n  --seed 1"),
                Paragraph((Cite("Known 2018"), Link("section:last", "last", number=True)), small=True),
            ]),
            Section("Second", "section:second", [Picture("one", "A picture", r"With $x_1$ in 50 %.")]),
            Section("Last", "section:last", [Table((), [("k", "v")], (1, 2))], appendix=True),
        ],
        [("Known 2018", "K. Nown. Title_1. 2018.")],
    )  # fmt: skip


def source():
    return markdown(document(), {"one": "figures/one.svg"})


def test_sections_figures_and_tables_are_numbered_once_for_all_formats():
    assert numbers(document()) == {
        "section:first": "1", "section:deep": "1.1", "section:second": "2", "section:last": "A",
        "figure:one": "Figure 1", "table:one": "Table 1",
    }  # fmt: skip


def test_three_formats_say_the_same():
    shown = {
        "html": convert(source(), "html5", "report.html", {"look": "", "script": ""}),
        "latex": convert(source(), "latex", "report.tex"),
        "typst": typst_source(source()),
    }
    for text in shown.values():
        flat = " ".join(text.replace("~", " ").replace("\u00a0", " ").replace("\\", "").split())
        for said in ("1 First", "1.1 Deep", "Appendix A Last", "Table 1", "Figure 1", "Claimed.", "Inner.", "front",
                     "bnverify run", "section A", "Known 2018", "K. Nown. Title", "A picture"):  # fmt: skip
            assert said in flat, said
    assert shown["html"].count("<math") == 6 and "<details" in shown["html"] and "<summary>Proof" in shown["html"]
    assert r"\begin{display}" in shown["latex"] and r"\Bigl(" in shown["latex"] and "one.pdf" in shown["latex"]
    assert r"\texttt{x-\allowbreak{}1}" in shown["latex"]
    assert "stretch(\\(, size: #180%)" in shown["typst"] and "#scale" not in shown["typst"]
    assert 'alt="Figure 1: A picture"' in shown["html"]


def test_a_formula_that_pandoc_cannot_read_is_an_error():
    with pytest.raises(RuntimeError, match="frac"):
        convert(r"A $\frac{a$ b.", "html5", "report.html", {"look": "", "script": ""})
    with pytest.raises(KeyError, match="one"):  # and so is a figure without its file
        markdown(document(), {})


def test_letters_that_tex_has_not_are_named():
    told = convert("α é `β`", "latex", "report.tex")
    assert "U+03B1" in told and "U+03B2" in told and "é" in told and "α" not in told
    assert "α" in convert("α é", "html5", "report.html")


def test_a_label_that_is_nowhere_is_an_error():
    lost = Document("T", "", "", [Paragraph((Link("section:gone", "there", number=True),))], [])
    with pytest.raises(KeyError, match="gone"):
        markdown(lost, {})
