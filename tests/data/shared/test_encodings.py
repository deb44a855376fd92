import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.data.shared.encodings import not_utf8

TEXTS = {
    "French": ("Où l’été s’achève, la forêt rougit déjà : ça se voit, même à Besançon — 3 €.", "cp1252"),
    "French of a Mac": ("Où l’été s’achève, la forêt rougit déjà : ça se voit, même à Besançon.", "macintosh"),
    "French of DOS": ("Où l'été s'achève, la forêt rougit déjà : ça se voit, même à Besançon.", "cp850"),
    "German": ("Über den Dächern hören wir Störche, süße Äpfel fallen auf die Straße.", "cp1252"),
    "Spanish": ("El año pasado, ¿quién soñó aquí? Mañana será otro día, ¡qué lástima!", "cp1252"),
    "Portuguese": ("As irmãs não põem limões nos pães; há canções à noite, é ótimo.", "cp1252"),
    "Italian": ("La città è così bella perché c'è più libertà, però costerà.", "cp1252"),
    "Danish": ("På gården står en gås og æder rødgrød, mens høet tørrer.", "cp1252"),
    "Icelandic": ("Þú sérð að það er gæfa, ýmsir fóru út á sjó í öldugangi.", "cp1252"),
    "English quotes": ("“It’s here” – said the miller’s wife… and it wasn’t.", "cp1252"),
    "Polish": ("Źdźbło trawy gnie się, gdy świeci słońce; będą pączki, żółć i mąka.", "cp1250"),
    "Polish of Unix": ("Źdźbło trawy gnie się, gdy świeci słońce; będą pączki, żółć i mąka.", "iso-8859-2"),
    "Czech": ("Děti říkají, že měsíc svítí, kůň řehtá a šťastný pták ještě zpívá.", "cp1250"),
    "Hungarian": ("Öt hűvös őszi reggelen a tűzhely fölött főzőkanál függött, gőzölgő üst.", "cp1250"),
    "Turkish": ("Işıklar söndü, ağaçların gölgesi düştü; şimdi güneş doğuyor.", "cp1254"),
    "Lithuanian": ("Žąsys ėjo į šaltą ežerą, o čia žmonės šūkavo ir ųžavo.", "cp1257"),
    "Russian": ("Утром мельник вышел посмотреть на гусей, но они уже улетели.", "cp1251"),
    "Russian of Unix": ("Утром мельник вышел посмотреть на гусей, но они уже улетели.", "koi8-u"),
    "Russian of DOS": ("Утром мельник вышел посмотреть на гусей, но они уже улетели.", "cp866"),
    "Ukrainian": ("Вранці мірошник вийшов подивитися на гусей, та їх уже не було.", "cp1251"),
    "Greek": ("Το πρωί ο μυλωνάς βγήκε να δει τις χήνες, αλλά είχαν φύγει.", "cp1253"),
    "Hebrew": ("בבוקר יצא הטוחן לראות את האווזים אך הם כבר עפו", "cp1255"),
    "Arabic": ("في الصباح خرج الطحان ليرى الإوز ولكنه كان قد طار", "cp1256"),
    "Thai": ("ตอนเช้าคนโม่แป้งออกไปดูห่านแต่มันบินไปแล้ว", "cp874"),
    "Chinese": ("早上磨坊主出去看鹅，可是它们已经飞走了。大家都觉得很奇怪。", "gb18030"),
    "Chinese of Taiwan": ("早上磨坊主人出去看鵝，可是牠們已經飛走了。大家都覺得很奇怪。", "big5"),
    "Japanese": ("朝、粉屋はガチョウを見に出かけたが、もう飛んでいってしまっていた。", "cp932"),
    "Japanese of Unix": ("朝、粉屋はガチョウを見に出かけたが、もう飛んでいってしまっていた。", "euc-jp"),
    "Korean": ("아침에 방앗간 주인은 거위를 보러 나갔지만 이미 날아가 버렸다.", "cp949"),
}  # fmt: skip
ASCII = "A plain line without any accent.\n" * 4000


def first_wrong(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return data.find(b"\0")


def said(data: bytes) -> str:
    message = not_utf8("notes.txt", data, first_wrong(data))
    assert "\n" not in message
    assert len(message) < 400
    assert message.startswith("notes.txt ")
    return message


@pytest.mark.parametrize("mostly_ascii", [False, True])
@pytest.mark.parametrize(("text", "encoding"), TEXTS.values(), ids=TEXTS)
def test_the_first_candidate_reads_the_text(text, encoding, mostly_ascii):
    data = (ASCII * mostly_ascii + text + "\n").encode(encoding)
    message = said(data)
    assert f"is not UTF-8 (byte {first_wrong(data)}): convert it with `iconv -f NAME -t utf-8`" in message
    candidates = re.findall(r'([\w-]+) "([^"]+)"', message.partition("right: ")[2])
    assert 1 < len(candidates) < 5
    name, sample = candidates[0]
    assert data.decode(name) == data.decode(encoding)
    assert all(word in text for word in sample.split())


def test_one_reading_is_shown_once():
    samples = re.findall('"(.+?)"', said(TEXTS["French"][0].encode("cp1252")))
    assert len(set(samples)) == len(samples)


@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize("width", ["16", "32"])
@pytest.mark.parametrize("end", ["le", "be"])
def test_wide_characters(mark, width, end):
    data = ("\ufeff" * mark + "The miller’s geese, 10 €.\n" * 90).encode(f"utf-{width}-{end}")
    name = f"utf-{width}" if mark else f"utf-{width}-{end}"
    assert f"but {name}: convert it with `iconv -f {name} -t utf-8`" in said(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"one\0two", "not text: it has zero bytes (byte 3)"),
        ("one é two é".encode()[:-1], "ends in the middle of a character"),
        ("é ü ö café naïve\n".encode() * 9 + b"caf\xe9\n", "not UTF-8 (byte 201), though most of it is"),
        (bytes(range(1, 256)) * 9, "full of control characters"),
    ],
)
def test_what_has_no_encoding(data, expected):
    assert expected in said(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_give_a_sentence(data):
    if first_wrong(data) >= 0:
        said(data)


def test_a_word_of_a_megabyte_is_quick():
    assert '"TTTTTTTTTTTTé"' in said(b"T" * 1_000_000 + b"\xe9 " + b"T" * 1_000_000)
