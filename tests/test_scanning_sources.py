"""Where pictures come from: folders and zips in their order, and no zip that leads elsewhere or blows up."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from digitsmith.errors import DataError
from digitsmith.scanning import archive, sources
from digitsmith.scanning.refusals import Refused
from digitsmith.scanning.sources import pictures_in


def folder_of(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def zip_of(path: Path, *names: str, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for name in names:
            made.writestr(name, name.encode())
    return path


def seen(path: Path) -> list[tuple[str, str | None]]:
    return [(each.name, each.label) for each in pictures_in(path).items]


NAMES = ("10/a.png", "9/b 10.png", "9/b 2.png", "9/.hidden", "manifest.json", "README.md")
IN_ORDER = [("9/b 2.png", "9"), ("9/b 10.png", "9"), ("10/a.png", "10")]


def test_class_folders_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "scans", *NAMES)
    assert seen(root) == IN_ORDER
    assert [each.read() for each in pictures_in(root).items] == [name.encode() for name, _ in IN_ORDER]


def test_a_zip_is_read_as_its_folder_would_be(tmp_path: Path) -> None:
    left_behind = ("__MACOSX/9/._b 2.png", "9/Thumbs.db")
    packed = zip_of(tmp_path / "scans.zip", *NAMES, *left_behind, method=zipfile.ZIP_DEFLATED)
    assert seen(packed) == IN_ORDER
    assert [each.read() for each in pictures_in(packed).items] == [name.encode() for name, _ in IN_ORDER]


def test_a_folder_around_everything_is_seen_through(tmp_path: Path) -> None:
    assert seen(zip_of(tmp_path / "a.zip", "my scans/7/a.png", "my scans/8/b.png")) == [
        ("7/a.png", "7"),
        ("8/b.png", "8"),
    ]
    assert seen(zip_of(tmp_path / "b.zip", "a.png", "b.jpg")) == [("a.png", None), ("b.jpg", None)]
    assert seen(zip_of(tmp_path / "sheets.zip", "sheets/a.png", "sheets/b.jpg")) == [("a.png", None), ("b.jpg", None)]
    assert seen(zip_of(tmp_path / "other.zip", "7/a.png", "7/b.jpg")) == [("7/a.png", "7"), ("7/b.jpg", "7")]


def test_a_stray_file_in_the_folder_around_everything_costs_no_class(tmp_path: Path) -> None:
    names = ("scans/7/a.png", "scans/8/b.png", "scans/stray.png")
    packed, around = zip_of(tmp_path / "photos.zip", *names), folder_of(tmp_path / "photos", *names)
    for place in (packed, around, around / "scans"):
        found = pictures_in(place)
        assert [(each.name, each.label) for each in found.items] == [("7/a.png", "7"), ("8/b.png", "8")]
        assert [each.name for each in found.refused] == ["stray.png"]


def test_the_only_class_folder_is_one_though_a_folder_lies_in_it(tmp_path: Path) -> None:
    names = ("7/a.png", "7/b.png", "7/deeper/c.png")
    for place in (zip_of(tmp_path / "photos.zip", *names), folder_of(tmp_path / "photos", *names)):
        found = pictures_in(place)
        assert [(each.name, each.label) for each in found.items] == [("7/a.png", "7"), ("7/b.png", "7")]
        assert [each.name for each in found.refused] == ["7/deeper/c.png"]


def test_a_zip_that_is_called_as_its_folder_is_read_as_that_is_whatever_lies_in_it(tmp_path: Path) -> None:
    names = ("scans/7/a.png", "scans/one.png", "scans/two.png")
    packed, folder = zip_of(tmp_path / "scans.zip", *names), folder_of(tmp_path, *names) / "scans"
    for place in (packed, folder):
        found = pictures_in(place)
        assert [(each.name, each.label) for each in found.items] == [("7/a.png", "7")]
        assert sorted(each.name for each in found.refused) == ["one.png", "two.png"]


def test_a_picture_and_loose_pictures_have_no_label(tmp_path: Path) -> None:
    root = folder_of(tmp_path, "p 2.png", "p 10.jpg")
    assert seen(root) == [("p 2.png", None), ("p 10.jpg", None)]
    assert seen(root / "p 2.png") == [("p 2.png", None)]


def test_what_lies_where_no_picture_belongs_is_refused_by_name(tmp_path: Path) -> None:
    found = pictures_in(folder_of(tmp_path, "stray.png", "7/a.png", "7/deeper/b.png"))
    assert [each.name for each in found.items] == ["7/a.png"]
    assert {each.name: each.reason.split(";")[0] for each in found.refused} == {
        "stray.png": "lies beside the class folders",
        "7/deeper/b.png": "lies in a folder inside a class folder",
    }


def test_a_link_back_to_the_folder_has_an_end(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "scans", "7/a.png")
    (root / "7" / "again").symlink_to(root)
    assert seen(root) == [("7/a.png", "7")]


def test_a_linked_class_folder_is_followed(tmp_path: Path) -> None:
    folder_of(tmp_path / "elsewhere", "a.png")
    root = folder_of(tmp_path / "scans", "7/a.png")
    (root / "8").symlink_to(tmp_path / "elsewhere")
    assert seen(root) == [("7/a.png", "7"), ("8/a.png", "8")]


@pytest.mark.parametrize("name", [b" ", b"7\n8", b"7\xff"])
def test_a_folder_that_cannot_name_a_class_is_refused(tmp_path: Path, name: bytes) -> None:
    folder_of(tmp_path / os.fsdecode(name), "a.png")
    with pytest.raises(DataError, match="cannot name a class") as refusal:
        pictures_in(folder_of(tmp_path, "6/a.png"))
    assert str(refusal.value).isprintable()


def test_any_name_of_a_file_can_be_shown_and_any_refusal_of_the_system_is_one_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / os.fsdecode(b"a\xff\n.png")).write_bytes(b"a")
    (tmp_path / "7" / "gone.png").symlink_to(tmp_path / "nowhere")
    odd, gone = pictures_in(tmp_path).items
    assert odd.name == r"7/a\udcff\n.png" and odd.read() == b"a"
    with pytest.raises(Refused, match=r"^is a link to something that is gone"):
        gone.read()


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "C:\\evil.png", "a\\..\\..\\evil.png"]
)
def test_a_zip_that_leads_outside_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    packed = tmp_path / "slip.zip"
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("7/a.png", b"a")
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        made.writestr(info, b"evil")
    with pytest.raises(DataError, match=r"outside the archive's folder"):
        pictures_in(packed)


@pytest.mark.parametrize(
    ("name", "words"), [("", "without a name"), (".", "without a name"), ("\0/b.png", "do not trust")]
)
def test_a_zip_with_a_member_that_has_no_name_is_refused(tmp_path: Path, name: str, words: str) -> None:
    packed = tmp_path / "nameless.zip"
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("7/a.png", b"a")
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        made.writestr(info, b"b")
    with pytest.raises(DataError, match=words):
        pictures_in(packed)


def test_a_zip_with_a_link_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "link.zip"
    with zipfile.ZipFile(packed, "w") as made:
        info = zipfile.ZipInfo("7/a.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(info, b"/etc/passwd")
    with pytest.raises(DataError, match="is a link"):
        pictures_in(packed)


def test_a_zip_packed_by_more_than_deflate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not packed by deflate"):
        pictures_in(zip_of(tmp_path / "a.zip", "7/a.png", method=zipfile.ZIP_LZMA))


def test_a_zip_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    packed = tmp_path / "bomb.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(8):
            made.writestr(f"7/{number}.png", bytes(10 * 2**20))
    with pytest.raises(DataError, match="times its size"):
        pictures_in(packed)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    with pytest.raises(DataError, match="more than the 2 taken"):
        pictures_in(zip_of(tmp_path / "many.zip", "a.png", "b.png", "c.png"))


def test_a_member_that_is_too_large_is_refused_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 10)
    small, large = pictures_in(zip_of(tmp_path / "a.zip", "7/a.png", "7/much longer.png")).items
    assert small.read() == b"7/a.png"
    with pytest.raises(Refused, match="17 bytes, more than the 10"):
        large.read()


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    packed = zip_of(tmp_path / "lie.zip", "7/a.png", method=zipfile.ZIP_DEFLATED)
    content = bytearray(packed.read_bytes())
    for magic, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(magic) + place
        content[at : at + 4] = (3).to_bytes(4, "little")
    packed.write_bytes(content)
    (picture,) = pictures_in(packed).items
    with pytest.raises(Refused, match="archive"):
        picture.read()


def test_a_damaged_zip_and_a_damaged_member(tmp_path: Path) -> None:
    packed = zip_of(tmp_path / "a.zip", "7/a.png")
    whole = packed.read_bytes()
    packed.write_bytes(whole[:-10])
    with pytest.raises(DataError, match="damaged zip"):
        pictures_in(packed)
    packed.write_bytes(whole.replace(b"7/a.png7/a.png", b"7/a.png7/a.pnG"))
    with pytest.raises(Refused, match="cannot be unpacked"):
        pictures_in(packed).items[0].read()


def test_a_member_whose_own_header_has_a_damaged_name_is_refused_alone(tmp_path: Path) -> None:
    packed = zip_of(tmp_path / "a.zip", "7/ä.png", "7/b.png")
    # the first place is the member's header; the directory at the end keeps the name
    packed.write_bytes(packed.read_bytes().replace("ä".encode(), b"\xc3$", 1))
    items = {each.name: each for each in pictures_in(packed).items}
    assert items["7/b.png"].read() == b"7/b.png"
    with pytest.raises(Refused, match="cannot be unpacked"):
        items["7/ä.png"].read()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("README.md",), "holds no pictures"),
        (("train/7/a.png", "test/7/b.png"), "holds splits"),
        ((), "holds no pictures"),
    ],
)
def test_a_folder_without_pictures_of_classes_is_refused(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        pictures_in(folder_of(tmp_path, *names))


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        pictures_in(tmp_path / "nowhere")
