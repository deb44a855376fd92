"""Metrics of translations against reference translations."""

from typing import Any

from genlab.errors import InputError


def scorers() -> Any:
    """sacrebleu's BLEU (Papineni et al. 2002; Post 2018, arXiv 1804.08771) and chrF (Popović 2015).

    Raises:
        InputError: sacrebleu is not installed.
    """
    try:
        from sacrebleu.metrics import BLEU, CHRF
    except ModuleNotFoundError:
        raise InputError("BLEU and chrF need the package sacrebleu: pip install 'genlab[translate]'.", "run") from None
    return BLEU(), CHRF()


def corpus_measures(translations: list[str], references: list[str]) -> dict[str, float]:
    """BLEU (tokenizer 13a) and chrF, from 0 to 100, and the share of exact matches.

    Raises:
        InputError: sacrebleu is not installed.
    """
    bleu, chrf = scorers()
    return {
        "bleu": bleu.corpus_score(translations, [references]).score,
        "chrf": chrf.corpus_score(translations, [references]).score,
        "exact": exact_match(translations, references),
    }


def exact_match(translations: list[str], references: list[str]) -> float:
    """Share of translations that equal their reference."""
    return sum(map(str.__eq__, translations, references)) / len(references)


def signatures() -> dict[str, str]:
    """sacrebleu's signatures of the metrics; scores are comparable only if they are equal.

    Raises:
        InputError: sacrebleu is not installed.
    """
    names = ("bleu", "chrf")
    found = {}
    for name, scorer in zip(names, scorers(), strict=True):
        scorer.corpus_score(["a"], [["a"]])  # the signature counts references
        found[name] = str(scorer.get_signature())
    return found


def extremes(
    sources: list[str], references: list[str], translations: list[str], count: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """The `count` worst and best translations by sentence chrF, the most extreme first.

    Raises:
        InputError: sacrebleu is not installed.
    """
    _, chrf = scorers()
    rows = [
        {
            "chrf": chrf.sentence_score(text, [reference]).score,
            "source": source,
            "reference": reference,
            "translation": text,
        }
        for source, reference, text in zip(sources, references, translations, strict=True)
    ]
    rows.sort(key=lambda row: row["chrf"])
    ends = {"worst": rows[:count], "best": rows[::-1][:count]}
    return {name: {str(number): row for number, row in enumerate(end, 1)} for name, end in ends.items()}
