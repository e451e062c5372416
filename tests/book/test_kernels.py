"""A forked kernel is as good as a new one: its own process, folder and variables; and nothing outlives make."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
from jupyter_client.provisioning import KernelProvisionerFactory
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

CELLS = {
    "process": "import os\nprint(os.getpid(), os.getppid())",
    "folder": "print(os.getcwd())",
    "variable": "print(os.environ['COLOUR'])",
    "modules": "import sys\nprint('torch' in sys.modules, [name for name in sys.modules if 'odestack.' in name])",
    "gradient": "import torch\nx = torch.ones(8, requires_grad=True)\n(x @ x).backward()\nprint(x.grad.sum().item())",
    "figure": "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
    "next figure": "plt.plot([1, 2]);",
}


def executed(folder: Path, *sources: str) -> list[NotebookNode]:
    """The cells of a notebook that ran in `folder`."""
    path = folder / "notebook.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    options = {"kernel_name": "python3", "language": "python", "progress_bar": False}
    return papermill.execute_notebook(path, path, cwd=folder, **options).cells


def ask(patch: pytest.MonkeyPatch, address: Path) -> None:
    """Have kernels asked for at `address`, as make does."""
    patch.setenv("ODESTACK_KERNELS", str(address))
    patch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "forking")
    KernelProvisionerFactory.clear_instance()  # it reads the variable once


@pytest.fixture(scope="module")
def client() -> Iterator[subprocess.Popen[bytes]]:
    """The process whose end also ends the server."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def address(client: subprocess.Popen[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    address = tmp_path_factory.mktemp("server") / "kernels"
    subprocess.run([sys.executable, "-m", "odestack.book.kernels", str(address), str(client.pid)], check=True)
    return address


@pytest.fixture(scope="module")
def server(address: Path) -> psutil.Process:
    (process,) = (p for p in psutil.process_iter(["cmdline"]) if str(address) in (p.info["cmdline"] or ()))
    return process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def outputs(address: Path, folder: Path) -> dict[str, list[NotebookNode]]:
    """What the cells put out in a forked kernel, the first one of the server."""
    with pytest.MonkeyPatch.context() as patch:
        ask(patch, address)
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        patch.setenv("COLOUR", "blue")
        return dict(zip(CELLS, (cell.outputs for cell in executed(folder, *CELLS.values())), strict=True))


def printed(outputs: dict[str, list[NotebookNode]], name: str) -> str:
    return outputs[name][0].text.strip()


def test_each_kernel_is_a_child_of_the_server(
    outputs: dict[str, list[NotebookNode]],
    server: psutil.Process,
    address: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(monkeypatch, address)
    (second,) = executed(tmp_path, CELLS["process"])
    kernels, parents = zip(printed(outputs, "process").split(), second.outputs[0].text.split(), strict=True)
    assert kernels[0] != kernels[1]
    assert parents == (str(server.pid), str(server.pid))
    assert not server.children()


def test_it_has_the_folder_and_variables_of_who_asked(outputs: dict[str, list[NotebookNode]], folder: Path) -> None:
    assert printed(outputs, "folder") == str(folder)
    assert printed(outputs, "variable") == "blue"


def test_only_other_packages_are_imported_beforehand(outputs: dict[str, list[NotebookNode]]) -> None:
    assert printed(outputs, "modules") == "True ['odestack.book']"


def test_it_computes_gradients(outputs: dict[str, list[NotebookNode]]) -> None:
    assert printed(outputs, "gradient") == "16.0"


def test_it_shows_figures(outputs: dict[str, list[NotebookNode]]) -> None:
    assert ["image/png" in outputs[name][0].data for name in ("figure", "next figure")] == [True, True]


def test_its_errors_are_shown_where_it_was_asked_for(
    address: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ask(monkeypatch, address)
    with pytest.raises(DeadKernelError):
        executed(tmp_path, "import os\nos.write(2, b'out of memory')\nos.kill(os.getpid(), 9)")
    assert "out of memory" in capfd.readouterr().err


@pytest.mark.usefixtures("outputs")
def test_the_server_has_one_thread_as_a_process_that_forks_must(server: psutil.Process) -> None:
    assert server.num_threads() == 1


@pytest.mark.usefixtures("outputs")
def test_a_client_that_hangs_up_or_says_nonsense_does_no_harm(server: psutil.Process, address: Path) -> None:
    for message in (b"", b"hello", b"{}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.connect(str(address))
            if message:
                link.send(message)
    with pytest.raises(psutil.TimeoutExpired):
        server.wait(timeout=2)


def test_a_kernel_ends_with_who_asked_for_it(address: Path, tmp_path: Path) -> None:
    cells = ["import os\nopen('pid', 'w').write(str(os.getpid()))", "import time\ntime.sleep(600)"]
    script = (
        f"from pathlib import Path; from test_kernels import executed; executed(Path({str(tmp_path)!r}), *{cells!r})"
    )
    asked = {"ODESTACK_KERNELS": str(address), "JUPYTER_DEFAULT_PROVISIONER_NAME": "forking"}
    environment = {**os.environ, **asked, "PYTHONPATH": str(Path(__file__).parent)}
    with subprocess.Popen([sys.executable, "-c", script], env=environment) as process:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.1)
            assert process.poll() is None
        kernel = psutil.Process(int((tmp_path / "pid").read_text()))
        process.kill()
    kernel.wait(timeout=10)


def test_no_other_user_may_ask(address: Path) -> None:
    assert address.stat().st_mode & 0o077 == 0


def test_without_a_server_the_kernel_is_an_ordinary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(monkeypatch, tmp_path / "kernels")
    (cell,) = executed(tmp_path, CELLS["process"])
    assert cell.outputs[0].text.split()[1] == str(os.getpid())


def test_the_server_ends_with_its_client(
    server: psutil.Process, address: Path, client: subprocess.Popen[bytes]
) -> None:
    assert server.is_running()
    client.kill()
    client.wait()
    server.wait(timeout=10)
    assert not address.exists()
