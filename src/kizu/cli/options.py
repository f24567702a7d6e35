"""Options that are not a plain number or word."""

import re
from typing import Any

import click


class Size(click.ParamType[tuple[int, int]]):
    """WIDTHxHEIGHT in pixels, as (width, height)."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        found = re.fullmatch(r"([1-9]\d*)[x×]([1-9]\d*)", str(value), re.IGNORECASE)
        if not found:
            self.fail(f"{value!r} is not a size such as 320x240", param, ctx)
        return int(found[1]), int(found[2])


class Noise(click.ParamType[float | str | None]):
    """auto, none or a number."""

    name = "auto|none|σ"
    words: dict[str, str | None] = {"auto": "auto", "none": None}  # noqa: RUF012 (click's own style)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in self.words:
            return self.words[value]
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is not auto, none or a number", param, ctx)
