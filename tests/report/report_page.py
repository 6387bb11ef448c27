"""A report of a small made-up run: well-formed, without a link to anywhere, every number as the files
have it, pictures byte for byte, odd text escaped. Usage: report_page.py DRIVER [FOLDER to keep it]"""
import base64
import io
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from xml.etree import ElementTree

from PIL import Image

COLUMNS = ["auc", "ap", "eer", "acc", "acc_real", "acc_fake", "tpr_at_10pct", "tpr_at_1pct"]


def write_log(path):
    lines = [dict(type="start", step=0, epoch=0, stage="", ranks=4, threads=2)]
    step = 0
    for epoch in range(12):
        stage = "contrast" if epoch < 8 else "classify"
        lines.append(dict(type="plan", step=step, epoch=epoch, stage=stage, instance=310 + epoch,
                          temporal=330, semantic=300 + 5 * epoch, **{"class": 0}))
        lines.append(dict(type="bad", step=step, epoch=epoch, stage=stage, bad=2, replaced=1,
                          **({"first_bad": "raw/<1>/frame 3"} if epoch == 0 else {})))
        for _ in range(70):
            step += 1
            wave = 0.05 * math.sin(1.7 * step) + 0.03 * math.sin(5.1 * step)
            loss = (5.5 * math.exp(-step / 260) + 0.4 if stage == "contrast" else
                    0.7 * math.exp(-(step - 560) / 120) + 0.05) * (1 + wave)
            line = dict(type="step", step=step, epoch=epoch, stage=stage, phase="p", loss=loss,
                        lr=0.005 * (1 + math.cos(math.pi * step / 840)) + 1e-6,
                        grad_norm=2.0 / (1 + step / 100) * (1 + wave), views=256, step_s=6.1 + wave,
                        loss_s=0.01)
            if stage == "contrast":
                line["loss.margin"] = loss * 0.3
            lines.append(line)
        value = 1 - 0.4 * math.exp(-(epoch + 1) / 4)
        lines.append(dict(type="eval", step=step, epoch=epoch, stage=stage, split="val",
                          metric="frame.auc", value=value, best=True))
    with open(path, "w") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")
        file.write('{"type":"step","st')  # the run was killed while it wrote


class Reader(HTMLParser):
    """Collects what the checks need; the page has to close what it opens."""

    def __init__(self):
        super().__init__()
        self.open, self.rows, self.row, self.cell, self.images = [], [], None, None, []
        self.values, self.urls, self.tags, self.in_cell = [], [], [], False

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        for key in ("href", "src", "action", "data", "poster", "xlink:href"):
            if key in attrs:
                self.urls.append(attrs[key])
        if tag == "img":
            self.images.append((attrs["src"], attrs["alt"]))
        if tag == "tr":
            self.row = []
        if tag in ("td", "th"):
            self.cell = [None, ""]
        if tag == "span" and "data-v" in attrs:
            self.in_cell = self.cell is not None
            self.cell = [attrs["data-v"], ""]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in ("meta", "img"):
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
        if tag in ("td", "th") and self.row is not None:
            self.row.append(tuple(self.cell))
            self.cell = None
        if tag == "span" and self.cell and self.cell[0] is not None:
            self.values.append(tuple(self.cell))
            self.cell = self.cell if self.in_cell else None
        if tag == "tr":
            self.rows.append(self.row)

    def handle_data(self, data):
        if self.cell is not None:
            self.cell[1] += data


def check_row(row, name, level, values):
    assert [cell[1] for cell in row[:4]] == [name, level, str(values["n_real"]),
                                            str(values["n_fake"])], row
    for cell, key in zip(row[4:], COLUMNS):
        if values[key] is None:
            assert cell == (None, "n/a"), (name, level, key, cell)
        else:
            assert float(cell[0]) == values[key], (name, level, key, cell)
            assert cell[1] == "%.2f" % (100 * values[key]), (name, level, key, cell)


def check_rows(reader, evals):
    rows = iter([row for row in reader.rows if row[0][1] != "set"])
    for result in evals:
        wanted = [(result["set"], result)]
        if len(result["methods"]) > 1:
            wanted += list(result["methods"].items())
            wanted.append(("mean over methods", result["methods_mean"]))
        for name, both in wanted:
            for level in ("frame", "video"):
                check_row(next(rows), name, level, both[level])
    assert next(rows, None) is None


