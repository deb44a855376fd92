"""The attention maps of a translator."""

import pytest
import torch

import genlab
from genlab.errors import InputError
from genlab.layers.attention import watch
from genlab.tasks.translate.options import TranslateRequest
from tests.conftest import phrases

SOURCE, TARGET = phrases(401)[400]


def test_attention_of_encoder_decoder_and_across(translator):
    run = genlab.load(translator)
    maps = run.attention(SOURCE)
    depth = run.pipeline.network.shape.depth
    assert [one.name for one in maps] == ["encoder", "decoder", "cross"] * depth
    encoder, decoder, cross = maps[:3]
    assert encoder.rows == encoder.columns == cross.columns
    assert decoder.rows[1:] == cross.rows[:-1]  # what is written in one row is read in the next
    assert decoder.rows[0] == cross.rows[-1] == encoder.rows[-1] == "<|end|>"
    written = "".join(cross.rows[:-1]).replace("␣", " ").strip()
    assert written == run.pipeline.translate([SOURCE], TranslateRequest())[0]
    assert cross.distance is None
    assert decoder.weights.triu(1).sum() == 0


def test_the_weights_are_those_of_a_translation_that_is_given(translator):
    run = genlab.load(translator)
    maps = run.attention(SOURCE, translation=TARGET)
    pipeline = run.pipeline
    source = torch.tensor([[*pipeline.source.encode([SOURCE])[0], 0]])
    target = torch.tensor([[0, *pipeline.target.encode([TARGET])[0]]])
    with torch.no_grad(), watch(pipeline.network) as seen:
        pipeline.network(source, target)
    expected = seen["decoder.1.cross_attention"][0][0]
    torch.testing.assert_close(next(one.weights for one in maps if (one.name, one.layer) == ("cross", 1)), expected)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [("", "the text is empty"), ("one\ntwo", "one sentence"), ("a " * 3000, "split it")],
)
def test_what_is_no_sentence_is_refused(translator, prompt, message):
    with pytest.raises(InputError, match=message) as error:
        genlab.load(translator).attention(prompt)
    assert error.value.field == "prompt"
