"""Our Inception against torch-fidelity's independent one with the same random weights, layer by layer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from digitsmith.data.digits import Digits
from digitsmith.errors import CheckpointError, InputError
from digitsmith.measure import inception_weights
from digitsmith.measure.inception import inception_features, load_inception, prepared
from digitsmith.measure.inception_network import Conv, Inception, Mixed
from digitsmith.storage import sha256_of

STUBBED = ("torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional")


def _forget(*packages: str) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in packages]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def oracle_module() -> Iterator[ModuleType]:
    """torch-fidelity's Inception; it imports torchvision, of which this network uses nothing."""
    _forget("torchvision", "torch_fidelity")
    sys.modules.update({name: MagicMock() for name in STUBBED})
    try:
        from torch_fidelity import feature_extractor_inceptionv3

        yield feature_extractor_inceptionv3
    finally:
        _forget("torchvision", "torch_fidelity")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file like the published one, with random weights under which every layer stays alive.

    It is in the format of 2019, before torch took to zip files, and has no counters of BatchNorm's batches.
    """
    generator = torch.Generator().manual_seed(0)
    network = Inception()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data.normal_(0, (2 / module.weight[0].numel()) ** 0.5, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.3, generator=generator)
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    tensors = {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    return path


@pytest.fixture
def published(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same file, taken for the published one."""
    monkeypatch.setattr(inception_weights, "SHA256", sha256_of(weights))
    return weights


@pytest.fixture(scope="module")
def images(few_digits: Digits) -> NDArray[np.uint8]:
    return few_digits.images[:2]


@pytest.fixture(scope="module")
def oracle(oracle_module: Any, weights: Path, images: NDArray[np.uint8]) -> Iterator[Any]:
    """torch-fidelity's network in float64. Whatever it is asked to read, it reads `images`, prepared by us."""
    ours = prepared(torch.tensor(images)).double()
    with pytest.MonkeyPatch.context() as patch:
        # its own preparation goes on with (x - 128) / 128
        patch.setattr(oracle_module, "interpolate_bilinear_2d_like_tensorflow1x", lambda *_, **__: ours * 128 + 128)
        network = oracle_module.FeatureExtractorInceptionV3(
            "oracle", ["2048", "logits"], feature_extractor_weights_path=str(weights)
        )
        yield network.double()  # its own setting for float64 means float32 in version 0.4.0


ANYTHING = torch.zeros(1, 3, 299, 299, dtype=torch.uint8)


def outputs_of(network: nn.Module, images: Tensor, *, layers: list[str]) -> dict[str, Tensor]:
    """What the named layers make of the images."""
    outputs: dict[str, Tensor] = {}
    for name in layers:
        network.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: outputs.update({name: output.clone()})
        )
    with torch.inference_mode():
        network(images)
    return outputs


def difference(found: Tensor, expected: Tensor) -> float:
    """The largest, relative to the largest value."""
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max())


def test_every_layer_agrees_with_torch_fidelity(oracle: Any, weights: Path, images: NDArray[np.uint8]) -> None:
    network = Inception().double().eval()
    network.load_state_dict(torch.load(weights))
    layers = [name for name, module in network.named_modules() if isinstance(module, Conv | Mixed)]
    assert len(layers) == 94 + 11
    layers += ["MaxPool_1", "MaxPool_2"]

    expected = outputs_of(oracle, ANYTHING, layers=[*layers, "AvgPool", "fc"])
    found = outputs_of(network, prepared(torch.tensor(images)).double(), layers=layers)
    differences = {name: difference(found[name], expected[name]) for name in layers}
    assert max(differences.values()) < 1e-12, differences

    assert [expected[name].shape[1] for name in ("MaxPool_1", "MaxPool_2", "Mixed_6e")] == [64, 192, 768]
    features = found["Mixed_7c"].mean((2, 3))
    assert difference(features, expected["AvgPool"].flatten(1)) < 1e-12
    assert difference(network.fc(features).detach(), expected["fc"]) < 1e-12
    spread = (expected["fc"][0] - expected["fc"][1]).abs().max() / expected["fc"].abs().max()
    assert spread > 0.01  # two digits are told apart: the layers are alive


def test_features_agree_with_torch_fidelity(oracle: Any, published: Path, images: NDArray[np.uint8]) -> None:
    features = inception_features(images, weights=published)
    assert features.dtype == np.float32
    assert features.shape == (2, 2048)
    expected, _ = oracle(ANYTHING)
    assert difference(torch.tensor(features), expected) < 1e-5


def test_features_depend_on_the_image_alone(published: Path, images: NDArray[np.uint8]) -> None:
    """Not on its batch, nor on whether its gray comes as one channel or as three."""
    done: list[int] = []
    three = np.concatenate([images, images[:1]])
    one_by_one = inception_features(three, weights=published, batch_size=2, on_progress=done.append)
    in_colour = inception_features(images.repeat(3, axis=1), weights=published)
    assert done == [2, 3]
    np.testing.assert_allclose(one_by_one, in_colour[[0, 1, 0]], atol=1e-5 * in_colour.max())
    assert np.abs(in_colour[0] - in_colour[1]).max() > 0.01 * in_colour.max()


def test_a_file_with_counters_of_batches_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "inception.pth"
    network = Inception()
    torch.save(network.state_dict(), path)
    monkeypatch.setattr(inception_weights, "SHA256", sha256_of(path))
    assert load_inception(path).fc.weight.equal(network.fc.weight)


@pytest.mark.parametrize("shape", [(28, 28), (32, 20), (299, 299)])
def test_images_are_enlarged_between_pixel_centres(shape: tuple[int, int]) -> None:
    """As Pillow does it, which is the half-pixel rule."""
    pixels = np.random.default_rng(0).integers(0, 256, (1, 1, *shape), dtype=np.uint8)
    enlarged = Image.fromarray(pixels[0, 0].astype(np.float32)).resize((299, 299), Image.Resampling.BILINEAR)
    found = prepared(torch.tensor(pixels))
    assert found.shape == (1, 3, 299, 299)
    for channel in found[0]:
        np.testing.assert_allclose(channel, np.asarray(enlarged) / 127.5 - 1, atol=2e-5)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((0, 1, 28, 28), np.uint8),
        np.zeros((2, 1, 28, 28), np.float32),
        np.zeros((2, 2, 28, 28), np.uint8),
        np.zeros((2, 28, 28), np.uint8),
        np.zeros((2, 1, 0, 28), np.uint8),
    ],
)
def test_other_arrays_are_refused_before_the_weights_are_read(images: NDArray[Any]) -> None:
    with pytest.raises(InputError, match=r"^Inception reads at least one image, uint8 \[N, 1 or 3, H, W\].*\]$"):
        inception_features(images, weights=Path("nowhere"))


def test_an_empty_batch_is_refused(images: NDArray[np.uint8]) -> None:
    with pytest.raises(InputError, match=r"^batch_size is 0; .*$"):
        inception_features(images, weights=Path("nowhere"), batch_size=0)


def test_other_weights_are_refused(weights: Path, images: NDArray[np.uint8]) -> None:
    with pytest.raises(CheckpointError, match=r"^.*inception\.pth: is damaged, or another file than pt_inception"):
        inception_features(images, weights=weights)
