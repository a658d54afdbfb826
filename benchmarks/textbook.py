"""What a user would write: each model's training loop as tutorials have it, the baseline of every speed figure.

A Dataset that turns each image into a Pillow picture and back with per-image transforms, a DataLoader,
float32, Sigmoid and BCELoss, real and generated images in separate passes, Adam as it comes. Layers, batch
size and learning rate are the same as digitsmith's; nothing here imports digitsmith's own.

Each loop is endless and takes one step whenever it is asked for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

Loop = Callable[[nn.Module, nn.Module, "Pictures"], Iterator[None]]


class PictureDataset(Dataset[tuple[Tensor, int]]):
    """As torchvision's MNIST with ToTensor and Normalize((0.5,), (0.5,)); images uint8 [N, 1, 28, 28]."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.images[index, 0])
        tensor = torch.from_numpy(np.array(picture)).unsqueeze(0).float().div(255)
        return (tensor - 0.5) / 0.5, int(self.labels[index])


class Pictures:
    """The real images' loader, and the three settings that a tutorial has at the top of its file."""

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        *,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        device: str = "cpu",
    ) -> None:
        data = PictureDataset(images, labels)
        self.loader = DataLoader(data, batch_size=batch_size, shuffle=True, drop_last=True)
        self.batch_size, self.learning_rate, self.device = batch_size, learning_rate, device

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Real images and their classes, epoch after epoch."""
        while True:
            for real, classes in self.loader:
                yield real.to(self.device), classes.to(self.device)

    def adam(self, network: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(network.parameters(), lr=self.learning_rate, betas=(0.5, 0.999))

    def targets(self) -> tuple[Tensor, Tensor]:
        """What BCELoss compares real and generated images with: ones and zeros."""
        return torch.ones(self.batch_size, device=self.device), torch.zeros(self.batch_size, device=self.device)

    def asked(self) -> Tensor:
        """The classes asked of the generator."""
        return torch.randint(0, 10, (self.batch_size,), device=self.device)

    def noise(self) -> Tensor:
        return torch.randn(self.batch_size, 100, device=self.device)

    def code(self, asked: Tensor) -> Tensor:
        """Noise with the asked class's one-hot vector behind it."""
        return torch.cat([self.noise(), F.one_hot(asked, 10).float()], 1)


def gan_steps(generator: nn.Module, discriminator: nn.Module, pictures: Pictures) -> Iterator[None]:
    """DCGAN's loop: neither player sees a class."""
    adam_g, adam_d = pictures.adam(generator), pictures.adam(discriminator)
    bce, (ones, zeros) = nn.BCELoss(), pictures.targets()
    for real, _ in pictures:
        discriminator.zero_grad()
        bce(discriminator(real), ones).backward()
        fake = generator(pictures.noise()[:, :, None, None])
        bce(discriminator(fake.detach()), zeros).backward()
        adam_d.step()

        generator.zero_grad()
        bce(discriminator(fake), ones).backward()
        adam_g.step()
        yield


def cgan_steps(generator: nn.Module, discriminator: nn.Module, pictures: Pictures) -> Iterator[None]:
    """Both players are told the class."""
    adam_g, adam_d = pictures.adam(generator), pictures.adam(discriminator)
    bce, (ones, zeros) = nn.BCELoss(), pictures.targets()
    for real, classes in pictures:
        discriminator.zero_grad()
        bce(discriminator(real, classes), ones).backward()
        asked = pictures.asked()
        fake = generator(pictures.code(asked)[:, :, None, None])
        bce(discriminator(fake.detach(), asked), zeros).backward()
        adam_d.step()

        generator.zero_grad()
        bce(discriminator(fake, asked), ones).backward()
        adam_g.step()
        yield


def acgan_steps(generator: nn.Module, discriminator: nn.Module, pictures: Pictures) -> Iterator[None]:
    """The discriminator says the class beside the source."""
    adam_g, adam_d = pictures.adam(generator), pictures.adam(discriminator)
    bce, cross_entropy, (ones, zeros) = nn.BCELoss(), nn.CrossEntropyLoss(), pictures.targets()
    for real, classes in pictures:
        discriminator.zero_grad()
        source, answer = discriminator(real)
        (bce(source, ones) + cross_entropy(answer, classes)).backward()
        asked = pictures.asked()
        fake = generator(pictures.code(asked)[:, :, None, None])
        source, answer = discriminator(fake.detach())
        (bce(source, zeros) + cross_entropy(answer, asked)).backward()
        adam_d.step()

        generator.zero_grad()
        source, answer = discriminator(fake)
        (bce(source, ones) + cross_entropy(answer, asked)).backward()
        adam_g.step()
        yield


def cgan_mlp_steps(generator: nn.Module, discriminator: nn.Module, pictures: Pictures) -> Iterator[None]:
    """The one loop whose real and generated images are not in separate passes.

    The layer before this discriminator's output is a BatchNorm: in passes of their own, real and generated images would
    get the same mean score for ever (docs/models.md), and nothing would be learned. So both stand in one batch, as in
    digitsmith.
    """
    adam_g, adam_d = pictures.adam(generator), pictures.adam(discriminator)
    bce, (ones, zeros) = nn.BCELoss(), pictures.targets()
    for real, classes in pictures:
        asked = pictures.asked()
        both = torch.cat([classes, asked])
        discriminator.zero_grad()
        fake = generator(pictures.code(asked))
        on_real, on_fake = discriminator(torch.cat([real, fake.detach()]), both).chunk(2)
        (bce(on_real, ones) + bce(on_fake, zeros)).backward()
        adam_d.step()

        generator.zero_grad()
        _, on_fake = discriminator(torch.cat([real, fake]), both).chunk(2)
        bce(on_fake, ones).backward()
        adam_g.step()
        yield


LOOPS: dict[str, Loop] = {
    "gan": gan_steps,
    "cgan": cgan_steps,
    "acgan": acgan_steps,
    "cgan-mlp": cgan_mlp_steps,
}
