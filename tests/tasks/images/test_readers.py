"""Judges that read the attributes of a run's pictures, and the attribute that its classes are."""

import dataclasses

import numpy as np
import pytest

from genlab.data.pictures.attribute_set import AttributedSet, AttributedSplit, read_attributed
from genlab.data.pictures.attributes import Attribute
from genlab.data.pictures.picture_set import PictureSplit
from genlab.tasks.images.readers import readers_from_table
from genlab.tasks.shared.judges import Judge

pytestmark = pytest.mark.usefixtures("short")


def attributed(files: list[str]) -> AttributedSet:
    """A bar and a square in files of these names."""
    pictures = PictureSplit(np.zeros((2, 16, 16, 1), np.uint8), np.arange(2), None, files)
    split = AttributedSplit("data", pictures, np.array([[0], [1]]), np.empty((2, 0), np.int64))
    return AttributedSet("data", "", split, None, None, [Attribute("shape", ["bar", "square"])], [], {})


@pytest.mark.parametrize(
    ("label", "files", "place"),
    [
        (None, ["bar/0.png", "train/square/1.png"], 0),
        (None, ["0.png", "1.png"], None),  # values of the same names as the folders that the run was trained on
        (None, ["square/0.png", "bar/1.png"], None),
        ("Shape", ["0.png", "1.png"], 0),
        ("shade", ["bar/0.png", "square/1.png"], None),
    ],
)
def test_another_class_is_the_baseline_of_one_attribute_alone(copy, monkeypatch, label, files, place):
    """Of the attribute that the classes are, not of another one with values of the same names, such as yes and no."""
    monkeypatch.setattr("genlab.tasks.images.readers.train_judge", lambda *_: None)
    copy.pipeline.options = dataclasses.replace(copy.pipeline.options, label=label)
    assert readers_from_table(copy.pipeline, attributed(files)).classes == place


def test_judges_read_some_pictures_at_a_time(copy, labelled, monkeypatch):
    """All held-out pictures at once would fill the memory, if there are many."""
    passes, forward = [], Judge.forward

    def recorded(self, pictures):
        passes.append((self.training, len(pictures)))
        return forward(self, pictures)

    monkeypatch.setattr(Judge, "forward", recorded)
    monkeypatch.setattr("genlab.tasks.shared.judges.PICTURES_PER_PASS", 7)
    found = read_attributed(str(labelled), "0.1", "0.3", pixels=16, attributes=("shape",))
    readers = readers_from_table(copy.pipeline, found)
    read = [count for training, count in passes if not training]
    assert max(read) == 7
    assert sum(read) == len(found.test)
    assert [each.shape for each in readers.measures(found.test.pictures.array[np.arange(9)])] == [(9, 2), (9, 2)]


def test_judges_study_a_limited_number_of_pictures(copy, monkeypatch):
    studied = []
    monkeypatch.setattr("genlab.tasks.images.readers.train_judge", lambda *given: studied.append(given[:2]))
    monkeypatch.setattr("genlab.tasks.images.readers.STUDIED", 1)
    found = attributed(["bar/0.png", "square/1.png"])
    readers_from_table(copy.pipeline, found)
    (one, other) = studied
    assert len(one[0]) == len(other[0]) == 1
    assert found.attributes[0].values[one[1].item()] == one[0].names[0].split("/")[0]  # values fit their pictures
