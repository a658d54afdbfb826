"""The data sets that are asked for by name and fetched when they are first used: what they are, and where they lie.

Every checksum below stands in at least two independent places of the public record (TensorFlow Datasets, torchvision's
prototypes, and others that name both size and SHA-256). Those of Fashion-MNIST and CIFAR-10 were also computed here,
from files that came by another way; tools/obtain_datasets.py repeats that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from digitsmith.data.publication import DataFile, NamedData
from digitsmith.data.published import cifar_records, idx_pair, libsvm_rows, svhn_arrays

DIGIT_NAMES = tuple("0123456789")


def _at(hosts: Sequence[str], name: str, size: int, sha256: str) -> DataFile:
    """A file that lies under its own name at each host."""
    return DataFile(name, size, sha256, tuple(f"{host}/{name}" for host in hosts))


def _mnist_like(
    hosts: Sequence[str], sizes_and_sha256: Mapping[str, tuple[int, str]]
) -> Mapping[str, Sequence[DataFile]]:
    """The four files that MNIST's successors come in, under the same names at each host."""
    files = {name: _at(hosts, f"{name}-ubyte.gz", size, sha256) for name, (size, sha256) in sizes_and_sha256.items()}
    return {
        "train": (files["train-images-idx3"], files["train-labels-idx1"]),
        "test": (files["t10k-images-idx3"], files["t10k-labels-idx1"]),
    }


