"""Recognises a header row in a file of pairs.

A dictionary may begin with any pair of words, so both cells must be known names of different things: "german" and
"deutsch" are a pair, not a header.
"""

import re

COLUMNS = (
    "source", "src", "input", "original", "text", "sentence", "from", "sentence1", "lang1",
    "target", "tgt", "trg", "output", "translation", "to", "sentence2", "lang2",
)  # fmt: skip
LANGUAGES = (  # codes and names of each; without "et", which is too common a word
    "ar ara arabic العربية", "bg bul bulgarian български", "ca cat catalan català", "cs cze ces czech čeština",
    "da dan danish dansk", "de ger deu german deutsch", "el gre ell greek ελληνικά", "en eng english",
    "eo epo esperanto", "es spa spanish español espanol castellano", "est estonian eesti", "eu baq eus basque euskara",
    "fa per fas persian farsi", "fi fin finnish suomi", "fr fre fra french français francais", "gl glg galician galego",
    "he heb hebrew עברית", "hi hin hindi हिन्दी", "hr hrv croatian hrvatski", "hu hun hungarian magyar",
    "id ind indonesian", "it ita italian italiano", "ja jpn japanese 日本語", "ko kor korean 한국어", "la lat latin",
    "lt lit lithuanian lietuvių", "lv lav latvian latviešu", "nl dut nld dutch nederlands",
    "no nor nb nob nn nno norwegian norsk bokmål nynorsk", "pl pol polish polski", "pt por portuguese português",
    "ro rum ron romanian română", "ru rus russian русский", "sk slo slk slovak slovenčina", "sl slv slovenian slovene",
    "sr srp serbian српски", "sv swe swedish svenska", "sw swa swahili", "th tha thai ไทย", "tr tur turkish türkçe",
    "uk ukr ukrainian українська", "ur urd urdu اردو", "vi vie vietnamese", "zh chi zho chinese mandarin 中文 汉语",
)  # fmt: skip
MEANING = {name: name for name in COLUMNS} | {name: names for names in LANGUAGES for name in names.split()}
WORDS = {"da", "es", "he", "hi", "id", "it", "ja", "la", "no"}
"""Codes that are also words: "it" and "es" may be a pair."""


def is_header(source: str, target: str) -> bool:
    """Whether two cells name columns ("source", "target") or two languages ("English", "fr", "deu_Latn")."""
    names = _name(source), _name(target)
    meanings = {MEANING.get(name) for name in names}
    return None not in meanings and len(meanings) == 2 and not WORDS.issuperset(names)


def _name(cell: str) -> str:
    """The name without quotes, region, script, "text" or "sentence"."""
    cell = cell.strip(" #\"'")
    if code := re.fullmatch(r"([a-z]{2,3})[-_]([A-Z]{2}|[A-Z][a-z]{3})", cell):
        return code[1]
    return re.sub(r"(?<=.)[ _]?(text|sentences?|language|lang|segment)$", "", cell.lower())
