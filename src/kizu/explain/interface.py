"""The words that every page of the gallery shares, in both languages."""

from collections.abc import Mapping

from kizu.explain.lesson import Lang

INTERFACE: Mapping[Lang, Mapping[str, str]] = {
    "en": {
        "name": "English",
        "title": "kizu explain",
        "headline": "Why it works, to be moved by hand",
        "lead": (
            "Each page asks one question and answers it with one picture. Move the sliders: every number on these"
            " pages was computed by kizu itself, and each page shows the lines that did it."
        ),
        "skip": "Skip to the picture",
        "gallery": "All lessons",
        "lessons": "Lessons",
        "languages": "Language",
        "controls": "Controls",
        "reset": "Reset",
        "play": "Play",
        "pause": "Pause",
        "picture": "Picture",
        "idea": "What is going on",
        "formula": "In formulas",
        "code": "The code behind the picture",
        "code_note": "The picture was computed by these lines. In a notebook, {call} draws it.",
        "before": "Previous",
        "after": "Next",
        "noscript": "The picture is drawn by a script inside this file. Please allow scripts to see it.",
        "footer": "Computed and written by kizu {version}. This file needs no network.",
    },
    "ja": {
        "name": "日本語",
        "title": "kizu explain",
        "headline": "手で動かして、なぜかを知る",
        "lead": (
            "1 ページに問いが 1 つ、答えの図が 1 つ。スライダーを動かして確かめてください。"
            "ページに出てくる数はすべて kizu 自身が計算したもので、計算に使ったコードも各ページに載せています。"
        ),
        "skip": "図へ移動",
        "gallery": "レッスン一覧",
        "lessons": "レッスン",
        "languages": "言語",
        "controls": "操作",
        "reset": "元に戻す",
        "play": "再生",
        "pause": "一時停止",
        "picture": "図",
        "idea": "何が起きているか",
        "formula": "式で書くと",
        "code": "この図を計算したコード",
        "code_note": "図はこのコードで計算しました。ノートブックでは {call} で同じ図を描けます。",
        "before": "前へ",
        "after": "次へ",
        "noscript": "図はこのファイルに含まれるスクリプトが描きます。スクリプトを許可してください。",
        "footer": "kizu {version} が計算して書き出しました。ネットワークは不要です。",
    },
}
