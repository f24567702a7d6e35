"""Robust PCA of a video that is larger than the memory it may use: peak memory, time, and what was waited for.

    python bench/out_of_core.py [--gigabytes 8] [--folder DIR] [--sigma 5] [--cold]

The video (uint8, frames × pixels) is rendered piece by piece into a file: a background that brightens and
darkens, a bright square on its way, noise. The file is removed at the end. `--cold` makes the system forget the
file before every pass, as if it had no memory to keep it in.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from kizu import robust_pca

HEIGHT, WIDTH = 2160, 3840
FRAMES_AT_ONCE = 4
SQUARE = 160


def main() -> None:
    """Render, decompose, report."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder) / "video.u8"
        shape = max(20, round(asked.gigabytes * 1e9 / (HEIGHT * WIDTH))), HEIGHT * WIDTH
        began = time.perf_counter()
        render(path, shape, asked.sigma)
        print(f"rendered {shape[0]} frames of {WIDTH}x{HEIGHT}, {shape[0] * shape[1] / 1e9:.2f} GB, "
              f"in {time.perf_counter() - began:.0f} s", flush=True)  # fmt: skip
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        measure(path, shape, asked.sigma, cold=asked.cold)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--folder", help="where the file goes; by default where temporary files do")
    parser.add_argument("--sigma", type=float, default=5.0)
    parser.add_argument("--cold", action="store_true")
    return parser.parse_args()


def render(path: Path, shape: tuple[int, int], sigma: float) -> None:
    """Write the video, a few frames in memory at a time."""
    draw = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    still = 110 + 40 * np.sin(x / 300) * np.cos(y / 210)
    change = 12 * np.cos(x / 500 + y / 400)
    noise = draw.standard_normal((FRAMES_AT_ONCE, HEIGHT * WIDTH // 8), np.float32) * np.float32(sigma)
    with path.open("wb") as file:
        for t in range(shape[0]):
            frame = still + np.float32(np.sin(t / 40)) * change
            row, column = (5 * t) % (HEIGHT - SQUARE), (11 * t) % (WIDTH - SQUARE)
            frame[row : row + SQUARE, column : column + SQUARE] = 240
            frame.reshape(8, -1)[:] += _turned(noise, draw)
            file.write(np.clip(np.rint(frame), 0, 255).astype(np.uint8).data)


def _turned(noise: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Noise of a frame from a pool that was drawn once: a new draw of every frame would take longer than the rest."""
    rows, starts = draw.integers(len(noise), size=8), draw.integers(noise.shape[1], size=8)
    return np.stack([np.roll(noise[row], start) for row, start in zip(rows, starts, strict=True)])


def measure(path: Path, shape: tuple[int, int], sigma: float, *, cold: bool) -> None:
    """Decompose the file and print what it took."""
    before = _forget_peak()
    file = os.open(path, os.O_RDONLY)

    def heard(record: object) -> None:
        print(f"  {time.perf_counter() - began:6.1f} s  {record}", flush=True)
        if cold:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)

    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    began = time.perf_counter()
    found = robust_pca(np.memmap(path, np.uint8, "r", shape=shape), noise=sigma, callback=heard)
    wall = time.perf_counter() - began
    peak = _peak()
    print(f"wall {wall:.0f} s, of which waiting for the disk {100 * found.waited / wall:.0f} %")
    print(f"peak memory {peak / 1e9:.2f} GB ({before / 1e9:.2f} GB before)")
    print(f"rank {found.rank}, stopped: {found.stopped}, {len(found.history)} steps, {found.certificate}")


def _forget_peak() -> float:
    """Bytes in memory now; Linux counts the peak anew from here."""
    with Path("/proc/self/clear_refs").open("w", encoding="ascii") as file:
        file.write("5")
    return _peak()


def _peak() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
