"""A detector that `pristine export` wrote, in PyTorch. It needs torch alone (Pillow for the command line).

    python3 detector.py WEIGHTS.safetensors IMAGE...        a path and a score a line, as `pristine predict`

    detector = Detector("WEIGHTS.safetensors")
    out = detector(images)      # uint8 [N, H, W, 3], RGB crops of faces: resized, normalised, scored
    out["score"]                # [N]: P(fake), or 1 - cos(z, centre) where nothing classifies
    out["logits"], out["z"], out["features"]        # those that the trained stage has

The network is read off the names and shapes of the tensors, as the C program calls them; what they do not
say is in the file's notes. It is for scoring: batch norm uses its running statistics.
"""
import json
import math
import struct
import sys

import torch
import torch.nn.functional as F


def read_safetensors(path):
    """The tensors by name, and the notes."""
    with open(path, "rb") as file:
        data = file.read()
    (n,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + n])
    notes = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(bytearray(data[8 + n + begin:8 + n + end]), dtype=torch.float32)
        tensors[name] = flat.reshape(entry["shape"])
    return tensors, notes


class Net:
    """Tensors under a prefix, and the layers made of them."""

    def __init__(self, tensors, prefix="", eps=1e-5, same=False):
        self.tensors, self.prefix, self.eps, self.same = tensors, prefix, eps, same

    def get(self, name):
        return self.tensors.get(self.prefix + name)

    def has(self, name):
        return self.prefix + name in self.tensors

    def under(self, prefix):
        return Net(self.tensors, self.prefix + prefix, self.eps, self.same)

    def linear(self, name, x):
        return F.linear(x, self.get(name + ".weight"), self.get(name + ".bias"))

    def conv(self, name, x, stride=1, dilation=1, pad=None):
        """PAD None: as many as keep the size, with TensorFlow's sides where SAME."""
        weight = self.get(name + ".weight")
        kernel = weight.shape[-1]
        if pad is None and self.same:
            pads = []
            for size in x.shape[:1:-1]:
                total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
                pads += [total // 2, total - total // 2]
            x, pad = F.pad(x, pads), 0
        elif pad is None:
            pad = (kernel - 1) // 2 * dilation
        groups = x.shape[1] // weight.shape[1]
        return F.conv2d(x, weight, self.get(name + ".bias"), stride, pad, dilation, groups)

    def norm(self, name, x):
        return F.batch_norm(x, self.get(name + ".running_mean"), self.get(name + ".running_var"),
                            self.get(name + ".weight"), self.get(name + ".bias"), eps=self.eps)

    def layer_norm(self, name, x):
        weight = self.get(name + ".weight")
        return F.layer_norm(x, weight.shape, weight, self.get(name + ".bias"))


def separable(net, name, x):
    return net.conv(name + ".pointwise", net.conv(name + ".conv1", x))


def xception(net, x):
    """Features, the last map, and the maps that MC-LCR taps: before block 1, after 1, 2 and the last."""
    x = F.relu(net.norm("bn1", net.conv("conv1", x, 2, pad=0)))
    x = F.relu(net.norm("bn2", net.conv("conv2", x, pad=0)))
    taps, n = [x], 1
    while any(net.has(f"block{n + 1}.{part}.weight") for part in ("skip", "rep.1.conv1")):
        n += 1
    for i in range(1, n + 1):
        block, stride = net.under(f"block{i}."), 2 if i <= 3 or i == n else 1
        skip = block.norm("skipbn", block.conv("skip", x, stride)) if block.has("skip.weight") else x
        for at in range(12):
            if block.has(f"rep.{at}.conv1.weight"):
                x = F.relu(x) if at > 0 else x
                x = block.norm(f"rep.{at + 1}", separable(block, f"rep.{at}", x))
        x = (F.max_pool2d(x, 3, stride, 1) if stride > 1 else x) + skip
        if i <= 2 or i == n:
            taps.append(x)
    x = F.relu(net.norm("bn3", separable(net, "conv3", x)))
    x = F.relu(net.norm("bn4", separable(net, "conv4", x)))
    return x.mean((2, 3)), x, taps


def squeeze_excite(net, x):
    gate = net.conv("se.conv_reduce", x.mean((2, 3), keepdim=True))
    return x * net.conv("se.conv_expand", F.silu(gate)).sigmoid()


def efficientnet(net, x):
    x = F.silu(net.norm("bn1", net.conv("conv_stem", x, 2)))
    for stage, stage_stride in enumerate((1, 2, 2, 2, 1, 2, 1)):
        number = 0
        while net.has(f"blocks.{stage}.{number}.conv_dw.weight"):
            block, stride = net.under(f"blocks.{stage}.{number}."), stage_stride if number == 0 else 1
            y, norms = x, ["bn1", "bn2", "bn3"]
            if block.has("conv_pwl.weight"):
                y = F.silu(block.norm(norms.pop(0), block.conv("conv_pw", y)))
            y = F.silu(block.norm(norms.pop(0), block.conv("conv_dw", y, stride)))
            y = block.conv("conv_pwl" if block.has("conv_pwl.weight") else "conv_pw",
                           squeeze_excite(block, y))
            y = block.norm(norms[0], y)
            x = x + y if stride == 1 and x.shape[1] == y.shape[1] else y
            number += 1
    x = F.silu(net.norm("bn2", net.conv("conv_head", x)))
    return x.mean((2, 3)), x, []


def mesonet(net, x, keras):
    def act(y):
        return F.relu(y) if keras else y

    inception = net.has("Incption1_conv1.weight")
    for name in ("Incption1", "Incption2") if inception else ():
        ways = [act(net.conv(name + "_conv1", x))]
        for way in (1, 2, 3):
            y = act(net.conv(f"{name}_conv{way + 1}_1", x))
            ways.append(act(net.conv(f"{name}_conv{way + 1}_2", y, dilation=way)))
        x = F.max_pool2d(net.norm(name + "_bn", torch.cat(ways, 1)), 2)
    norms = ("bn1", "bn2") if inception else ("bn1", "bn2", "bn3", "bn4")
    if not keras:
        norms = ("bn1", "bn1") if inception else ("bn1", "bn1", "bn2", "bn2")
    for i, norm in enumerate(norms):
        x = F.relu(net.conv(f"conv{i + 1}", x))
        x = F.max_pool2d(net.norm(norm, x), 4 if i + 1 == len(norms) else 2)
    flat = (x.permute(0, 2, 3, 1) if keras else x).flatten(1)
    return F.leaky_relu(net.linear("fc1", flat), 0.1), x, []


def run_backbone(name, tensors, x):
    if name == "xception":
        return xception(Net(tensors, "backbone."), x)
    if "efficientnet" in name:
        same = name.startswith("tf_")
        return efficientnet(Net(tensors, "backbone.", 1e-3 if same else 1e-5, same), x)
    if name.startswith("meso"):
        keras = name.endswith("_keras")
        return mesonet(Net(tensors, "backbone.", 1e-3 if keras else 1e-5), x, keras)
    raise ValueError(f"model.name is {name}: no network that this file knows")


def spectra(image, notes, mean, std):
    """Amplitude and phase [N, T, P P] of the patches of normalised images [N, 3, H, W]."""
    image = image.double() * std.double() + mean.double()
    weights = (0.299, 0.587, 0.114) if notes["mc_lcr.gray"] == "bt601" else (1 / 3, 1 / 3, 1 / 3)
    grey = sum(w * image[:, c] for c, w in enumerate(weights))
    side = int(notes["mc_lcr.patch_px"])
    patches = grey.unfold(1, side, side).unfold(2, side, side).flatten(1, 2)
    f = torch.fft.fft2(patches) / side ** 2
    real, imag = f.real.clone(), f.imag.clone()
    for u in {0, side // 2} if side % 2 == 0 else {0}:
        for v in {0, side // 2} if side % 2 == 0 else {0}:
            imag[..., u, v] = 0.0
    amp = torch.hypot(real, imag)
    real, imag = (torch.where(part.abs() <= 1e-6, torch.zeros_like(part), part)
                  for part in (real, imag))
    if notes["mc_lcr.phase"] == "atan":
        real, imag = real.abs(), torch.where(real < 0, -imag, imag)
    phase = torch.atan2(imag, real)
    phase = torch.where(amp <= 1e-6, torch.zeros_like(phase), phase)
    amp = torch.log1p(amp) if notes["mc_lcr.amp"] == "log1p" else amp
    return amp.flatten(2).float(), phase.flatten(2).float()


def attend(net, notes, queries, tokens):
    n, t, d = tokens.shape
    heads = int(notes["mc_lcr.heads"])
    width = d // heads
    q, k, v = (net.linear("attention." + name, x).view(n, t, heads, width).transpose(1, 2)
               for name, x in (("q", queries), ("k", tokens), ("v", tokens)))
    scale = width if notes["mc_lcr.attn_scale"] == "head" else d
    scores = (q @ k.transpose(2, 3) / scale ** 0.5).softmax(-1)
    return net.linear("attention.out", (scores @ v).transpose(1, 2).reshape(n, t, d))


def mix(net, x):
    """The mixers' layers, and the mean over tokens."""
    number = 0
    while net.has(f"mixer.{number}.norm1.weight"):
        layer = net.under(f"mixer.{number}.")
        y = layer.linear("token1", layer.layer_norm("norm1", x).transpose(1, 2))
        x = x + layer.linear("token2", F.gelu(y)).transpose(1, 2)
        y = layer.linear("channel1", layer.layer_norm("norm2", x))
        x = x + layer.linear("channel2", F.gelu(y))
        number += 1
    return net.layer_norm("out_norm", x).mean(1)


def mc_lcr(tensors, notes, image, mean, std, body):
    """F_E, from a backbone's outputs and the image's spectra."""
    features, _, taps = body
    net = Net(tensors, "mc_lcr.")
    parts = []
    if notes["mc_lcr.ssrb"] == "true":
        for i, tap in enumerate(taps[:3]):
            tap = F.relu(tap) if i > 0 and notes["mc_lcr.ssrb_tap"] == "relu" else tap
            n, c, h, w = tap.shape
            by = {"none": 1, "hw": h * w, "chw": c * h * w}[notes["mc_lcr.gram_norm"]]
            rows = tap.flatten(2)
            parts.append((rows * rows.mean(1, keepdim=True)).sum(2) / by)
    parts.append({"b14": lambda: features, "b13": lambda: taps[3].mean((2, 3)),
                  "b14_proj1024": lambda: net.linear("global", features)}[notes["mc_lcr.gf"]]())
    if notes["mc_lcr.papda"] == "true":
        streams = [net.under("amp."), net.under("phase.")]
        embeds = [s.linear("embed", x) for s, x in zip(streams, spectra(image, notes, mean, std))]
        embeds = [e + s.get("pos_embed") if s.has("pos_embed") else e
                  for s, e in zip(streams, embeds)]
        tokens = [s.layer_norm("norm", e) for s, e in zip(streams, embeds)]
        for s, e, own, other in zip(streams, embeds, tokens, tokens[::-1]):
            parts.append(mix(s, e + attend(s, notes, other, own)))
    return net.linear("encode", torch.cat(parts, 1))


class Detector:
    def __init__(self, path, device="cpu"):
        tensors, self.notes = read_safetensors(path)
        if "model.px" not in self.notes:
            raise ValueError(f"{path}: no notes of a detector (pristine export without --torch, "
                             "--prefix and --strip writes them)")
        self.tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
        self.px = int(self.notes["model.px"])
        colours = ("red", "green", "blue")
        self.mean, self.std = (torch.tensor([float(self.notes[f"data.augment.{what}_{c}"])
                                             for c in colours]).view(1, 3, 1, 1).to(device)
                               for what in ("mean", "std"))

    def prepare(self, images):
        """Crops [N, H, W, 3] of bytes as evaluation sees them: within one grey level of the program's
        where they are resized, the same where they have the model's size."""
        x = torch.as_tensor(images).to(self.mean.device).permute(0, 3, 1, 2).float()
        if tuple(x.shape[2:]) != (self.px, self.px):
            x = F.interpolate(x, (self.px, self.px), mode="bilinear", align_corners=False,
                              antialias=True).round().clamp(0, 255)
        return (x / 255 - self.mean) / self.std

    @torch.no_grad()
    def __call__(self, images):
        return self.forward(self.prepare(images))

    def forward(self, x):
        """From normalised images [N, 3, px, px]."""
        heads, out = Net(self.tensors), {}
        body = run_backbone(self.notes["model.name"], self.tensors, x)
        features = body[0]
        if heads.has("mc_lcr.encode.weight"):
            features = mc_lcr(self.tensors, self.notes, x, self.mean, self.std, body)
            out["z"] = F.normalize(heads.linear("mc_lcr.project", features), dim=1)
        elif heads.has("task1.private.weight"):
            features = torch.cat([F.relu(heads.linear(f"task{i}.private", features))
                                  for i in range(1, 10)], 1)
        elif heads.has("squeeze.weight"):
            cells = F.conv2d(body[1], heads.get("squeeze.weight"), heads.get("squeeze.bias"))
            out["z"] = F.normalize(cells.flatten(1), dim=1)
        elif heads.has("projector.fc1.weight"):
            y = heads.linear("projector.fc1", features)
            y = heads.norm("projector.bn1", y) if heads.has("projector.bn1.weight") else y
            out["z"] = F.normalize(heads.linear("projector.fc2", F.relu(y)), dim=1)
        out["features"] = features
        if heads.has("centre"):
            out["score"] = 1 - out["z"] @ F.normalize(heads.get("centre"), dim=0)
            return out
        if heads.has("fc_hidden.weight"):
            features = F.relu(heads.linear("fc_hidden", features))
        logits = heads.linear("fc", features)
        if logits.shape[1] == 1:    # of fake alone: its sigmoid is the softmax beside 0
            logits = torch.cat([torch.zeros_like(logits), logits], 1)
        out["logits"] = logits
        out["score"] = out["logits"].softmax(1)[:, 1]
        return out


def main(weights, *paths):
    from PIL import Image

    detector = Detector(weights)
    for path in paths:
        with Image.open(path) as image:
            data = bytearray(image.convert("RGB").tobytes())
            size = (1, image.height, image.width, 3)
        pixels = torch.frombuffer(data, dtype=torch.uint8).reshape(size)
        print(f"{path}\t{detector(pixels)['score'].item():.9g}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
