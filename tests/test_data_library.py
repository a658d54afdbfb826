"""Named data sets from their first use on: fetched, unpacked, kept, checked, and there without a network."""

import threading
import warnings
from dataclasses import replace

import numpy as np
import pytest

import digitsmith
from digitsmith import cli, watching
from digitsmith.data import archives, library
from digitsmith.data.catalogue import CATALOGUE, CIFAR10, EMNIST_DIGITS, EMNIST_LETTERS, FASHION_MNIST, SVHN, USPS
from digitsmith.data.library import fetch, folder_of, is_cached, load_named
from digitsmith.errors import ConfigError, DataError, DigitsmithError
from published_files import described, idx, libsvm, mat, serving, tar_gz, zipped

COUNTS = {"train": 6, "test": 3}
RNG = np.random.default_rng(0)
IMAGES = {split: RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8) for split, count in COUNTS.items()}
LABELS = {"train": np.array([1, 2, 3, 4, 5, 9]), "test": np.array([1, 2, 3])}
COLOURS = {split: RNG.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8) for split, count in COUNTS.items()}


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(watching, "_watch", list(watching._watch))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITSMITH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "datasets"


@pytest.fixture
def host(cache, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as host:
        yield host


def fashion(host):
    """Fashion-MNIST of nine images, four files."""
    files = {}
    for split, name in (("train", "train"), ("test", "t10k")):
        parts = {f"{name}-images-idx3-ubyte.gz": idx(IMAGES[split]), f"{name}-labels-idx1-ubyte.gz": idx(LABELS[split])}
        files[split] = [described(file, content, host.put(file, content)) for file, content in parts.items()]
    return replace(FASHION_MNIST, counts=COUNTS, files=files)


def emnist(host):
    """EMNIST digits and letters of nine images each, one archive."""
    members = {}
    for part in ("digits", "letters"):
        for split in COUNTS:
            stem = f"gzip/emnist-{part}-{split}"
            members[f"{stem}-images-idx3-ubyte.gz"] = idx(IMAGES[split].transpose(0, 2, 1))
            members[f"{stem}-labels-idx1-ubyte.gz"] = idx(LABELS[split])
    content = zipped({"gzip/readme.txt": b"of no use", **members})
    archive = described("gzip.zip", content, host.put("gzip.zip", content))
    files = {path: described(path.removeprefix("gzip/"), data, member=path) for path, data in members.items()}
    return [
        replace(
            data,
            counts=COUNTS,
            files={
                s: [files[f"gzip/emnist-{part}-{s}-{what}-ubyte.gz"] for what in ("images-idx3", "labels-idx1")]
                for s in COUNTS
            },
            archive=archive,
            together=tuple(files.values()),
        )
        for part, data in (("digits", EMNIST_DIGITS), ("letters", EMNIST_LETTERS))
    ]


def cifar(host, **about):
    """CIFAR-10 of nine images, in a .tar.gz; `about` goes to `tar_gz`."""
    members = {}
    for split, name in (("train", "data_batch_1.bin"), ("test", "test_batch.bin")):
        records = np.concatenate([LABELS[split][:, None].astype(np.uint8), COLOURS[split].reshape(-1, 3072)], axis=1)
        members[f"cifar-10-batches-bin/{name}"] = records.tobytes()
    content = tar_gz(about.pop("before", {}) | {"cifar-10-batches-bin/readme.html": b"<html>"} | members, **about)
    files = {path: described(path.rpartition("/")[2], data, member=path) for path, data in members.items()}
    train, test = files.values()
    return replace(
        CIFAR10,
        counts=COUNTS,
        files={"train": [train], "test": [test]},
        archive=described("cifar-10-binary.tar.gz", content, host.put("cifar-10-binary.tar.gz", content)),
        together=(train, test),
    )


def single(host, data, **contents):
    """A data set with one file a split."""
    files = {
        split: [described(f"{split}.file", content, host.put(f"{split}.file", content))]
        for split, content in contents.items()
    }
    return replace(data, counts=COUNTS, files=files)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_the_first_use_fetches_both_splits_and_later_ones_nothing(host):
    data = fashion(host)
    assert not is_cached(data)
    train = load_named(data, "train")
    assert len(host.asked) == 4 and is_cached(data)
    test = load_named(data, "test")
    assert len(host.asked) == 4
    assert np.array_equal(train.images[:, 0], IMAGES["train"]) and np.array_equal(test.images[:, 0], IMAGES["test"])
    assert train.labels.tolist() == LABELS["train"].tolist() and train.labels.dtype == np.int64
    assert train.classes == FASHION_MNIST.classes and train.source == "fashion-mnist (train)"


def test_it_is_read_by_its_name_in_every_split(host, monkeypatch):
    monkeypatch.setitem(CATALOGUE, "fashion-mnist", fashion(host))
    both = digitsmith.read_digits("fashion-mnist", split="all")
    assert np.array_equal(both.images[:, 0], np.concatenate([IMAGES["train"], IMAGES["test"]]))
    assert both.source == "fashion-mnist (all)" and both.classes[both.labels[5]] == "Ankle boot"
    with pytest.raises(ConfigError, match="split 'validation' is unknown"):
        digitsmith.read_digits("fashion-mnist", split="validation")


def test_all_is_there_without_a_network(cache):
    with serving() as host:
        data = [fashion(host), *emnist(host), cifar(host)]
        for one in data:
            fetch(one)
    for one in data:
        assert len(load_named(one, "train")) == 6 and len(load_named(one, "test")) == 3


@pytest.mark.parametrize("damage", [b"", b"short", "flip"])
def test_a_damaged_file_is_fetched_anew(host, damage):
    data = fashion(host)
    path = fetch(data) / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if damage == "flip" else damage)
    assert np.array_equal(load_named(data).images[:, 0], IMAGES["train"])
    assert [asked for asked, _ in host.asked[4:]] == ["/train-images-idx3-ubyte.gz"] and path.read_bytes() == whole


