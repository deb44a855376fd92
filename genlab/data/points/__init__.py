"""Points in the plane, from a CSV file."""

from genlab.data.shared.sample_sets import SampleSet

MAKERS = "genlab.data.points.sample_sets"
SAMPLES = (
    SampleSet("@ring", "8 Gaussians on a circle", "points", f"{MAKERS}:ring", f"{MAKERS}:files"),
    SampleSet("@grid", "25 Gaussians on a grid", "points", f"{MAKERS}:grid", f"{MAKERS}:files"),
)