FASHION_MNIST = NamedData(
    name="fashion-mnist",
    about="clothes and shoes, gray",
    image_shape=(1, 28, 28),
    classes=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    counts={"train": 60_000, "test": 10_000},
    files=_mnist_like(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        ),
        {
            "train-images-idx3": (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            "train-labels-idx1": (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            "t10k-images-idx3": (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            "t10k-labels-idx1": (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        },
    ),
    decode=idx_pair,
    licence="MIT (Zalando SE)",
    citation="Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747, 2017",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    folder="fashion-mnist",
)

KMNIST = NamedData(
    name="kmnist",
    about="cursive Japanese characters, gray",
    image_shape=(1, 28, 28),
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    counts={"train": 60_000, "test": 10_000},
    files=_mnist_like(
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist", "https://codh.rois.ac.jp/kmnist/dataset/kmnist"),
        {
            "train-images-idx3": (18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
            "train-labels-idx1": (29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
            "t10k-images-idx3": (3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
            "t10k-labels-idx1": (5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
        },
    ),
    decode=idx_pair,
    licence="CC BY-SA 4.0 (ROIS-DS CODH)",
    citation="Clanuwat et al.: Deep Learning for Classical Japanese Literature, arXiv:1812.01718, 2018",
    homepage="http://codh.rois.ac.jp/kmnist/",
    folder="kmnist",
)

_EMNIST_ARCHIVE = DataFile(
    "gzip.zip",
    561753746,
    "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
    (
        "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
    ),
)
_EMNIST_MEMBERS = {
    "digits-train-images-idx3": (59515779, "f7c95004d14d81af89522e67d8f0c781dfb3bd544181c81bfe1eb6b41c35b726"),
    "digits-train-labels-idx1": (113859, "6638a6ff5fe2eefd9cca2471995b46c82986b8e4b2a70d2f5ce8e05d7edb319e"),
    "digits-test-images-idx3": (9908519, "20ebe43509264f7639d37c835a3f0b009e90b29e00a099a03101abe1644a3f63"),
    "digits-test-labels-idx1": (19960, "bad1834c45d5988e270b99d43b13edc3fd898f658ffbc2caf2846ef27f7b05b0"),
    "letters-train-images-idx3": (30804864, "6288f418a917e007bf5fddb823a2dc7a5c6a35031401b93292a539cb12bd881f"),
    "letters-train-labels-idx1": (79283, "9759af91ea6bccdf07a6040fd085861f2ec88e37f7c3f5760f6feb57106fbe5c"),
    "letters-test-images-idx3": (5039157, "50f0e93d75b99b463e9760b8345866f22587fa2c2fba472730a5ba09c693412d"),
    "letters-test-labels-idx1": (144, "924955c31fe7fd809b7303b5c0141282955f4b8390c74cdfd5d80435e0f4b4cb"),
    "balanced-train-images-idx3": (28207740, "74295e75e4e9fa2c102147460ee7eb763653d5132d883a84fb88932bfb8d2db4"),
    "balanced-train-labels-idx1": (80618, "b46d41e5156a0a8aaaa4d18979fdd1588850fa8571018acffd5d93b325a7d6ed"),
    "balanced-test-images-idx3": (4714707, "117fc12b015e37ea98bfb2cbba3f77c3782c056cdbd219b87abfc8661d7135db"),
    "balanced-test-labels-idx1": (13504, "a67cac948379b67270b9a4d0a01c8ec661598accf2f2b1964340b7c83cb175cd"),
}
_EMNIST_FILES = {
    part: DataFile(f"emnist-{part}-ubyte.gz", size, sha256, member=f"gzip/emnist-{part}-ubyte.gz")
    for part, (size, sha256) in _EMNIST_MEMBERS.items()
}


def _emnist(
    part: str, about: str, classes: tuple[str, ...], counts: Mapping[str, int], *, first_label: int = 0
) -> NamedData:
    """One of the parts of EMNIST, whose images are stored column by column."""
    return NamedData(
        name=f"emnist-{part}",
        about=about,
        image_shape=(1, 28, 28),
        classes=classes,
        counts=counts,
        files={
            split: [_EMNIST_FILES[f"{part}-{split}-{what}"] for what in ("images-idx3", "labels-idx1")]
            for split in ("train", "test")
        },
        decode=partial(idx_pair, transposed=True, first_label=first_label),
        licence="none stated; made of NIST Special Database 19",
        citation="Cohen, Afshar, Tapson, van Schaik: EMNIST, arXiv:1702.05373, 2017",
        homepage="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        folder="emnist",
        archive=_EMNIST_ARCHIVE,
        together=tuple(_EMNIST_FILES.values()),
        slow=True,
    )


EMNIST_DIGITS = _emnist("digits", "handwritten digits, gray", DIGIT_NAMES, {"train": 240_000, "test": 40_000})
# Upper and lower case are one class.
EMNIST_LETTERS = _emnist(
    "letters",
    "handwritten letters, gray",
    tuple("abcdefghijklmnopqrstuvwxyz"),
    {"train": 124_800, "test": 20_800},
    first_label=1,
)
# Lower case is a class of its own where it looks unlike upper case. The order is emnist-balanced-mapping.txt's.
EMNIST_BALANCED = _emnist(
    "balanced",
    "handwritten digits and letters, gray",
    tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    {"train": 112_800, "test": 18_800},
)


_USPS_HOSTS = ("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass",)
_USPS_SHA256 = {
    "train": "3771e9dd6ba685185f89867b6e249233dd74652389f263963b3b741e994b034f",
    "test": "a9c0164e797d60142a50604917f0baa604f326e9a689698763793fa5d12ffc4e",
}
USPS = NamedData(
    name="usps",
    about="digits from U.S. mail, gray",
    image_shape=(1, 16, 16),
    classes=DIGIT_NAMES,
    counts={"train": 7_291, "test": 2_007},
    files={
        "train": [_at(_USPS_HOSTS, "usps.bz2", 6579383, _USPS_SHA256["train"])],
        "test": [_at(_USPS_HOSTS, "usps.t.bz2", 1831726, _USPS_SHA256["test"])],
    },
    decode=libsvm_rows,
    licence="none stated",
    citation="Hull: A Database for Handwritten Text Recognition Research, IEEE TPAMI 16(5), 1994",
    homepage="https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps",
    folder="usps",
    slow=True,
)


_SVHN_HOSTS = ("http://ufldl.stanford.edu/housenumbers", "https://cseweb.ucsd.edu/~weijian/static/datasets/svhn")
_SVHN_SHA256 = {
    "train": "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
    "test": "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
}
SVHN = NamedData(
    name="svhn",
    about="digits of house numbers, colour",
    image_shape=(3, 32, 32),
    classes=DIGIT_NAMES,
    counts={"train": 73_257, "test": 26_032},
    files={
        "train": [_at(_SVHN_HOSTS, "train_32x32.mat", 182040794, _SVHN_SHA256["train"])],
        "test": [_at(_SVHN_HOSTS, "test_32x32.mat", 64275384, _SVHN_SHA256["test"])],
    },
    decode=svhn_arrays,
    licence="non-commercial use only",
    citation="Netzer et al.: Reading Digits in Natural Images with Unsupervised Feature Learning, NIPS workshop, 2011",
    homepage="http://ufldl.stanford.edu/housenumbers/",
    folder="svhn",
    slow=True,
)

_CIFAR_SHA256 = {
    "data_batch_1": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
_CIFAR_FILES = tuple(
    DataFile(f"{name}.bin", 30_730_000, sha256, member=f"cifar-10-batches-bin/{name}.bin")
    for name, sha256 in _CIFAR_SHA256.items()
)
CIFAR10 = NamedData(
    name="cifar10",
    about="animals and vehicles, colour",
    image_shape=(3, 32, 32),
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    counts={"train": 50_000, "test": 10_000},
    files={"train": _CIFAR_FILES[:5], "test": _CIFAR_FILES[5:]},
    decode=cifar_records,
    licence="none stated; its makers ask to be cited",
    citation="Krizhevsky: Learning Multiple Layers of Features from Tiny Images, University of Toronto, 2009",
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
    folder="cifar10",
    archive=DataFile(
        "cifar-10-binary.tar.gz",
        170052171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        (
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz",
            "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
        ),
    ),
    together=_CIFAR_FILES,
)

CATALOGUE: Mapping[str, NamedData] = {
    data.name: data
    for data in (FASHION_MNIST, KMNIST, EMNIST_DIGITS, EMNIST_LETTERS, EMNIST_BALANCED, USPS, SVHN, CIFAR10)
}
