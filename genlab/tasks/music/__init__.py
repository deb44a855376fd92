"""Music: models that write pieces of notes."""

from genlab.data.notes import SAMPLES
from genlab.tasks.task import FileOption, Model, Task

OPTIONS = "genlab.tasks.music.options"
READ = "genlab.tasks.music.inputs"
GENERATE = {"generate": f"{OPTIONS}:TokenRequest"}
GENERATE_VOICES = {"generate": f"{OPTIONS}:MusicRequest"}

TASK = Task(
    name="music",
    about="a model that writes music",
    models=(
        Model(
            "transformer",
            "a decoder-only Transformer over notes",
            options=f"{OPTIONS}:TransformerOptions",
            recipe="genlab.tasks.music.transformer:TransformerRecipe",
            network="genlab.tasks.music.transformer:build_network",
            requests=GENERATE,
            suits="most music",
        ),
        Model(
            "lstm",
            "the recurrent baseline",
            options=f"{OPTIONS}:LSTMOptions",
            recipe="genlab.tasks.music.lstm:LSTMRecipe",
            network="genlab.tasks.music.lstm:build_network",
            requests=GENERATE,
        ),
        Model(
            "chorale",
            "a Transformer over time steps that writes one voice after another",
            options=f"{OPTIONS}:ChoraleOptions",
            recipe="genlab.tasks.music.chorale:ChoraleRecipe",
            network="genlab.tasks.music.chorale:build_network",
            requests=GENERATE_VOICES,
            fits="genlab.tasks.music.choosing:in_voices",
            suits="pieces in the same few voices",
        ),
    ),
    pipeline="genlab.tasks.music.pipeline:MusicPipeline",
    evaluate="genlab.tasks.music.evaluate:evaluate",
    makes="music",
    data="a folder, zip or file of music: MIDI, MusicXML or ABC",
    samples=SAMPLES,
    files={
        "generate": (
            FileOption("prompt", "prompt", f"{READ}:open_prompt", "Piece to continue: MIDI, MusicXML or ABC."),
            FileOption("harmonise", "harmonise", f"{READ}:open_melody", "Melody to write the other voices to."),
            FileOption(
                "fill", "fill", f"{READ}:open_rewritten", "Piece to rewrite, from bar --from-bar to bar --to-bar."
            ),
            FileOption(
                "soundfont",
                "soundfont",
                f"{READ}:open_soundfont",
                "SoundFont (.sf2) to play the music with, instead of genlab's synthesiser; needs the extra sound.",
                shared=True,
            ),
        )
    },
    generates="Make music",
    sheet="Write the piano rolls of all pieces on one sheet.",
    page="docs/music.md",
)
