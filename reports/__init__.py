"""Figures, LaTeX and PDF of a stored run; nothing here trains or measures, and importing it never imports JAX."""

from reports.build import Built, build_report
from reports.content import Content
from reports.document import document
from reports.figures import FIGURES, Plot
from reports.panels import NotRecorded

__all__ = ["FIGURES", "Built", "Content", "NotRecorded", "Plot", "build_report", "document"]
