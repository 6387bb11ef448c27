#!/usr/bin/env python3
"""A training step of a backbone against PyTorch's on the same cores, side by side.

Rounds of bench_step, each given Python's PyTorch and again, so that all see the same state of the
machine; the best round of each counts. On a machine that other programs use, --busy counts images
a second of processor time, of all threads together, instead of the clock's; OpenMP's threads then
wait asleep, so that waiting is not counted. Prints a table in Markdown, also to --out.

Usage: step_vs_pytorch.py BUILD/bench/bench_step PYTHON... [--nets NAME,...] [--rounds 3]
       [--seconds 15] [--busy] [--out FILE]
"""
import argparse
import datetime
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NETS = {
    "xception": dict(model="xception", size=299, batch=16, micro=2, width=1, depth=1),
    "xception-small": dict(model="xception", size=64, batch=64, micro=2, width=0.25, depth=0.25),
    "efficientnet_b4": dict(model="efficientnet_b4", size=380, batch=8, micro=2, width=1, depth=1),
    "efficientnet_b4-299": dict(model="efficientnet_b4", size=299, batch=16, micro=2, width=1,
                                depth=1),
}



def run(command, busy):
    env = dict(os.environ, OMP_NUM_THREADS="2")
    if busy:
        env["OMP_WAIT_POLICY"] = "passive"
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode != 0:
        sys.exit(f"{command[0]}: {done.stderr[-2000:]}")
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)


def options(net, names):
    return [text for name in names for text in (f"--{name}", str(net[name]))]


def measure(args, net):
    """The best rate of each contestant by its label, and the floor under it."""
    best, floor = {}, 0.0
    shape = options(net, ("model", "size", "batch", "width", "depth"))
    seconds = ["--seconds", str(args.seconds)]
    rate = "img_per_cpu_s" if args.busy else "img_per_s"
    for _ in range(args.rounds):
        command = [args.bench, *shape, *options(net, ("micro",)), *seconds, "--floor"]
        got = run(command, args.busy)
        best["ours"] = max(best.get("ours", 0.0), float(got[rate]))
        floor = max(floor, float(got["floor_img_per_s"]) / (2 if args.busy else 1))
        for python in args.python:
            got = run([python, str(HERE / "step_torch.py"), *shape, *seconds], args.busy)
            label = f"PyTorch {got['version']}"
            best[label] = max(best.get(label, 0.0), float(got[rate]))
    return best, floor


def machine():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    load = os.getloadavg()[0]
    return f"{len(names)} cores of {names[0]}; load average at the start {load:.1f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("python", nargs="+")
    parser.add_argument("--nets", default=",".join(NETS), type=lambda s: s.split(","))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--out")
    args = parser.parse_args()
    text = [f"{datetime.date.today()}, {machine()}; f32, 2 threads, best of {args.rounds} rounds of "
            f"{args.seconds:g} s in turns."]
    for name in args.nets:
        net = NETS[name]
        best, floor = measure(args, net)
        peer = max(rate for label, rate in best.items() if label != "ours")
        unit = "img a second of processor time" if args.busy else "img/s"
        text += ["", f"**{name}**, {net['size']} px, batch {net['batch']}, width {net['width']:g}", "", f"| | {unit} |", "|---|---|"]
        text += [f"| {label} | {rate:.2f} |" for label, rate in best.items()]
        text += [f"| the dense convolutions alone, buffers in cache | {floor:.2f} |", "",
                 f"{best['ours'] / peer:.2f} times the better PyTorch; "
                 f"{best['ours'] / floor:.0%} of the convolutions' bound."]
    print("\n".join(text), flush=True)
    if args.out:
        pathlib.Path(args.out).write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
