"""Options and sentences for tests of translators."""

from tests.conftest import phrases

UNSEEN = phrases(600)[400:]
SMALL = {"steps": 2, "size": "tiny", "batch": 256}
