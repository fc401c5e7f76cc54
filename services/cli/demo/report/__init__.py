"""The demo's report: one HTML file that needs nothing else, with pictures, readable without seeing them."""

from services.cli.demo.report.page import render

__all__ = ["render"]
