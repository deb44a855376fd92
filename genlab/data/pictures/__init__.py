"""Pictures, from a folder or a zip file."""

from genlab.data.shared.sample_sets import SampleSet

MAKERS = "genlab.data.pictures.sample_sets"
SAMPLES = (
    SampleSet(
        "@digits", "5,000 handwritten digits of MNIST, 500 of each", "pictures", f"{MAKERS}:digits", f"{MAKERS}:files"
    ),
    SampleSet(
        "@faces",
        "faces drawn by DiceBear (CC0): 10,000, or COUNT with @faces:COUNT",
        "pictures",
        f"{MAKERS}:faces",
        f"{MAKERS}:files",
    ),
)
