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


class Forked(psutil.Process):
    """A child of the server with what jupyter_client uses of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        return None if self.is_running() else 0


class ForkingProvisioner(LocalProvisioner):
    """Has the server at `$ODESTACK_KERNELS` fork a kernel; where none answers, starts an ordinary one."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        request = {"arguments": cmd[cmd.index("-f") :], "folder": os.getcwd(), "environment": kwargs["env"]}
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
                server.connect(os.path.relpath(os.environ["ODESTACK_KERNELS"]))  # a socket's path may have 107 letters
                socket.send_fds(server, [json.dumps(request).encode()], [1, 2])
                self.process = Forked(int(server.recv(20)))
        except (KeyError, OSError, ValueError):
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.pgid = self.process.pid
        return self.connection_info


def become_kernel(arguments: list[str], folder: str, streams: list[int]) -> NoReturn:
    """Be a kernel from here on; `arguments` are those of `python -m ipykernel_launcher`."""
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    IPKernelApp.launch_instance(argv=arguments)
    atexit._run_exitfuncs()
    os._exit(0)  # without the interpreter's own end, which would copy all that was imported to take it apart


def serve(listener: socket.socket, client: int) -> None:
    """Answer each request with the number of a new process, which is a kernel, until process `client` has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended kernels leave no zombies
    listener.settimeout(1)
    while psutil.pid_exists(client):
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        with connection:
            message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 2)
            request = json.loads(message)
            os.environ.clear()
            os.environ.update(request["environment"])  # some packages look there when they are imported
            for name in IMPORTED:
                import_module(name)
            kernel = os.fork()
            if not kernel:
                become_kernel(request["arguments"], request["folder"], streams)
            connection.send(str(kernel).encode())
        for stream in streams:
            os.close(stream)


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
        serve(listener, client)
        address.unlink(missing_ok=True)
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
