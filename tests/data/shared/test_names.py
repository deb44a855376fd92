import pytest

from genlab.data.shared.names import matching


@pytest.mark.parametrize(
    ("wanted", "given", "expected"),
    [
        (["age", "Zip code"], ["zipcode", " AGE ", "x"], {"age": " AGE ", "Zip code": "zipcode"}),
        (["age"], ["Age", "age"], {"age": "age"}),
        (["age"], ["Age", "AGE"], {}),
        (["age", "Age"], ["age"], {"age": "age"}),
        (["age", "Age"], ["AGE"], {}),
        (["straße"], ["STRASSE"], {"straße": "STRASSE"}),
        (["age"], ["ages"], {}),
    ],
)
def test_names_match_if_only_one_is_alike(wanted, given, expected):
    assert matching(wanted, given) == expected


def test_the_key_decides():
    assert matching(["a b", "c"], ["ab", "C"], str.casefold) == {"c": "C"}
