"""Files of music for requests: an error names the option that gave the file."""

import pytest

from genlab.catalog import load
from genlab.errors import InputError
from genlab.tasks.music import TASK

OPTIONS = {file.name: file for file in TASK.files["generate"]}


@pytest.mark.parametrize("option", ["prompt", "harmonise", "fill"])
@pytest.mark.parametrize("content", [None, b"not music", b"X:1\nK:C\nC\n" * 2])
def test_errors_name_the_option(tmp_path, option, content):
    path = tmp_path / "tune.abc"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        list(load(OPTIONS[option].read)(str(path)))
    assert error.value.field == option
