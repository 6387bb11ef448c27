"""Pages of small runs: one alone, and several beside each other. Numbers are those of eval/*.json, the same
samples are shown of every run, similarities are those of the embeddings that `predict` writes with the
bank of the checkpoint, the page has the same bytes on 1 and 2 ranks, and what cannot stand beside each
other is refused with one message. Usage: compare.py"""
import json
import os
import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "trainer"))

import runs
from runs import BINARY, Lab, check

runs.CONFIG = """
objective: rccl
seed: 3
model: {width: 0.125, depth: 0, px: 48, init: random}
data:
  root: %s
  train: [{path: faces, split: train}]
  val: [{path: faces, split: val}]
  test: {all: [{path: faces, split: test}]}
train: {n_micro: 4}
cpu: {threads: 1}
batch: 16
rccl: {u: 4, k: 2}
optim: {name: adamw, lr: 0.001}
"""
N_TEST = {"real": 16, "swap": 16}
PER_CLASS = 6


def pristine(*words, code=0, ranks=1):
    front = ["mpirun", "-q", "-n", str(ranks)] if ranks > 1 else []
    done = subprocess.run(front + [BINARY, *words], capture_output=True, text=True, check=False)
    check((done.returncode == 0) == (code == 0), f"{words}: exit {done.returncode}:\n{done.stderr}")
    return done.stdout if code == 0 else done.stderr


def refused(text, *words):
    message = pristine(*words, code=1)
    check(message.count("fatal: ") == 1 and text in message, f"{words}: no '{text}' in:\n{message}")


class Page:
    def __init__(self, path):
        with open(path) as file:
            self.text = file.read()
        self.root = ElementTree.fromstring(self.text.replace("<!DOCTYPE html>", "", 1))
        bare = re.sub(r"base64,[^\"]*", "", self.text)
        check(not re.search(r"https?:|url\(|<script|<link", bare), f"{path} links to elsewhere")

    def section(self, name):
        """The elements behind <h2 id=name> up to the next heading."""
        found, inside = [], False
        for node in self.root.find(".//main"):
            if node.tag == "h2":
                inside = node.get("id") == name
            elif inside:
                found.append(node)
        return found

    def cards(self, name):
        return [card for node in self.section(name) for card in node.iter("div")
                if card.get("class") == "card"]

    def titles(self, name):
        return [card.find("h3").text.split(" (")[0] for card in self.cards(name)]


def check_points(card, wanted):
    """As many marks as samples, and a legend that says how many of which."""
    drawn = card.find("svg").findall(".//circle")
    check(len(drawn) == sum(wanted.values()), f"{len(drawn)} points, {wanted} were wanted")
    names = [span[0].tail for span in card.find("div").findall("span")]
    check(names == [f"{name} ({n})" for name, n in wanted.items()], f"legend: {names}")
    colours = {name: sum(p.get("class") == f"f{k}" for p in drawn) for k, name in enumerate(wanted)}
    check(colours == wanted, f"points by colour: {colours}")


def captions(card):
    """The lists of a card of hard and easy samples: title to [(words of the caption)]."""
    found = {}
    title = None
    for node in card:
        if node.tag == "p":
            title = node.text
        elif node.tag == "div":
            found[title] = [figure.find("figcaption").text for figure in node.findall("figure")]
    return found


def check_table(page, lab, runs):
    rows = {}
    for row in page.root.find(".//table/tbody"):
        cells = list(row)
        values = [span.get("data-v") for cell in cells[4:] for span in cell.iter("span")]
        rows[cells[0].text, cells[1].text] = [float(v) for v in values]
    check(len(rows) == 2 * len(runs), f"rows of the table: {sorted(rows)}")
    for run in runs:
        for name in ("test.all", "val"):
            with open(lab.path(run, "eval", name + ".json")) as file:
                result = json.load(file)
            wanted = [result[level][key] for level, key in
                      (("frame", "auc"), ("video", "auc"), ("frame", "eer"), ("video", "eer"),
                       ("frame", "ap"), ("frame", "acc"))]
            check(rows[name, run] == wanted, f"{run}, {name}: {rows[name, run]}, not {wanted}")


