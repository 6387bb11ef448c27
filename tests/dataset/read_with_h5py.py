"""A dataset read by h5py and h5dump alone, as docs/format.md describes it, against its own CRCs.

Usage: read_with_h5py.py PROGRAM, which writes a dataset into the folder that it is given.
"""
import io
import os
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy
from PIL import Image


def crc32c_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def check_shard(path, found):
    with h5py.File(path, "r") as file:
        assert file.attrs["format_version"] == 1
        crops, words = file["crops"][:], file["words"][:]
        offset, crc = file["image_offset"][:], file["image_crc32c"][:]
        heap = file["image"][:]
        at = file["image"].id.get_offset()
        assert file["image"].chunks is None and words[0] == b""
        for i, row in enumerate(crops):
            data = heap[offset[i]:offset[i + 1]].tobytes()
            assert crc32c(data) == crc[i], (path, i)
            image = Image.open(io.BytesIO(data))
            assert image.size == (row["width"], row["height"])
            assert image.format.lower().encode() == words[row["codec"]]
            key = tuple(words[row[k]] for k in ("dataset", "method", "compression", "video"))
            key += (int(row["frame"]), int(row["face"]))
            found[key] = (os.path.basename(path), i, at + int(offset[i]), data,
                          words[row["label"]])
            if row["n_landmarks"] > 0:
                points = file["landmarks"][row["landmark_first"]:][:row["n_landmarks"]]
                assert crc32c(points.tobytes()) == row["landmark_crc32c"]
        if "mask" in file:
            masks, mask_crc = file["mask_offset"][:], file["mask_crc32c"][:]
            for i in range(len(crops)):
                data = file["mask"][masks[i]:masks[i + 1]].tobytes()
                assert not data or crc32c(data) == mask_crc[i]
                assert bool(data) == (words[crops[i]["label"]] == b"fake")


def check_index(folder, found):
    with h5py.File(os.path.join(folder, "dataset.h5"), "r") as file:
        crops, words = file["crops"][:], file["words"][:]
        keys = []
        for row in crops:
            key = tuple(words[row[k]] for k in ("dataset", "method", "compression", "video"))
            key += (int(row["frame"]), int(row["face"]))
            keys.append(key)
            name, record, at, data, label = found[key]
            assert (name, record, at) == ("part-%05d.h5" % row["shard"], row["record"],
                                          row["image_at"])
            with open(os.path.join(folder, name), "rb") as shard:
                shard.seek(at)
                assert shard.read(int(row["image_bytes"])) == data
            assert words[row["label"]] == label
        assert keys == sorted(found), "the index is in key order"
        for s, row in enumerate(file["shards"][:]):
            path = os.path.join(folder, "part-%05d.h5" % s)
            assert os.path.getsize(path) == row["n_bytes"]
            with h5py.File(path, "r") as shard:
                assert shard.attrs["metadata_checksum"] == row["checksum"]
        assert len(file["provenance"]) == 1


def main():
    folder = tempfile.mkdtemp()
    try:
        subprocess.run([sys.argv[1], folder], check=True, stderr=subprocess.DEVNULL)
        shards = sorted(name for name in os.listdir(folder) if name.startswith("part-"))
        found = {}
        for name in shards:
            check_shard(os.path.join(folder, name), found)
        check_index(folder, found)
        assert len(found) == 12, len(found)
        assert len({numpy.frombuffer(v[3], numpy.uint8).tobytes() for v in found.values()}) == 12
        if shutil.which("h5dump"):
            for name in shards + ["dataset.h5"]:
                subprocess.run(["h5dump", os.path.join(folder, name)], check=True,
                               stdout=subprocess.DEVNULL)
    finally:
        shutil.rmtree(folder)
    print("%d crops in %d shards read by h5py" % (len(found), len(shards)))


main()
