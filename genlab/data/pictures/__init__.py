"""Pictures, from a folder or a zip file."""

from genlab.data.shared.sample_sets import SampleSet

MAKERS = "genlab.data.pictures.sample_sets"
FILES = f"{MAKERS}:files"
COLUMNS = ("hair", "glasses", "beard", "skin")
PERSON = ("a person", "a face")
"""Subjects of the drawn people, who may be women or men."""
SAMPLES = (
    SampleSet("@digits", "5,000 handwritten digits of MNIST, 500 of each", "pictures", f"{MAKERS}:digits", FILES),
    SampleSet(
        "@faces",
        "faces drawn by DiceBear (CC0): 10,000, or COUNT with @faces:COUNT",
        "pictures",
        f"{MAKERS}:faces",
        FILES,
        truth=f"{MAKERS}:redraw_face",
        columns=COLUMNS,
        subjects=PERSON,
        earlier=("@faces-1",),
    ),
    SampleSet(
        "@faces-1",
        "first version of @faces, for runs trained on it",
        "pictures",
        f"{MAKERS}:faces_1",
        FILES,
        truth=f"{MAKERS}:redraw_face_1",
        columns=COLUMNS,
        subjects=PERSON,
    ),
    SampleSet(
        "@portraits",
        "people drawn by DiceBear after Avataaars by Pablo Stanley (free for any use): 5,000, or COUNT with "
        "@portraits:COUNT",
        "pictures",
        f"{MAKERS}:portraits",
        FILES,
        licence="Drawn by DiceBear after Avataaars (https://avataaars.com/) by Pablo Stanley, free for personal and "
        "commercial use.",
        truth=f"{MAKERS}:redraw_portrait",
        columns=COLUMNS,
        subjects=PERSON,
    ),
    SampleSet(
        "@emoji",
        "1,656 emoji by OpenMoji (CC BY-SA 4.0) with their names, without skin tones and flags",
        "pictures",
        f"{MAKERS}:emoji",
        FILES,
        licence="All emojis designed by OpenMoji (https://openmoji.org/), the open-source emoji and icon project. "
        "Licence: CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/). Drawn as PNG files by genlab.",
    ),
)
