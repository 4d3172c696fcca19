"""The kernel of an unattended run: this Python, encrypted, ending with the process that started it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from cj_helpers.runner.processes import die_with_parent

# Addresses of Unix sockets must stay below 104 bytes on macOS, 108 on Linux.
_LONGEST_SOCKET = 95


class RunKernelManager(AsyncKernelManager):
    """Starts kernels of this Python environment that die with their run.

    They talk over sockets in the run's private temporary folder: two kernels that start at once cannot pick
    the same TCP port, and no one else can connect. Start it from a main thread: Linux sends the signal when
    the starting *thread* ends.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.transport_encryption = "auto"
        folder = Path(tempfile.mkdtemp(prefix="k"))
        self.connection_file = str(folder / "kernel.json")
        socket = str(folder / "s")
        if len(socket) < _LONGEST_SOCKET:
            self.transport, self.ip = "ipc", socket

    @property
    def kernel_spec(self) -> KernelSpec:
        """This interpreter, whatever kernel of that name the machine has installed."""
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
            metadata={"supported_encryption": "curve"},
        )

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        await super()._async_launch_kernel(kernel_cmd, preexec_fn=die_with_parent, **options)