def is_test(lab, name):
    """Whether a sample, named with its shard and record, is in the test split."""
    shard, record = re.search(r"\((\S+), record (\d+)\)", name).groups()
    with h5py.File(lab.path("faces", shard), "r") as file:
        word = file["crops"][int(record)]["split"]
        return file["words"].asstr()[word] == "test"


def check_centre(lab, run):
    """The real centre's similarities, from predict's embeddings and the checkpoint."""
    page = Page(lab.path(run, "report.html"))
    table = lab.path(run, "z.npy")
    pristine("predict", lab.path(run), lab.path("faces"), "--checkpoint", "last", "--embeddings", table,
             "--out", lab.path(run, "scores.tsv"))
    z = np.load(table).astype(np.float64)
    with open(table + ".tsv") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    labels = np.array([line[2] if is_test(lab, line[0]) else "" for line in lines])
    check(sum(labels == "real") == N_TEST["real"], f"{sum(labels == 'real')} test reals")
    with h5py.File(lab.checkpoints(run)[-1], "r") as file:
        centre = file["bank/bank.centre"][()]
    cosine = z @ centre / np.linalg.norm(z, axis=1) / np.linalg.norm(centre)
    (card,) = page.cards("hard")
    lists = captions(card)
    for title, label, is_high in (("Hard reals", "real", False), ("Easy reals", "real", True),
                                  ("Hard fakes", "fake", True), ("Easy fakes", "fake", False)):
        mine = np.sort(cosine[labels == label])
        wanted = (mine[::-1] if is_high else mine)[:PER_CLASS]
        shown = [float(caption.split(":")[0]) for caption in lists[title]]
        check(len(shown) == PER_CLASS and np.abs(shown - wanted).max() <= 6e-4,
              f"{title}: {shown}, not {wanted}")
    print("ok: similarities to the real centre", flush=True)


def check_prototypes(card):
    values = {title: [tuple(map(float, re.findall(r"(-?\d\.\d+)", text)[:2])) for text in texts]
              for title, texts in captions(card).items()}
    for what, other in (("reals", 1), ("fakes", 0)):
        hard = [pair[other] for pair in values["Hard " + what]]
        easy = [pair[other] for pair in values["Easy " + what]]
        check(len(hard) == PER_CLASS == len(easy), f"{what}: {hard}, {easy}")
        check(hard == sorted(hard, reverse=True) and easy == sorted(easy) and min(hard) >= max(easy),
              f"{what} by their similarity to the other class: hard {hard}, easy {easy}")


