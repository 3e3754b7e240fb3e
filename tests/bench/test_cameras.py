"""The cameras of a benchmark begin at places of their own, and say truly which."""

import av
import numpy as np
import pytest

from bench.phases import playing
from tests.ingest.conftest import FPS, GOP, make_clip, number_in


@pytest.mark.timeout(120)
def test_they_begin_spread_over_the_clip_with_key_frames(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", numbered=True, seconds=2.0)
    first = []
    with playing([clip] * 3, tmp_path) as cameras:
        for url in cameras.urls:
            with av.open(url, options={"rtsp_transport": "tcp"}, timeout=30) as container:
                picture = next(container.decode(video=0))
                first.append(number_in(np.asarray(picture.to_ndarray(format="gray"))))
        _, from_s = cameras.started()
    assert first == [0, 15, 30]  # thirds of 40 pictures, at the next of the key frames, which come every five
    assert GOP == 5
    assert from_s == pytest.approx([number / FPS for number in first])
