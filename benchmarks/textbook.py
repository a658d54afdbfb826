"""What a user would write: the second report's ACGAN as tutorials have it, the baseline of every speed figure.

A Dataset that turns each image into a Pillow picture and back with per-image transforms, a DataLoader,
float32, Sigmoid and BCELoss, real and generated images in separate passes, Adam as it comes. Layers, batch
size and learning rate are the same as digitsmith's; nothing here imports digitsmith's own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


class PictureDataset(Dataset[tuple[Tensor, int]]):
    """As torchvision's MNIST with ToTensor and Normalize((0.5,), (0.5,))."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.images[index, 0])
        tensor = torch.from_numpy(np.array(picture)).unsqueeze(0).float().div(255)
        return (tensor - 0.5) / 0.5, int(self.labels[index])


def conv_generator() -> nn.Module:
    """Table 5 as written."""
    return nn.Sequential(
        nn.ConvTranspose2d(110, 64, 7, 1, 0, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, 2, 1),
        nn.Tanh(),
    )


class ConvDiscriminator(nn.Module):
    """Table 6 as written, with its Sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 4, 2, 1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 64, 4, 2, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
        )
        self.source = nn.Sequential(nn.Conv2d(64, 1, 7), nn.Sigmoid())
        self.auxiliary = nn.Sequential(nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(images)
        return self.source(features).view(-1), self.auxiliary(features)


def acgan_steps(images: NDArray[np.uint8], labels: NDArray[np.int64], *, batch_size: int = 128) -> Iterator[None]:
    """An endless tutorial loop; one step each time it is asked for the next."""
    generator, discriminator = conv_generator(), ConvDiscriminator()
    adam_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    bce, cross_entropy = nn.BCELoss(), nn.CrossEntropyLoss()
    loader = DataLoader(PictureDataset(images, labels), batch_size=batch_size, shuffle=True, drop_last=True)
    ones, zeros = torch.ones(batch_size), torch.zeros(batch_size)
    while True:
        for real, classes in loader:
            discriminator.zero_grad()
            source, answer = discriminator(real)
            (bce(source, ones) + cross_entropy(answer, classes)).backward()
            asked = torch.randint(0, 10, (batch_size,))
            code = torch.cat([torch.randn(batch_size, 100), nn.functional.one_hot(asked, 10).float()], 1)
            fake = generator(code[:, :, None, None])
            source, answer = discriminator(fake.detach())
            (bce(source, zeros) + cross_entropy(answer, asked)).backward()
            adam_d.step()

            generator.zero_grad()
            source, answer = discriminator(fake)
            (bce(source, ones) + cross_entropy(answer, asked)).backward()
            adam_g.step()
            yield
