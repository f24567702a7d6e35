"""Pages as files: what is written, in which languages, and the same again."""

from kizu.explain.table import TOPICS
from kizu.explain.write import write_gallery, write_page


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_gallery_is_every_lesson_and_an_index_in_both_languages(gallery, tmp_path):
    names = {f"{name}.{lang}.html" for name in (*TOPICS, "index") for lang in ("en", "ja")}
    first = contents(gallery)
    assert first.keys() == names
    write_gallery(tmp_path)
    again = contents(tmp_path)
    assert [name for name in names if again[name] != first[name]] == []  # no diff: pages are long
    assert max(map(len, first.values())) < 1_500_000


def test_one_lesson_links_to_its_other_language_and_to_nothing_else(tmp_path):
    write_page("shrink", tmp_path)
    files = contents(tmp_path)
    assert files.keys() == {"shrink.en.html", "shrink.ja.html"}
    assert b'href="shrink.ja.html"' in files["shrink.en.html"]
    assert b"index.en.html" not in files["shrink.en.html"]


def test_one_language_alone_links_to_no_other(tmp_path):
    write_gallery(tmp_path, ["ja"])
    files = contents(tmp_path)
    assert files.keys() == {f"{name}.ja.html" for name in (*TOPICS, "index")}
    assert not [name for name, data in files.items() if b".en.html" in data]
