"""The verdict of an evaluation, from its numbers."""

from typing import Any

from genlab.tasks.music.evaluate import verdict


def report(**changes: Any) -> dict[str, Any]:
    """Numbers of a good model of music in voices."""
    same = {"made": 0.9, "floor": 0.9, "shuffled": 0.9}
    rate = {"made": 0.0, "real": 0.0}
    found = {
        "nats_per_note": {"model": 1.5, "ngram": 2.0},
        "overlap": {"density": same, "scale_consistency": same},
        "structure_error": {"made": 0.01, "floor": 0.002, "shuffled": 0.02},
        "counterpoint": dict.fromkeys(("parallel_fifths", "parallel_octaves", "crossings", "out_of_range"), rate),
        "copying": {"16_steps": {"copies": False}},
    }
    return found | changes


def test_a_good_model():
    assert verdict(report()) == (
        "The loss on held-out music is 25% lower than that of the n-gram. In every statistic, made music is about as "
        "close to held-out music as other real music is. No fault of part-writing is more than twice as frequent as in "
        "real pieces. It repeats no more of the training pieces than held-out music does."
    )


def test_faults_are_named():
    counterpoint = report()["counterpoint"] | {
        "parallel_fifths": {"made": 0.5, "real": 0.21},
        "parallel_octaves": {"made": 0.4, "real": 0.08},
        "out_of_range": {"made": 0.01, "real": 0.0},
    }
    found = verdict(report(counterpoint=counterpoint))
    assert "More than twice as frequent as in real pieces: parallel octaves, out of range." in found


def test_form_and_statistics_and_copies():
    overlap = {"density": {"made": 0.5, "floor": 0.9, "shuffled": 1.0}}
    found = verdict(
        report(
            overlap=overlap,
            structure_error={"made": 0.03, "floor": 0.002, "shuffled": 0.02},
            copying={"16_steps": {"copies": True}},
        )
    )
    assert "differs from real music most in: density." in found
    assert "The repetition of its bars resembles real music no more than bars in random order." in found
    assert "look for copies" in found
