"""Text: files and folders of documents, tokenized for a language model."""

from genlab.data.shared.sample_sets import SampleSet

MAKERS = "genlab.data.text.sample_sets"
SAMPLES = (
    SampleSet(
        "@bible", "World English Bible, 66 books, 4 MB (public domain)", "text", f"{MAKERS}:bible", f"{MAKERS}:files"
    ),
    SampleSet(
        "@python",
        "source of Python's standard library, about 10 MB (PSF licence)",
        "text",
        f"{MAKERS}:python",
        f"{MAKERS}:files",
    ),
)
