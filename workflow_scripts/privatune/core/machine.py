"""What decides the last bits of a numeric result besides the code and its inputs."""

import platform
from importlib.metadata import version
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
NVIDIA = Path("/proc/driver/nvidia/version")


def resolved(accelerator: str, precision: str) -> tuple[str, str]:
    """Replace `auto` in (device, precision) by what this machine has; this imports no torch, for planning's sake."""
    if accelerator == "auto":
        accelerator = "cuda" if NVIDIA.exists() else "cpu"
    if precision == "auto":
        flags = CPUINFO.read_text() if CPUINFO.exists() else ""
        fast = accelerator == "cuda" or "avx512_bf16" in flags or "amx_bf16" in flags
        precision = "bfloat16" if fast else "float32"
    return accelerator, precision


def machine(accelerator: str) -> dict[str, str]:
    """Versions of Python, torch and numpy, the kind of processor, and the accelerator that `accelerator` asks for.

    On a machine without that accelerator there is no entry for it: the jobs that need it run elsewhere.
    """
    import torch

    kind = {name: version(name) for name in ("numpy", "torch")}
    kind |= {"python": platform.python_version()}
    kind["processor"] = f"{_processor()} with {torch.backends.cpu.get_cpu_capability()}"
    if accelerator == "cpu":
        kind["accelerator"] = "none"
    elif torch.cuda.is_available():
        kind["accelerator"] = torch.cuda.get_device_name()
    return kind


def _processor() -> str:
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return name or platform.machine()