def test_one_archive_serves_its_data_sets_and_goes_again(host):
    digits, letters = emnist(host)
    assert np.array_equal(load_named(digits, "test").images[:, 0], IMAGES["test"])
    assert [letters.classes[label] for label in load_named(letters, "train").labels] == list("abcdei")
    assert host.asked == [("/gzip.zip", "")]
    assert "gzip.zip" not in names(folder_of(digits)) and folder_of(digits) == folder_of(letters)


def test_a_tar_is_unpacked_without_what_is_not_wanted(host):
    data = cifar(host)
    assert np.array_equal(load_named(data, "test").images, COLOURS["test"])
    assert names(folder_of(data)) == ["data_batch_1.bin", "test_batch.bin"]


def test_an_archive_that_was_put_there_by_hand_is_used_and_stays(host):
    data = cifar(host)
    folder_of(data).mkdir(parents=True)
    (folder_of(data) / data.archive.name).write_bytes(host.files["/cifar-10-binary.tar.gz"])
    assert len(load_named(data)) == 6 and host.asked == []
    assert data.archive.name in names(folder_of(data))


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("stopped", [KeyboardInterrupt, SystemExit])  # Ctrl-C, and SIGTERM under the command line
def test_an_unpacking_that_was_stopped_goes_on_without_a_network(host, monkeypatch, by_hand, stopped):
    data = cifar(host)
    if by_hand:
        folder_of(data).mkdir(parents=True)
        (folder_of(data) / data.archive.name).write_bytes(host.files["/cifar-10-binary.tar.gz"])

    def stop(*_, **__):
        raise stopped

    with monkeypatch.context() as patch, pytest.raises(stopped):
        patch.setattr(library, "unpack", stop)
        fetch(data)
    host.files.clear()
    assert len(load_named(data)) == 6 and len(host.asked) == (not by_hand)
    assert names(folder_of(data)) == [data.archive.name] * by_hand + ["data_batch_1.bin", "test_batch.bin"]


def test_a_truncated_archive_is_fetched_anew(host):
    data = cifar(host)
    folder_of(data).mkdir(parents=True)
    (folder_of(data) / data.archive.name).write_bytes(host.files["/cifar-10-binary.tar.gz"][:-100])
    assert len(load_named(data)) == 6 and host.asked == [("/cifar-10-binary.tar.gz", "")]


def test_members_that_are_there_need_no_archive(host):
    data = cifar(host)
    fetch(data)
    host.asked.clear()
    host.files.clear()
    assert fetch(data) == folder_of(data) and host.asked == []


