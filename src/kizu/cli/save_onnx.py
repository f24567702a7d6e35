"""`kizu save-onnx`: a trained network as one file that needs no torch."""

import click

from kizu.cli import debug_option
from kizu.cli.summary import say, say_document, say_path


@click.command("save-onnx")
@click.argument("model", metavar="MODEL")
@click.option("-o", "--output", metavar="FILE", help="The file.  [default: model.onnx in MODEL, used by detect]")
@click.option("--json", "as_json", is_flag=True, default=False, help="Print one JSON document.")
@click.option("--quiet", is_flag=True, default=False, help="No summary.")
@debug_option
def command(model: str, output: str | None, as_json: bool, quiet: bool) -> None:
    """Write a trained network as one ONNX file that needs no torch."""
    from kizu.pipeline.save_onnx import save_onnx

    saved = save_onnx(model, output)
    if not quiet:
        checked = "not compared with torch: onnxruntime is not installed"
        if saved.difference is not None:
            checked = f"differs from torch by {saved.difference:.1e} of the largest number, at two sizes"
        say(f"{saved.network}, {saved.size} bytes, {checked}")
    say_document({**saved._asdict(), "file": str(saved.file)}) if as_json else say_path(saved.file)
