"""Reads what `LampQ.Demo draw` wrote. The pictures themselves are drawn in C# only (examples/LampQ.Demo/Shapes)."""

import pathlib

import numpy
import torch


def load(folder):
    """Returns (bytes [N, 3, 32, 32], labels [N])."""
    folder = pathlib.Path(folder)
    images = torch.from_numpy(numpy.load(folder / "images.npy")).permute(0, 3, 1, 2).contiguous()
    return images, torch.from_numpy(numpy.load(folder / "labels.npy")).long()


def normalize(images):
    """(v - 127.5) / 127.5, as ShapeImages.Normalize does."""
    return (images.float() - 127.5) / 127.5


@torch.no_grad()
def accuracy(model, images, labels, batch=250):
    """Percent of pictures whose largest logit is the label's."""
    model.eval()
    right = sum((model(normalize(images[i:i + batch])).argmax(1) == labels[i:i + batch]).sum().item()
                for i in range(0, len(images), batch))
    return 100.0 * right / len(images)