def check_refusals(lab):
    page = lab.path("page.html")
    refused("--out PAGE.html must say where it goes", "report", lab.path("ce"), lab.path("dcl"))
    refused("there is no folder", "report", lab.path("ce"), lab.path("dcl"), "--out",
            lab.path("nowhere", "page.html"))
    refused("is a folder", "report", lab.path("ce"), "--out", lab.folder)
    shutil.copytree(lab.path("ce"), lab.path("untrained"))
    shutil.rmtree(lab.path("untrained", "checkpoints"))
    refused("untrained has no checkpoint", "report", lab.path("ce"), lab.path("untrained"), "--out", page)

    def rewrite(run, what, by):
        shutil.copytree(lab.path("ce"), lab.path(run))
        with open(lab.path(run, "config.yaml")) as file:
            text = file.read()
        check(what in text, f"no '{what}' in the config")
        with open(lab.path(run, "config.yaml"), "w") as file:
            file.write(text.replace(what, by))
        return lab.path(run)

    split = "data.test.all.0.split: [test]"
    fewer = rewrite("fewer", "data.test.all.0.label: any", "data.test.all.0.label: real")
    refused("fewer have different samples in data.test.all, 32 and 16: the first that", "report",
            lab.path("ce"), fewer, "--out", page)
    refused("other have different samples", "report", lab.path("ce"),
            rewrite("other", split, "data.test.all.0.split: [val]"), "--out", page)
    lab.forge("again", "--quality", "80")
    again = rewrite("again-run", "data.test.all.0.path: faces", "data.test.all.0.path: again")
    refused("the same samples in data.test.all, but other images: data hash", "report", lab.path("ce"),
            again, "--out", page)
    pristine("eval", again)
    shutil.copy(lab.path("ce", "config.yaml"), again)
    refused("evaluate the runs on the same samples", "report", lab.path("ce"), again, "--out", page)
    check(not os.path.exists(page), "a refused page was written")
    gone = rewrite("gone", "data.test.all.0.path: faces", "data.test.all.0.path: gone")
    pristine("report", gone)
    check("There are no figures: data.test.all could not be opened" in Page(os.path.join(gone, "report.html")).text,
          "a page without test data does not say so")
    print("ok: refusals", flush=True)


def main():
    lab = Lab()
    lab.forge("faces")
    lab.train("rccl", 1, "stage.contrastive.epochs=1", "stage.classifier.epochs=1")
    lab.train("early", 1, "stage.contrastive.epochs=2", "stage.classifier.epochs=1", "train.stop_at=epoch 1")
    lab.train("ce", 1, "objective=cross_entropy", "stage.classifier.epochs=1")
    lab.train("dcl", 1, "objective=dcl", "model.px=64", "data.mask=file", "dcl.queue=20", "dcl.min_neg=4",
              "stage.dcl.epochs=1")
    for run in ("rccl", "ce", "dcl"):
        pristine("eval", lab.path(run))

    alone = pristine("report", lab.path("ce")).strip()
    check(alone == lab.path("ce", "report.html"), f"said '{alone}'")
    page = Page(alone)
    check(page.titles("tsne") == ["ce"] and page.titles("pca") == ["ce"], "figures of one run")
    check_points(page.cards("tsne")[0], N_TEST)
    check("ce: its bank has neither prototypes nor a centre." in page.text, "nothing on the bank")

    words = ("report", lab.path("ce"), lab.path("rccl"), lab.path("dcl"), "--out")
    pristine(*words, lab.path("one.html"))
    pristine(*words, lab.path("two.html"), ranks=2)
    page = Page(lab.path("one.html"))
    with open(lab.path("two.html")) as file:
        check(file.read() == page.text, "the page on 2 ranks differs from that on 1")
    check_table(page, lab, ("ce", "rccl", "dcl"))
    for name in ("tsne", "pca"):
        check(page.titles(name) == ["ce", "rccl", "dcl"], f"{name}: {page.titles(name)}")
        for card in page.cards(name):
            check_points(card, N_TEST)
    check(page.titles("hard") == ["rccl", "dcl"], f"hard: {page.titles('hard')}")
    check_prototypes(page.cards("hard")[1])
    for title in ("ROC of frames, test.all", "Loss, stage classifier", "Loss, stage contrastive",
                  "Validation, val frame.auc"):
        check(title in page.text, f"no '{title}'")
    check(">dcl.queue<" in page.text and ">seed<" not in page.text, "keys that differ")
    pristine(*words, lab.path("few.html"), "--samples", "21")
    check_points(Page(lab.path("few.html")).cards("pca")[0], {"real": 11, "swap": 10})
    pristine(*words, lab.path("none.html"), "--samples", "0")
    check(not Page(lab.path("none.html")).cards("pca"), "figures that nobody asked for")
    print("ok: three runs beside each other", flush=True)

    pristine("report", lab.path("early"))
    check_centre(lab, "early")
    check_refusals(lab)
    lab.close()


main()
