"""Networks of other kinds, in the files that they are published in: `pristine import` and model.init
refuse each by its format, and one that is turned into safetensors by its tensors' names. PR_DETECTORS
names their folder (a detector of faces in ONNX and in flat floats, one of landmarks in TensorFlow.js's
files, and cascades); PR_BUILD the build."""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

PRISTINE = os.path.join(os.environ["PR_BUILD"], "pristine")
FOLDER = os.path.abspath(os.environ.get("PR_DETECTORS", "../shared/data/models"))
KNOWN = "Weights are read from safetensors files"
NOTHING = "no safetensors file, nor another that is known"
CASES = (
    ("yunet/yunet_n_320_320.onnx", "an ONNX model. " + KNOWN),
    ("yunet/yunet_n.f32", NOTHING),
    ("faceapi/face_landmark_68_model-weights_manifest.json", "text in JSON (TensorFlow.js lists"),
    ("faceapi/face_landmark_68_model-shard1", NOTHING),
    ("pico/facefinder", NOTHING),
    ("pico/puploc", NOTHING),
    ("pico", "not a file"),
    ("pico/nothing", "No such file"),
)


def check(holds, message):
    if not holds:
        print(f"failed: {message}", file=sys.stderr, flush=True)
        sys.exit(1)


def refused(words, code, texts):
    done = subprocess.run([PRISTINE, *words], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    check(done.returncode == code, f"{words}: exit {done.returncode}, not {code}: {said}")
    for text in texts:
        check(text in said, f"{words}: no '{text}' in {said}")
    return said


def to_safetensors(out):
    """YuNet's floats under the names that its table gives them."""
    header, offset = {}, 0
    with open(os.path.join(FOLDER, "yunet/yunet_n.tensors.tsv")) as file:
        rows = [line.split("\t") for line in file.read().splitlines()[1:] if "\t" in line]
    for name, shape, first, n in rows:
        check(int(first) * 4 == offset, f"{name} begins at float {first}")
        header[name] = {"dtype": "F32", "shape": [int(d) for d in shape.split("x")],
                        "data_offsets": [offset, offset + 4 * int(n)]}
        offset += 4 * int(n)
    with open(os.path.join(FOLDER, "yunet/yunet_n.f32"), "rb") as file:
        data = file.read()
    text = json.dumps(header).encode()
    with open(out, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    return len(rows)


def main():
    if not os.path.isdir(FOLDER):
        print(f"skipped: no folder {FOLDER} (PR_DETECTORS names one)")
        return
    work = tempfile.mkdtemp(prefix="pristine-detectors-")
    config = os.path.join(work, "run.yaml")
    with open(config, "w") as file:
        file.write("objective: cross_entropy\nmodel: {name: meso4, px: 64, init: random}\n"
                   f"data: {{train: [{{path: {work}/faces}}]}}\nbatch: 8\ntrain: {{n_micro: 1}}\n"
                   "stage: {classifier: {epochs: 1}}\n")
    for name, text in CASES:
        path = os.path.join(FOLDER, name)
        code = 14 if text in ("not a file", "No such file") else 15
        said = refused(["import", path, "--config", config], code, [path, text])
        print(f"ok: {name}: {said.strip().splitlines()[-1][:150]}")

    # Safetensors, but of no network that is known here: every tensor is named, none is taken.
    foreign = os.path.join(work, "yunet.safetensors")
    n = to_safetensors(foreign)
    refused(["import", foreign, "--config", config], 1,
            [f"0 matched, 0 reshaped, 0 skipped, {n} unknown", "A run would refuse it"])
    refused(["import", foreign, "--config", config, "--set", "model.init_partial=true"], 1,
            ["0 matched"])

    # model.init says the same before anything is trained.
    refused(["forge", "--procedural", "--out", work + "/faces", "--identities", "12", "--videos", "1",
             "--frames", "2", "--size", "64"], 0, [])
    for path, code, text in ((os.path.join(FOLDER, CASES[0][0]), 15, "an ONNX model"),
                             (foreign, 11, "yunet.safetensors")):
        refused(["train", "--config", config, "--run", os.path.join(work, "run"), "--set",
                 "model.init=" + path], code, [text])
    shutil.rmtree(work)
    print("detectors: each is refused by what it is")


main()
