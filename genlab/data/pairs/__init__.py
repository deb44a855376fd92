"""Pairs of a source and a target sentence."""

from genlab.data.shared.sample_sets import SampleSet

MAKERS = "genlab.data.pairs.sample_sets"
SAMPLES = (
    SampleSet(
        "@numbers-fr",
        "numbers below a million in English and French words: 100,000, or COUNT with @numbers-fr:COUNT",
        "pairs",
        f"{MAKERS}:numbers_fr",
        f"{MAKERS}:files",
    ),
)
