"""`kizu plant`, through a real process."""

import json

from PIL import Image

from runs import process, save, walls


def test_a_table_a_recommendation_and_a_folder(tmp_path):
    folder = save(walls(16, dots=())[0], tmp_path / "in put")
    done = process("plant", folder, "-o", tmp_path / "out", "--models", "rpca", "--jobs", 1)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["at", "0.5", "elsewhere", "by", "its", "mask", "elsewhere", "seconds"]
    assert [line.split()[0] for line in lines[1:4]] == ["rpca"] * 3
    assert [line.split("  ")[0] for line in lines if line.startswith("by ")] == ["by kind", "by size", "by contrast"]
    assert lines[-1].startswith(f"kizu detect '{folder}' --model rpca") and lines[-1].endswith(" -o OUT")
    said = done.stderr.splitlines()
    assert any(line.startswith("kizu: recommended: rpca") for line in said)
    assert any(line.startswith("kizu: runner-up: rpca") for line in said)
    assert json.loads((tmp_path / "out" / "plant.json").read_text())["recommendation"]["model"] == "rpca"
    assert len(list((tmp_path / "out" / "pictures").iterdir())) == 32


def test_json_is_the_document(tmp_path):
    save(walls(1, dots=())[0], tmp_path / "in")
    done = process("plant", tmp_path / "in", "--models", "ipi", "--json", "--quiet", "--jobs", 1)
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["command"] == "plant" and document["recommendation"]["model"] == "ipi"
    assert {len(one["found"]) for one in document["candidates"]} == {len(document["planted"])}


def test_a_wrong_word_and_a_strangers_folder_are_one_line(tmp_path):
    Image.fromarray(walls(1, dots=())[0][0]).save(tmp_path / "one.png")
    done = process("plant", tmp_path / "one.png", "--models", "rpca,best")
    assert done.returncode == 2
    assert done.stderr == "kizu: models: got 'best'. Use rpca, rdl, patch-pcp, ipi.\n"
    done = process("plant", tmp_path / "one.png", "-o", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "not a planting's" in done.stderr
