"""What decides the last bits of a numeric result besides the code and its inputs."""

import platform
from importlib.metadata import version
from pathlib import Path

import torch


def machine(device: str) -> dict[str, str]:
    """Versions of Python, torch and numpy, the kind of processor, and the accelerator that `device` asks for.

    On a machine without that accelerator there is no entry for it: the jobs that need it run elsewhere.
    """
    kind = {name: version(name) for name in ("numpy", "torch")}
    kind |= {"python": platform.python_version(), "processor": _processor()}
    if device == "cpu":
        kind["accelerator"] = "none"
    elif torch.cuda.is_available():
        kind["accelerator"] = torch.cuda.get_device_name()
    return kind


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{name or platform.machine()} with {torch.backends.cpu.get_cpu_capability()}"