def test_no_path_or_link_of_an_archive_leads_out_of_its_folder(host, cache, tmp_path):
    evil = {f"{up}escaped.bin": b"evil" for up in ("../", "../../", f"{tmp_path}/", "cifar-10-batches-bin/../../")}
    links = {"cifar-10-batches-bin": str(tmp_path), "data_batch_1.bin": str(tmp_path / "escaped.bin")}
    data = cifar(host, before=evil, links=links)
    assert len(load_named(data)) == 6
    assert not list(tmp_path.rglob("escaped*"))
    assert names(folder_of(data)) == ["data_batch_1.bin", "test_batch.bin"]


def test_a_link_in_the_place_of_a_wanted_file_is_not_followed(host, tmp_path):
    data = cifar(host)
    content = tar_gz({}, links={file.member: "/etc/passwd" for file in data.together})
    data = replace(data, archive=described("cifar-10-binary.tar.gz", content, host.put("links.tar.gz", content)))
    with pytest.raises(DataError, match=r"does not hold cifar-10-batches-bin/data_batch_1\.bin; delete it"):
        load_named(data)
    assert "data_batch_1.bin" not in names(folder_of(data))


@pytest.mark.parametrize("pack", [tar_gz, zipped])
@pytest.mark.parametrize(
    ("content", "error"),
    [(bytes(1 << 20), "has 1,048,576 bytes in it, not 18,438"), (bytes(18_438), "is another file than the published")],
)
def test_a_member_of_another_size_or_content_is_refused(host, pack, content, error):
    data = cifar(host)
    name = "cifar-10-binary" + (".zip" if pack is zipped else ".tar.gz")
    packed = pack({file.member: content for file in data.together})
    data = replace(data, archive=described(name, packed, host.put("bomb", packed)))
    with pytest.raises(DataError, match=error):
        load_named(data)
    assert names(folder_of(data)) == [name]


def test_a_bomb_before_the_wanted_files_is_not_unpacked(host, monkeypatch):
    monkeypatch.setattr(archives, "_MOST_BESIDE", 1 << 20)
    data = cifar(host, before={"bomb": bytes(2 << 20)})
    with pytest.raises(DataError, match="unpacks to more than"):
        load_named(data)


@pytest.mark.parametrize(("name", "content"), [("a.zip", b"PK\x03\x04"), ("a.tar.gz", b"\x1f\x8b\x08")])
def test_an_archive_that_is_none_is_one_line(host, name, content):
    data = replace(cifar(host), archive=described(name, content, host.put("none", content)))
    with pytest.raises(DataError, match=r"is damaged or cut short|cannot be read|does not hold"):
        load_named(data)


def test_slow_forms_are_kept_decoded_and_checked(host, monkeypatch):
    values = {split: (images[:, :16, :16].reshape(-1, 256) / 127.5 - 1) for split, images in IMAGES.items()}
    data = single(host, USPS, **{split: libsvm(values[split], LABELS[split]) for split in COUNTS})
    first = load_named(data)
    (kept,) = folder_of(data).glob("usps-train-*.decoded")
    calls = []
    again = replace(data, decode=lambda paths: calls.append(paths) or data.decode(paths))
    mapped = load_named(again)
    assert calls == [] and np.array_equal(mapped.images, first.images) and np.array_equal(mapped.labels, first.labels)
    content = kept.read_bytes()
    for damaged in (content[:-1], content[:50] + bytes([content[50] ^ 1]) + content[51:]):
        del mapped
        kept.write_bytes(damaged)
        mapped = load_named(again)
        assert np.array_equal(mapped.images, first.images) and kept.read_bytes() == content
    assert len(calls) == 2


def test_colour_comes_out_of_a_mat_file(host):
    data = single(
        host,
        SVHN,
        **{s: mat(X=COLOURS[s].transpose(2, 3, 1, 0), y=LABELS[s].reshape(-1, 1).astype(np.uint8)) for s in COUNTS},
    )
    for _ in range(2):
        assert np.array_equal(load_named(data, "train").images, COLOURS["train"])


def test_what_decodes_to_other_than_the_catalogue_says_is_refused(host):
    data = replace(fashion(host), counts={"train": 7, "test": 3})
    with pytest.raises(DataError, match=r"fashion-mnist \(train\) came out as \[6, 1, 28, 28\]"):
        load_named(data)
    data = replace(fashion(host), classes=FASHION_MNIST.classes[:9])
    with pytest.raises(DataError, match=r"6 labels up to 9, not as .* of 9 classes"):
        load_named(data)


