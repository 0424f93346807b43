"""The page's Gradio theme: system fonts only, a restrained ink-and-paper palette."""

import gradio as gr
from gradio.themes.utils.colors import Color

FONTS = ("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "sans-serif")

INK = Color(
    name="ink",
    c50="#f2f6f6",
    c100="#e2ecec",
    c200="#c4d7d8",
    c300="#9dbcbe",
    c400="#6d989c",
    c500="#437a80",
    c600="#25626a",
    c700="#1d5059",
    c800="#194148",
    c900="#15353b",
    c950="#0e252a",
)


def theme() -> gr.themes.Base:
    """Make the theme; nothing in it is fetched from anywhere."""
    return gr.themes.Base(
        primary_hue=INK,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_sm,
        font=list(FONTS),
        font_mono=["Noto Sans Mono CJK SC", "Consolas", "monospace"],
    )
