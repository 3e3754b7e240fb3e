import subprocess
import sys


def test_help_needs_no_torch():
    code = "import sys, models.cli; print([m for m in ('torch', 'ultralytics', 'onnx', 'cv2') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