def check_roc(lines, roc):
    """Each point of the file is one of the curve's, to the last bit, and both ends are there."""
    rows = [line.split("\t") for line in lines]
    fakes = sorted((float(row[4]) for row in rows if row[1] == "fake"), reverse=True)
    reals = sorted((float(row[4]) for row in rows if row[1] == "real"), reverse=True)
    points = {(0.0, 0.0)}
    for t in fakes + reals:
        points.add((sum(x >= t for x in reals) / len(reals), sum(x >= t for x in fakes) / len(fakes)))
    drawn = list(zip(roc["fpr"], roc["tpr"]))
    assert drawn[0] == (0.0, 0.0) and drawn[-1] == (1.0, 1.0) and len(drawn) == 512
    assert set(drawn) <= points


def main():
    folder = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp()
    os.makedirs(os.path.join(folder, "eval"), exist_ok=True)
    write_log(os.path.join(folder, "log.jsonl"))
    with open(os.path.join(folder, "config.yaml"), "w") as file:
        file.write("train:\n  seed: 7\n  note: \"a < b && c > d\"\n")
    pictures = sys.argv[3:]
    for i in range(3 if not pictures else 0):
        blob = io.BytesIO()
        Image.new("RGB", (24, 24), (80 * i, 120, 200 - 60 * i)).save(blob, "JPEG")
        pictures.append(os.path.join(folder, f"face{i}.jpg"))
        with open(pictures[-1], "wb") as file:
            file.write(blob.getvalue())
    done = subprocess.run([sys.argv[1], folder] + pictures, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    with open(os.path.join(folder, "report.html"), "rb") as file:
        page = file.read().decode("utf-8")

    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open, reader.open
    ElementTree.fromstring(page.replace("<!DOCTYPE html>", "", 1))  # well-formed as XML, too
    assert all(url.startswith("data:image/") for url in reader.urls), "a link to elsewhere"
    assert not re.search(r"https?:|url\(|@import|//[a-z]", re.sub(r"base64,[^\"]*", "", page))
    assert not {"script", "iframe", "link", "object"} & set(reader.tags)
    assert "<friends>" not in page and "&lt;friends&gt;" in page and "a &lt; b &amp;&amp;" in page
    assert "blend&lt;soft&gt;" in page and "raw/&lt;1&gt;/frame 3" in page
    assert "met 24 bad crops and showed another in place of 12" in page
    assert "last line is not whole" in page

    evals = []
    for name in ("val", "test.ff", "test.reals"):
        with open(os.path.join(folder, "eval", name + ".json")) as file:
            evals.append(json.load(file))
    check_rows(reader, evals)
    known = set()

    def collect(value):
        for child in value.values() if isinstance(value, dict) else ():
            collect(child)
            if isinstance(child, (int, float)):
                known.add(float(child))
    for result in evals:
        collect(result)
    assert len(reader.values) > 100
    for full, shown in reader.values:
        assert float(full) in known and shown == "%.2f" % (100 * float(full)), (full, shown)

    assert len(reader.images) == 20
    for k, (source, _) in enumerate(reader.images):
        with open(pictures[k % 10 % len(pictures)], "rb") as file:
            assert base64.b64decode(source.split(",", 1)[1]) == file.read(), k
    for title in ("Loss, stage contrast", "Loss, stage classify", "Validation", "Learning rate",
                  "Views a second", "Mates by pairing level", "ROC of frames", "Scores, val"):
        assert title in page, title

    # The files themselves: what does not exist is null, and the scores list is complete.
    assert evals[2]["frame"]["auc"] is None and evals[2]["frame"]["n_fake"] == 0
    assert evals[1]["notes"] and evals[1]["left_out"] == [{"why": "corrupt crop", "n": 3}]
    with open(os.path.join(folder, "eval", "val.tsv")) as file:
        lines = file.read().splitlines()
    assert len(lines) == 1201 and lines[1].startswith("sample 0\treal\t"), lines[:2]
    check_roc(lines[1:], evals[0]["roc"])
    assert "(no fakes)" in done.stdout and "n/a" in done.stdout
    assert len({len(line) for line in done.stdout.splitlines() if " frame " in line
                and "no fakes" not in line}) == 1, "columns are not aligned"
    print(f"report of {len(page)} bytes, {len(reader.values)} numbers as in the files")


main()
