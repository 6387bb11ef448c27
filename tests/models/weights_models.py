"""Weights of EfficientNet and Meso under the names of timm, lukemelas and DeepfakeBench, into a store
and back out into torch, where logits are what they were.
Usage: weights_models.py DRIVER TOOL"""
import sys
import tempfile

import torch
from torch import nn

import parity_efficientnet
import parity_mesonet
from weights_parity import read_safetensors, run

HEADS = {"efficientnet": "classifier", "meso": "fc2"}


def head_of(model):
    return HEADS["meso" if model.startswith("meso") else "efficientnet"]


def network(model):
    torch.manual_seed(3)
    net = (parity_mesonet.Meso(model, 256) if model.startswith("meso") else
           parity_efficientnet.EfficientNet(model))
    for name, tensor in net.state_dict().items():
        if "running" in name:
            tensor.copy_(0.5 + torch.rand_like(tensor))
    net.projector = nn.Identity()
    return net.eval()


def renamed(net, model):
    """The state_dict of the original program."""
    return {name.replace("fc.", head_of(model) + ".") if name.startswith("fc.") else name: tensor
            for name, tensor in net.state_dict().items()}


def lukemelas(state):
    """timm's EfficientNet as efficientnet_pytorch calls it, blocks numbered through."""
    blocks, out = [], {}
    for name in state:
        if name.startswith("blocks.") and name.split(".")[1:3] not in blocks:
            blocks.append(name.split(".")[1:3])
    outside = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1",
               "classifier": "_fc"}
    for name, tensor in state.items():
        parts = name.split(".")
        if parts[0] != "blocks":
            out[".".join([outside[parts[0]]] + parts[1:])] = tensor
            continue
        inner = {"conv_dw": "_depthwise_conv", "conv_reduce": "_se_reduce",
                 "conv_expand": "_se_expand"}
        if parts[1] == "0":
            inner.update(bn1="_bn1", conv_pw="_project_conv", bn2="_bn2")
        else:
            inner.update(conv_pw="_expand_conv", bn1="_bn0", bn2="_bn1", conv_pwl="_project_conv",
                         bn3="_bn2")
        rest = parts[4:] if parts[3] == "se" else parts[3:]
        out["_blocks.%d.%s.%s" % (blocks.index(parts[1:3]), inner[rest[0]], rest[1])] = tensor
    return out


def check(model, state, net, what):
    n = len([k for k in state if "num_batches" not in k])
    n_features = net.fc.weight.shape[1]
    lines = "m %s 0\np fc.weight 2 2 %d\np fc.bias 1 2\n" % (model, n_features)
    with tempfile.TemporaryDirectory() as folder:
        done, target = run(folder, state, lines, head="head", strip="torch:" + model)
        assert done.returncode == 0, done.stderr
        counts = done.stdout.splitlines()[-1]
        assert "%d matched, 0 reshaped" % n in counts, counts
        assert "0 unknown, 0 misfit, 0 missing, 0 kept" in counts, counts
        assert len(done.stdout.splitlines()) == len(state) + 1, "not a row for each tensor"
        got, _ = read_safetensors(target)
        original = renamed(net, model)
        assert set(got) == {k for k in original if "num_batches" not in k}, \
            set(got) ^ set(original)
        fresh = network(model)
        for parameter in fresh.parameters():
            parameter.data.zero_()
        fresh.load_state_dict({k.replace(head_of(model) + ".", "fc."): v for k, v in got.items()})
        image = torch.randn(2, 3, 256, 256)
        with torch.no_grad():
            assert torch.equal(net(image)[0], fresh(image)[0]), "other logits"
        # What was written is read again, the classifier too, without being asked to.
        done, again = run(folder, target, lines, strip="torch:" + model, convert=False)
        assert done.returncode == 0, done.stderr
        assert "%d matched" % n in done.stdout, done.stdout.splitlines()[-1]
        for name, tensor in read_safetensors(again)[0].items():
            assert torch.equal(tensor, got[name]), name
        # A block less is refused by name.
        if model.startswith("tf_"):
            less = {k: v for k, v in state.items() if "_blocks.3._bn1" not in k}
            done, _ = run(folder, less, lines, head="head")
            assert done.returncode != 0 and "is missing" in done.stderr, done.stderr
    print("%s, %s: %d tensors" % (model, what, n))


def main():
    for model in ("efficientnet_b0", "efficientnet_b4", "meso4", "meso_inception4", "meso4_keras"):
        net = network(model)
        state = renamed(net, model)
        check(model, state, net, "names as they are")
        if model in ("efficientnet_b0", "meso4"):
            wrapped = {"module.backbone." + k: v for k, v in state.items()}
            check(model, wrapped, net, "of DistributedDataParallel in a detector")
    net = network("tf_efficientnet_b4")
    state = lukemelas(renamed(net, "tf_efficientnet_b4"))
    check("tf_efficientnet_b4", state, net, "lukemelas's names")
    bench = {"backbone." + (k.replace("_fc.", "last_layer.") if k.startswith("_fc.") else
                            "efficientnet." + k): v for k, v in state.items()}
    check("tf_efficientnet_b4", bench, net, "DeepfakeBench's detector")


if __name__ == "__main__":
    main()
