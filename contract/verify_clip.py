"""Checking the clip beside a package whose seal holds: its own seal, that it belongs there, and why it is short or missing."""

from collections.abc import Iterator, Mapping

from contract.evidence import CLIP, ClipFlaw, ClipManifest, Manifest, SealedClip, SealError, verify_seal
from contract.findings import Finding, Trust, bad, good
from contract.signing import read_key
from contract.verify_centre import about_package, read_word

CLIP_MANIFEST, CLIP_CENTRE = "clip.json", "clip.centre.json"
FLAWS = {
    ClipFlaw.MEMORY: ("it did not fit into the memory of the edge", "超出边缘端内存上限"),
    ClipFlaw.STREAM: ("the stream had just begun, broke off or stood still", "视频流刚建立、中断或停滞"),
    ClipFlaw.STOPPED: ("the edge was stopped", "边缘端停止运行"),
    ClipFlaw.FORMAT: ("the stream is neither H.264 nor H.265, or has no time stamps", "视频流不是 H.264/H.265，或缺少时间戳"),
    ClipFlaw.DISK: ("the disk of the edge did not take it", "边缘端磁盘无法写入"),
    ClipFlaw.FAILED: ("it could not be cut", "片段截取失败"),
}


def about_clip(about: str, files: Mapping[str, bytes], snapshot: Manifest, key: str, trust: Trust) -> Iterator[Finding]:
    """`key` is that of the edge, with which the snapshot was signed."""
    if CLIP_MANIFEST not in files:
        if CLIP in files:
            yield bad(about, "There is a clip without its manifest: nothing vouches for it.", "视频片段缺少清单，无法核验。")
        else:
            yield good(about, "No clip has come with it.", "未附视频片段。")
        return
    try:
        sealed = SealedClip.model_validate_json(files[CLIP_MANIFEST])
        if sealed.model_dump_json().encode() != files[CLIP_MANIFEST].rstrip():
            raise ValueError
    except ValueError:
        yield bad(about, "The manifest of the clip was changed.", "视频片段的清单已被改动。")
        return
    clip, signer = sealed.manifest, read_key(key)
    names = (clip.violation_id, clip.snapshot, clip.edge_id, clip.camera_id)
    if names != (snapshot.violation_id, snapshot.digest(), snapshot.edge_id, snapshot.camera_id) or signer is None:
        yield bad(about, "The clip belongs to another violation.", "视频片段属于另一条违规记录。")
        return
    try:
        verify_seal(sealed, signer, {CLIP: files[CLIP]} if CLIP in files else {})
    except SealError as error:
        yield bad(about, f"The clip: {error}", "视频片段封存校验未通过：签名不符，或文件缺失、多余、被改动。")
        return
    yield _in_words(about, clip)
    if CLIP_CENTRE in files:
        word = read_word(about, files[CLIP_CENTRE])
        if isinstance(word, Finding):
            yield word
        else:
            yield from about_package(f"{about}, {CLIP}", clip, word, key, trust)


def _in_words(about: str, clip: ClipManifest) -> Finding:
    if clip.missing is not None:
        en, zh = FLAWS[clip.missing]
        return good(
            about, f"There is no clip, and the edge has signed why: {en} (number {clip.sequence}).",
            f"无视频片段，边缘端已签名说明原因：{zh}（第 {clip.sequence} 条）。",
        )
    late = FLAWS[clip.begins_late] if clip.begins_late else None
    early = FLAWS[clip.ends_early] if clip.ends_early else None
    return good(
        about,
        f"The clip holds: {clip.duration_s:.1f} s, the moment at {clip.moment_s:.1f} s, number {clip.sequence}"
        f"{f'. It begins late: {late[0]}' if late else ''}{f'. It ends early: {early[0]}' if early else ''}.",
        f"视频片段完好：时长 {clip.duration_s:.1f} 秒，违规时刻在第 {clip.moment_s:.1f} 秒，第 {clip.sequence} 条"
        f"{f'；开头不足：{late[1]}' if late else ''}{f'；结尾不足：{early[1]}' if early else ''}。",
    )
