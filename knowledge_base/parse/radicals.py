"""Radical signs that stand for characters: what browsers and office programs print into a PDF.

Where a glyph serves both, they write the radical's code: ⽰ (U+2F70) looks like 示 (U+793A) and is
found by no search. Unicode itself names the character of a Kangxi radical (NFKC); for the supplement
(U+2E80–2EF3) the characters are listed here.
"""

import unicodedata

_SUPPLEMENT = (
    "⺁厂⺄乙⺆冂⺇几⺈刀⺉刂⺊卜⺋卩⺌小⺍小⺎兀⺐尢⺒巳⺓幺⺔彑⺕彐⺖忄⺗心⺘扌⺙攵⺛旡⺝月⺞歹⺟母⺠民⺡氵⺢水⺣灬"
    "⺤爫⺦丬⺧牛⺨犭⺩王⺪疋⺫目⺬示⺭礻⺮竹⺯糹⺱罓⺲罒⺳网⺶羊⺷羊⺸羊⺹老⺺聿⺼月⺽臼⺾艹⺿艹⻀艹⻁虎⻂衤"
    "⻃覀⻄西⻅见⻆角⻇角⻈讠⻉贝⻊足⻋车⻌辶⻍辶⻎辶⻏阝⻐钅⻑長⻒镸⻓长⻔门⻕阜⻖阝⻗雨⻘青⻙韦⻚页⻛风⻜飞"
    "⻝食⻞食⻟飠⻠饣⻡首⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻪黾⻫斉⻬齐⻭歯⻮齿⻯竜⻰龙⻱龜⻲亀⻳龟"
)

RADICALS = {
    **{code: unicodedata.normalize("NFKC", chr(code)) for code in range(0x2F00, 0x2FD6)},
    **{ord(_SUPPLEMENT[i]): _SUPPLEMENT[i + 1] for i in range(0, len(_SUPPLEMENT), 2)},
}
"""For `str.translate`; one character for one, so that places stay."""
