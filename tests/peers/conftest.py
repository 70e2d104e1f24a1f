"""What every test of this folder may ask for."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from browser import browser  # noqa: E402
from far_end import FarEnd  # noqa: E402
from gateway import ROOT, Gateway, route  # noqa: E402
from processes import as_root  # noqa: E402

# Not ours to carry: they are run where they stand beside this checkout.
collect_ignore = [] if (ROOT.parent / "shared/suites").is_dir() else ["test_outside_suites.py"]


@pytest.fixture
def home():
    """A folder on a real disk that Postfix's own user can reach, unlike
    pytest's."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-peers-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(as_root("rm", "-rf", folder), check=True)


@pytest.fixture
def far_end():
    with FarEnd() as far_end:
        yield far_end


@pytest.fixture(scope="module")
def chromium():
    with browser() as chromium:
        yield chromium


@pytest.fixture
def gateway(home, far_end):
    """A gateway whose every route leads to the far end."""
    with Gateway(home / "gateway", [route("*", far_end.port)]) as gateway:
        yield gateway
