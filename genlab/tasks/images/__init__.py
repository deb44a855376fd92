"""Pictures: generates pictures like the user's from latent vectors and classes."""

from genlab.data.pictures import SAMPLES
from genlab.tasks.task import FileOption, Model, Task

OPTIONS = "genlab.tasks.images.options"
EXPORTS = ("onnx",)
LATENT = {
    "generate": f"{OPTIONS}:LatentPicturesRequest",
    "directions": f"{OPTIONS}:DirectionsRequest",
    "invert": f"{OPTIONS}:InvertRequest",
}
"""Requests of the models that make pictures in one pass from latent vectors."""
LATENTS = "genlab.tasks.images.latents"

TASK = Task(
    name="images",
    about="a generator of pictures like yours",
    models=(
        Model(
            "gan",
            "a generator against a relativistic discriminator",
            options=f"{OPTIONS}:GANOptions",
            recipe="genlab.tasks.images.gan:GANRecipe",
            network="genlab.tasks.images.gan:build_network",
            requests=LATENT,
            exports=EXPORTS,
        ),
        Model(
            "flow",
            "flow matching: pictures from noise, in steps",
            options=f"{OPTIONS}:FlowOptions",
            recipe="genlab.tasks.images.flow:FlowRecipe",
            network="genlab.tasks.images.flow:build_network",
            requests={"generate": f"{OPTIONS}:FlowRequest", "explain": f"{OPTIONS}:FlowAttentionRequest"},
            exports=EXPORTS,
        ),
        Model(
            "wgan_gp",
            "a generator against a Wasserstein critic",
            options=f"{OPTIONS}:WGANGPOptions",
            recipe="genlab.tasks.images.wgan_gp:WGANGPRecipe",
            network="genlab.tasks.images.wgan_gp:build_network",
            requests=LATENT,
            exports=EXPORTS,
        ),
        Model(
            "dcgan",
            "the textbook GAN, as a baseline",
            options=f"{OPTIONS}:DCGANOptions",
            recipe="genlab.tasks.images.dcgan:DCGANRecipe",
            network="genlab.tasks.images.dcgan:build_network",
            requests=LATENT,
            exports=EXPORTS,
        ),
        Model(
            "vae",
            "a variational autoencoder",
            options=f"{OPTIONS}:VAEOptions",
            recipe="genlab.tasks.images.vae:VAERecipe",
            network="genlab.tasks.images.vae:build_network",
            requests=LATENT,
            exports=EXPORTS,
        ),
    ),
    pipeline="genlab.tasks.images.pipeline:ImagesPipeline",
    evaluate="genlab.tasks.images.evaluate:evaluate",
    makes="picture",
    data="a folder or zip of pictures; sub-folders are classes",
    samples=SAMPLES,
    files={
        "generate": (
            FileOption(
                "latent",
                "latents",
                "genlab.tasks.shared.latents:read_latents",
                "File of latent vectors (.npy, as --to and --grid write them) to make the pictures from.",
            ),
            FileOption(
                "between",
                "ends",
                f"{LATENTS}:open_between",
                "Picture to make a film from and to, through the latent space; give it twice or more.",
                fitted=True,
                repeats=True,
            ),
        ),
        "invert": (
            FileOption(
                "invert",
                "pictures",
                f"{LATENTS}:open_pictures",
                "Picture, or folder of pictures, to find the latent vectors of; can be repeated.",
                fitted=True,
                repeats=True,
            ),
        ),
    },
    latents={name: f"{LATENTS}:{name}" for name in ("find", "nearest", "draw_map")},
    sheet="Write all pictures on one sheet, and their latent vectors next to it as .npy.",
    page="docs/images.md",
)
