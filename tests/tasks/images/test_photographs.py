"""GANs of photographs: small and grey, large and in colour, with CelebA's list of attributes."""

import json

import numpy as np
from PIL import Image

import genlab
from genlab.data.pictures.picture_set import read_pictures
from tests.tasks.images.made import SMALL


def losses(run: genlab.Run) -> list[float]:
    """Everything that a training recorded."""
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    return [value for line in lines for name, value in line.items() if name in ("discriminator", "generator")]


def test_photographs_of_faces(photographs, tmp_path):
    options = {"steps": 200, "batch": 16, "learning_rate": 2e-3, "validation": 0, "quiet": True, **SMALL}
    run = genlab.train("images", photographs, out=tmp_path / "run", **options)
    assert run.pipeline.facts.classes == ["face", "other"]
    assert np.isfinite(losses(run)).all() and losses(run)
    train = read_pictures(str(photographs), "0", "0.1", pixels=16).train
    real = train.tensor(train.labels == 0).mean((0, 1)).numpy()
    made = np.stack([picture.content for picture in run.generate(n=100, class_="face")])
    assert made.shape == (100, 16, 16, 1)
    mean = made.mean((0, 3))
    assert np.corrcoef(mean.flatten(), real.flatten())[0, 1] > 0.4  # the mean made face is like the mean real one


def test_large_photographs_in_colour(tmp_path):
    """Crops of two of scikit-image's photographs, wider than high, as JPEG files."""
    from skimage.data import cat, coffee

    for kind, whole in (("cat", cat()), ("coffee", coffee())):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(30):
            top, left = 5 * number, 7 * number
            piece = whole[top : top + 120, left : left + 160]
            Image.fromarray(piece).save(tmp_path / "photos" / kind / f"{number}.jpg", quality=90)
    options = {"steps": 5, "validation": 0, "test": 0, "quiet": True, **SMALL}
    run = genlab.train("images", tmp_path / "photos", out=tmp_path / "run", **options)
    assert np.isfinite(losses(run)).all() and losses(run)
    assert run.about["data"]["counts"]["train"]["pictures"] == 60
    (made,) = genlab.load(run.path).generate(n=1, class_="cat")
    assert made.content.shape == (16, 16, 3)
    assert np.ptp(made.content.reshape(-1, 3), 0).min() > 0  # no channel is one flat value


def test_faces_with_the_attributes_of_celeba(photographs, tmp_path):
    """A folder like CelebA's: pictures with numbers for names, and the list beside their folder."""
    (tmp_path / "celeba" / "img_align_celeba").mkdir(parents=True)
    lines = ["40", "Smiling Blond_Hair"]
    for number, file in enumerate(sorted((photographs / "face").iterdir())[:40], 1):
        name = f"{number:06d}.jpg"
        Image.open(file).save(tmp_path / "celeba" / "img_align_celeba" / name)
        lines.append(f"{name} {-1 if number % 2 else 1:2} {-1 if number % 4 else 1:2}")
    (tmp_path / "celeba" / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    options = {"steps": 2, "validation": 0, "test": 0, "quiet": True, **SMALL}
    run = genlab.train("images", tmp_path / "celeba", label="Blond_Hair", out=tmp_path / "run", **options)
    assert run.about["data"]["counts"]["train"] == {"pictures": 40, "classes": {"no": 30, "yes": 10}}
    assert len(run.generate(n=2, class_="yes")) == 2
