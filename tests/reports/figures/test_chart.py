"""What is drawn are the numbers of the chart, in the look of its roles; nothing of a user's settings gets in."""

import invented
import matplotlib
import numpy as np
import pytest
import stored
from sampled import sampled

from bnverify.reports.figures import chart, style
from bnverify.reports.figures.catalogue import FIGURES, drawings
from bnverify.reports.figures.chart import Chart, Curve, Panel
from bnverify.reports.figures.overlays import overlays

STEPS = np.arange(4)
VALUES = np.array([np.nan, 1.0, 10.0, 30.0])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return stored.store(tmp_path_factory.mktemp("runs") / "vgg", stored.configuration())


def drawn(**changes):
    curves = (
        Curve("bn", "bound", "line", STEPS, VALUES, VALUES / 2, VALUES * 2),
        Curve("plain", "measured", "marks", STEPS, 3 * VALUES),
    )
    panel = Panel("conv1", curves, **({"scale": "log", "rules": (5.0,), "marks": (("plain", 2),)} | changes))
    one = Chart((panel, panel), 2, (("bound, with", "bn", "line"), ("measured", "plain", "marks")), "an axis (no unit)")
    with style.look():
        canvas = style.new_figure(6.0)
        chart.draw(one, canvas)
    return canvas


def test_every_curve_is_drawn_with_its_values_and_look():
    canvas = drawn()
    axes = canvas.axes[0]
    line, marks, rule, mark = axes.lines
    np.testing.assert_array_equal(line.get_ydata(), VALUES)
    np.testing.assert_array_equal(marks.get_ydata(), 3 * VALUES)
    assert (line.get_color(), line.get_linestyle(), line.get_marker()) == (style.COLOURS["bn"], "-", "None")
    assert (marks.get_linestyle(), marks.get_marker(), marks.get_markerfacecolor()) == ("None", "s", "white")
    assert list(rule.get_ydata()) == [5.0, 5.0] and list(mark.get_xdata()) == [2, 2]
    (area,) = axes.collections
    heights = area.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.5, 60.0)
    assert axes.get_yscale() == "log" and axes.get_title() == "conv1"
    assert canvas.get_supylabel() == "an axis (no unit)" and "step" in canvas.get_supxlabel()
    assert [text.get_text() for text in canvas.legends[0].get_texts()] == ["bound, with", "measured"]
    assert drawn(scale="linear").axes[0].get_yscale() == "linear"


def test_panels_of_one_axis_have_the_same_limits_and_a_fixed_one_is_kept():
    first, second = drawn(scale="linear", limits=(-1.0, 80.0)).axes
    assert first.get_ylim() == second.get_ylim() == (-1.0, 80.0)


@pytest.mark.parametrize("name", sampled(sorted(set(FIGURES) - {"residuals"}), 3))
def test_every_figure_is_drawn_the_same_twice_and_its_axes_are_named(name, run):
    if name.startswith(("theorem", "alignment", "initialisation", "subtracted")):
        run = invented.quantities(run)
    if name in ("rotation", "epsilon-share", "effective-rates"):
        run = invented.steps(run)
    figure = FIGURES[name](run)
    texts = [axes.get_ylabel() for axes in figure.axes] + [figure.get_supylabel(), figure.get_supxlabel()]
    words = ("unit)", "nats)", "share", "fraction", "distance", "norm", r"\hat{H}")
    assert any(word in text for word in words for text in texts), texts
    assert any("step" in text for text in [*texts, *(axes.get_xlabel() for axes in figure.axes)])
    assert style.svg_text(figure) == style.svg_text(FIGURES[name](run))


def test_a_run_without_records_has_no_figure_and_says_why(tmp_path):
    run = stored.store(tmp_path / "run", stored.configuration())
    for name in ("exact", "inline", "curves", "landscape", "shift", "activations"):
        run.__dict__[name] = {}
    found, missing = drawings(run)
    assert found == [] and set(missing) == set(FIGURES)
    assert all("recorded" in reason or "tested" in reason for reason in missing.values())


def test_the_two_networks_differ_in_grey():
    def grey(colour):
        red, green, blue = matplotlib.colors.to_rgb(colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    assert abs(grey(style.COLOURS["bn"]) - grey(style.COLOURS["plain"])) > 0.25
    assert style.LINES["bn"] != style.LINES["plain"]
    assert style.MARKERS["bn"] != style.MARKERS["plain"]


@pytest.mark.parametrize("span", [1.01, 1.5, 4.0, 50.0, 1e6])
def test_a_short_logarithmic_axis_has_ticks(span):
    with style.look():
        axes = style.new_figure(5.0).subplots()
        chart.short_log_axis(axes, [np.array([3.0, 3.0 * span]), np.array([np.nan, -1.0])])
        low, high = axes.get_ylim()
        ticks = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert low <= 3.0 and high >= 3.0 * span
    assert 2 <= len(ticks) <= 8, ticks


def test_panels_fill_their_grid():
    assert [chart.columns(count) for count in (1, 10, 12, 24, 25)] == [1, 5, 4, 6, 5]


def test_settings_of_a_user_change_nothing(run):
    """A matplotlibrc with TeX and large letters; without the look's own defaults the drawing would need TeX."""
    before = style.svg_text(FIGURES["training"](run))
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "axes.facecolor": "black", "lines.marker": "x"}):
        assert style.svg_text(FIGURES["training"](run)) == before
        assert matplotlib.rcParams["text.usetex"]  # and the user's settings are theirs again


def test_any_name_of_a_run_is_drawn_as_it_is(run, tmp_path):
    names = ("seed_1", "costs $5 or $x^2", "Überlänge é")
    other = stored.store(tmp_path / "other", stored.configuration(learning_rate=0.5), seed=4)
    lines = dict(zip(names, ([run], [other], [other]), strict=True))
    found, missing = overlays(lines)
    assert not set(missing) - {"theorem-4.1"}
    figure = next(one for one in found if one.name == "final").figure()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [name.replace("$", r"\$") for name in names]
    with style.look():
        text = figure.text(0, 0, labels[1])
        assert matplotlib.cbook.is_math_text(labels[1].replace(r"\$", "$"))  # unescaped it would be a formula
        assert text._preprocess_math(labels[1])[1] is False
    style.svg_text(figure)  # a letter that the font lacks would warn, and warnings are errors
