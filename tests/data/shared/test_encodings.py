import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.data.shared.encodings import decode_blocks, decoded, not_utf8
from genlab.errors import InputError

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
    assert (
        f"is not UTF-8 (byte {first_wrong(data)}): add --encoding NAME, where NAME is the encoding that reads right: "
        in message
    )
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
    text = "The miller’s geese, 10 €.\n" * 90
    data = ("\ufeff" * mark + text).encode(f"utf-{width}-{end}")
    assert decoded(data, "notes.txt", "data", None) == decoded(data, "notes.txt", "data", "cp1252") == text
    name = f"utf-{width}" if mark else f"utf-{width}-{end}"
    with pytest.raises(InputError, match=rf"notes.txt, line 90 is cut off or damaged {name} \(byte \d+\): correct it"):
        decoded(data[:-1], "notes.txt", "data", None)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp932", "utf-16-le"])
def test_blocks(encoding, size):
    text = "one\r\ntwo 日本\n" * 5 if encoding == "cp932" else "Über\nden Dächern\n" * 5
    data = text.encode(encoding)
    blocks = lambda: (data[start : start + size] for start in range(0, len(data), size))
    assert "".join(decode_blocks(blocks, "x", "data", encoding)) == text


@pytest.mark.parametrize(
    ("data", "encoding", "expected"),
    [
        (b"a\nb\n\xe9t\xe9\n", None, "x, line 13 is not UTF-8 (byte 4): add --encoding NAME"),
        (b"\xef\xbb\xbfa\n\xe9t\xe9 \xe8\n", None, "x, line 12 is not UTF-8 (byte 5): add --encoding NAME"),
        (b"\x01\x80", "utf-16", "x, line 11 is not utf-16 (byte 0): give another --encoding"),
        (b"a\n\xe9t\xe9 \x81\n", "cp1252", "x, line 12 is not cp1252 (byte 6): give another --encoding"),
        (b"a\nb\0one two three\n", None, "x, line 12 is not text: it has zero bytes (byte 3)"),
        (b"a\nb\0one two three\n\xe9", "cp1252", "x, line 12 is not text: it has zero bytes (byte 3)"),
        (b"\xe9", "cp1522", "encoding: 'cp1522' is not an encoding"),
        (b"\xe9", "hex", "encoding: 'hex' is not an encoding"),
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_errors_name_the_line(data, encoding, expected, size):
    blocks = lambda: (data[start : start + size] for start in range(0, len(data), size))
    with pytest.raises(InputError) as error:
        list(decode_blocks(blocks, "x", "data", encoding, before=10))
    assert str(error.value).startswith(expected)
    assert error.value.field == ("encoding" if "encoding" in expected else "data")


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
