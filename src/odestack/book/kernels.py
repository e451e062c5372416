"""Kernels forked from one process that has imported beforehand what nearly every notebook imports.

    python -m odestack.book.kernels ADDRESS PID

listens on the socket ADDRESS in the background until process PID, that of make, has ended. The imports take longer than
many a notebook runs, and make executes some thirty. Only other packages are imported: each kernel imports `odestack`
itself, as it then is. On Linux only: elsewhere a process that has loaded so much may not be forked.
"""

import atexit
import json
import os
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import psutil
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner

IMPORTED = (  # but not matplotlib's backend, which registers itself with the kernel
    "ipykernel.kernelapp",
    "matplotlib.pyplot",
    "plotly.graph_objects",
    "scipy.stats",
    "seaborn",
    "sympy",
    "torch",
    "torchdiffeq",
    "torchvision",
)
PATIENCE = 180
"""Seconds that importing them may take."""
HERE = str(Path.cwd())
"""Where `python -m` looks for modules first, which a kernel does not."""


class Forked(psutil.Process):
    """A child of the server with what jupyter_client uses of `subprocess.Popen`; it ends when `link` is closed."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, link: socket.socket) -> None:
        super().__init__(pid)
        self.link = link

    def poll(self) -> int | None:
        return None if self.is_running() else 0

    def send_signal(self, sig: int) -> None:
        with suppress(psutil.NoSuchProcess):
            super().send_signal(sig)


class ForkingProvisioner(LocalProvisioner):
    """Has the server at `$ODESTACK_KERNELS` fork a kernel; where none answers, starts an ordinary one."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        request = {"arguments": cmd[cmd.index("-f") :], "folder": os.getcwd(), "environment": kwargs["env"]}
        try:
            link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            link.settimeout(PATIENCE)
            link.connect(os.path.relpath(os.environ["ODESTACK_KERNELS"]))  # a socket's path may have 107 letters
            socket.send_fds(link, [json.dumps(request).encode()], [1, 2])
            self.process = Forked(int(link.recv(20)), link)
        except (KeyError, OSError, ValueError, psutil.Error):
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.pgid = self.process.pid
        return self.connection_info


def end_with(link: socket.socket) -> None:
    """Wait until the other side is closed, which is when its process ends, and end this one."""
    link.settimeout(None)
    with suppress(OSError):
        link.recv(1)
    os._exit(1)


def become_kernel(arguments: list[str], folder: str, link: socket.socket) -> NoReturn:
    """Be a kernel from here on; `arguments` are those of `python -m ipykernel_launcher`."""
    import numpy as np
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(folder)
    sys.path[:] = [folder for folder in sys.path if folder != HERE]
    np.random.seed()  # noqa: NPY002, or all kernels would draw the same
    threading.Thread(target=end_with, args=[link], daemon=True).start()
    IPKernelApp.launch_instance(argv=arguments)
    atexit._run_exitfuncs()
    os._exit(0)  # without the interpreter's own end, which would copy all that was imported to take it apart


def answer(link: socket.socket, listener: socket.socket) -> None:
    """Fork the kernel that is asked for, and tell the number of its process."""
    link.settimeout(PATIENCE)
    message, streams, _, _ = socket.recv_fds(link, 1 << 20, 2)
    try:
        request = json.loads(message)
        os.environ.clear()
        os.environ.update(request["environment"])  # some packages look there when they are imported
        os.environ.pop("JPY_PARENT_PID", None)  # the parent is the server, and `end_with` watches who asked
        for name in IMPORTED:
            import_module(name)
        if kernel := os.fork():
            link.send(str(kernel).encode())
            return
        listener.close()
        for number, stream in enumerate(streams, start=1):
            os.dup2(stream, number)
    finally:
        for stream in streams:
            os.close(stream)
    try:
        become_kernel(request["arguments"], request["folder"], link)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def runs(client: psutil.Process) -> bool:
    return client.is_running() and client.status() != psutil.STATUS_ZOMBIE


def serve(listener: socket.socket, client: psutil.Process) -> None:
    """Answer each request, until the client has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended kernels leave no zombies
    listener.settimeout(1)
    while runs(client):
        try:
            link, _ = listener.accept()
        except TimeoutError:
            continue
        with link, suppress(Exception):  # who asked then starts an ordinary kernel
            answer(link, listener)


def main(address: Path, client: int) -> None:
    if sys.platform != "linux":
        return
    address.parent.mkdir(exist_ok=True)
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(address))
        address.chmod(0o600)
        listener.listen()
        if os.fork():
            return
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        try:
            with suppress(psutil.NoSuchProcess):
                serve(listener, psutil.Process(client))
        finally:
            address.unlink(missing_ok=True)
            os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
