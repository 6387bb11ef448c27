#!/usr/bin/env python3
"""Views per second of processor time of Python's usual pipelines on one core: loader_vs_python.py FOLDER OUT_PX SECONDS.

FOLDER holds JPEG crops. A pipeline whose packages are missing says so. Lines: "name | views/s".
"""
import glob
import io
import random
import sys
import time

folder, out, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
files = [open(path, "rb").read() for path in sorted(glob.glob(folder + "/*.jpg"))]
HALF = [0.5] * 3
BLUR_PX = 13  # the kernel of sigma 2 cut at three sigma


def measure(name, view):
    view(files[0])
    n, begin = 0, time.process_time()
    while time.process_time() - begin < seconds:
        view(files[n % len(files)])
        n += 1
    print(f"{name} | {n / (time.process_time() - begin):.0f}", flush=True)


def pillow():
    import PIL
    from PIL import Image
    measure(f"decode alone, Pillow {PIL.__version__}",
            lambda data: Image.open(io.BytesIO(data)).convert("RGB").load())


def torch_versions():
    import torch
    import torchvision
    torch.set_num_threads(1)
    return f"torchvision {torchvision.__version__}"


def on_images():
    version = torch_versions()
    from PIL import Image
    from torchvision import transforms as t
    for blur in (False, True):
        steps = [t.RandomResizedCrop(out, scale=(0.2, 1.0)), t.RandomHorizontalFlip(),
                 t.RandomApply([t.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8), t.RandomGrayscale(0.2)]
        if blur:
            steps.append(t.RandomApply([t.GaussianBlur(BLUR_PX, (0.1, 2.0))], 0.5))
        chain = t.Compose(steps + [t.ToTensor(), t.Normalize(HALF, HALF)])
        name = "SimCLR" if blur else "SimCLR without blur"
        measure(f"{name}, {version} on PIL images",
                lambda data: chain(Image.open(io.BytesIO(data)).convert("RGB")))


def on_tensors():
    version = torch_versions()
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg
    try:
        from torchvision.transforms import v2 as t
    except ImportError:
        from torchvision import transforms as t
    for blur in (False, True):
        steps = [t.RandomResizedCrop(out, scale=(0.2, 1.0), antialias=True),
                 t.RandomHorizontalFlip(),
                 t.RandomApply([t.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8), t.RandomGrayscale(0.2)]
        if blur:
            steps.append(t.RandomApply([t.GaussianBlur(BLUR_PX, (0.1, 2.0))], 0.5))
        chain = t.Compose(steps)
        norm = t.Normalize(HALF, HALF)

        def view(data):
            raw = torch.frombuffer(bytearray(data), dtype=torch.uint8)
            return norm(chain(decode_jpeg(raw, ImageReadMode.RGB)).float().div_(255.0))
        name = "SimCLR" if blur else "SimCLR without blur"
        measure(f"{name}, {version} on tensors", view)


def with_albumentations():
    import albumentations as a
    import cv2
    import numpy as np
    cv2.setNumThreads(1)
    for blur in (False, True):
        steps = [a.RandomResizedCrop((out, out), scale=(0.2, 1.0)), a.HorizontalFlip(p=0.5),
                 a.ColorJitter((0.6, 1.4), (0.6, 1.4), (0.6, 1.4), (-0.1, 0.1), p=0.8),
                 a.ToGray(p=0.2)]
        if blur:
            steps.append(a.GaussianBlur(blur_limit=(BLUR_PX, BLUR_PX), sigma_limit=(0.1, 2.0), p=0.5))
        chain = a.Compose(steps + [a.Normalize(HALF, HALF)])

        def view(data):
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            return chain(image=cv2.cvtColor(image, cv2.COLOR_BGR2RGB))["image"]
        name = "SimCLR" if blur else "SimCLR without blur"
        measure(f"{name}, albumentations {a.__version__}, OpenCV {cv2.__version__}", view)


random.seed(1)
for pipeline in (pillow, on_images, on_tensors, with_albumentations):
    try:
        pipeline()
    except (ImportError, RuntimeError, TypeError) as error:
        print(f"{pipeline.__name__} | missing: {str(error).splitlines()[0]}", flush=True)
