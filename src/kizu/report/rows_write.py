"""The page of a table: report/index.html."""

from pathlib import Path

from kizu.files import write_bytes, write_text
from kizu.io.results import Saved
from kizu.report.rows_page import rows_context
from kizu.report.write import STATIC, static, sweep, templates
from kizu.typing import Floats


def write_rows_report(saved: Saved, *, shares: Floats, values: Floats) -> Path:
    """Write the page of a table into its results folder; returns the page's path.

    `shares` (rows, columns) is what each column has to do with a row's score, `values` the table itself. The same
    folder gives the same bytes.
    """
    assets = saved.folder / "report" / "assets"
    for name in STATIC:
        write_bytes(assets / name, static(name))
    sweep(assets, STATIC)
    page = saved.folder / "report" / "index.html"
    write_text(page, templates().get_template("rows.html").render(rows_context(saved, shares, values)))
    return page
