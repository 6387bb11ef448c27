#!/usr/bin/env python3
"""Turns a PyTorch weights file into a safetensors file. Usage: pth2safetensors.py IN.pth OUT

Needs torch and nothing else. Only tensors are unpickled (weights_only), so that a file from a
stranger cannot run code. A state dict may lie under "state_dict", "model" or "net"."""
import json
import struct
import sys

import torch

NAMES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16",
         torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8"}


def main(source, target):
    state = torch.load(source, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model", "net"):
        state = state[key] if key in state and isinstance(state[key], dict) else state
    header, blobs, offset = {}, [], 0
    for name, tensor in state.items():
        if not isinstance(tensor, torch.Tensor):
            continue
        flat = tensor.detach().contiguous().reshape(-1)
        blob = bytes(flat.view(torch.uint8).numpy() if flat.numel() else b"")
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(target, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{len(header)} tensors, {offset} bytes -> {target}")


if __name__ == "__main__":
    main(*sys.argv[1:])
