import subprocess
import sys

CODE = """
import structlog
from contract.logs import log_to_stderr
log_to_stderr()
structlog.get_logger().error("full", camera="a")
print("still here")
"""


def test_full_disk_under_the_log_is_no_reason_to_fail():
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=full, text=True, check=False)
    assert done.stdout == "still here\n"


def test_line_says_when_and_what():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stderr.startswith("timestamp=")
    assert "level='error' event='full' camera='a'" in done.stderr