def test_two_at_once_fetch_it_once(host):
    data = fashion(host)
    results = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the second may say that it waits
        threads = [threading.Thread(target=lambda: results.append(load_named(data).images)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(results) == 4 and all(np.array_equal(images[:, 0], IMAGES["train"]) for images in results)
    assert len(host.asked) == 4 and len(names(folder_of(data))) == 4


def test_a_cache_that_cannot_be_made_is_one_line_that_says_where_its_place_is_named(cache):
    cache.parent.write_text("a file in the cache's place")
    with pytest.raises(DigitsmithError, match=r"fashion-mnist: .*not a folder.*\(DIGITSMITH_CACHE names"):
        fetch(FASHION_MNIST)


def test_another_file_in_the_place_of_an_archive_is_told_of(host):
    data = cifar(host)
    host.files.clear()
    folder_of(data).mkdir(parents=True)
    (folder_of(data) / data.archive.name).write_bytes(b"another version")
    with pytest.raises(DigitsmithError, match=r"at .*cifar-10-binary\.tar\.gz, where another file of 15 bytes is now"):
        load_named(data)
    assert (folder_of(data) / data.archive.name).read_bytes() == b"another version"


def test_nothing_but_its_files_is_left_when_no_host_has_it(host):
    data = fashion(host)
    host.files.pop("/t10k-images-idx3-ubyte.gz")
    with pytest.raises(DigitsmithError, match=r"fashion-mnist: t10k-images-idx3-ubyte\.gz cannot be downloaded"):
        load_named(data)
    assert len(names(folder_of(data))) == 2


def test_the_command_lists_what_is_here_and_what_a_download_takes(cache, capsys):
    assert cli.run(["datasets"]) == 0
    out = capsys.readouterr().out
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert set(CATALOGUE) | {"mnist", "stacked-mnist"} <= set(rows)
    assert "60,000 + 10,000" in rows["fashion-mnist"] and "no (31 MB)" in rows["fashion-mnist"]
    assert "47" in rows["emnist-balanced"].split() and "no (562 MB)" in rows["emnist-balanced"]
    assert "16x16" in rows["usps"] and "inside" in rows["mnist"] and str(cache) in out


def test_the_command_fetches_ahead(host, monkeypatch, capsys):
    data = cifar(host)
    monkeypatch.setitem(CATALOGUE, "cifar10", data)
    assert cli.run(["datasets", "fetch", "cifar10"]) == 0
    out, err = capsys.readouterr()
    assert str(folder_of(data)) in out and "digitsmith train --data cifar10" in out
    assert err.startswith("digitsmith: cifar10: cifar-10-binary.tar.gz from 127.0.0.1 (0.0 MB)\n")
    host.files.clear()
    assert cli.run(["datasets", "fetch", "cifar10"]) == 0  # checked, not fetched
    assert cli.run(["datasets"]) == 0
    assert any(line.split()[:1] == ["cifar10"] and " yes " in line for line in capsys.readouterr().out.splitlines())


def test_the_command_lists_the_files_to_bring_by_other_means(cache, capsys):
    assert cli.run(["datasets", "files", "kmnist"]) == 0
    out = capsys.readouterr().out
    for file in CATALOGUE["kmnist"].all_files:
        assert str(cache / "kmnist" / file.name) in out and file.sha256 in out and file.addresses[0] in out
    assert cli.run(["datasets", "files", "cifar10"]) == 0
    out = capsys.readouterr().out
    assert str(cache / "cifar10" / "cifar-10-binary.tar.gz") in out and "170,052,171" in out and ".bin" not in out


def test_the_command_refuses_in_one_line(host, monkeypatch, capsys):
    assert cli.run(["datasets", "fetch", "imagenet"]) == 2
    assert "'imagenet' is no data set of this list; fetched are fashion-mnist, kmnist" in capsys.readouterr().err
    assert cli.run(["datasets", "fetch", "mnist"]) == 2
    assert "'mnist' is inside the package; there is nothing to fetch" in capsys.readouterr().err
    data = cifar(host)
    host.files.clear()
    monkeypatch.setitem(CATALOGUE, "cifar10", data)
    assert cli.run(["datasets", "fetch", "cifar10"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "HTTP 404" in err and data.archive.sha256 in err
