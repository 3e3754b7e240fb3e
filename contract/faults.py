"""What a person is told when a camera cannot be looked at, shows nothing, or an edge is hindered: what is wrong, what to do."""

from contract.catalogue import Text
from contract.edges import EdgeTrouble, Look, StreamFault

FAULT_TEXTS: dict[StreamFault, Text] = {
    StreamFault.BAD_URL: Text(
        zh="摄像头地址写法不对。请按“rtsp://地址:554/路径”的格式重新填写，用户名和密码分开填写。",
        en="The camera's address is not a usable URL. Enter it as rtsp://host:554/path, user and password in their own fields.",
    ),
    StreamFault.FORBIDDEN_ADDRESS: Text(
        zh="这个地址是边缘盒自己或系统保留的地址，或者设备把连接转到了这样的地址，不是摄像头。"
        "请填写摄像头或录像机在店内网络中的 IP 地址。",
        en="This address is the edge box itself or a reserved one, or the device leads there: no camera. Enter the IP address "
        "that the camera or the recorder has in the shop's network.",
    ),
    StreamFault.HOST_NOT_FOUND: Text(
        zh="找不到这个主机名。请检查地址有没有写错，或直接填写摄像头的 IP 地址。",
        en="The host name is not known. Check the address for a typing error, or enter the camera's IP address.",
    ),
    StreamFault.UNREACHABLE: Text(
        zh="连不上这台摄像头。请检查摄像头和录像机的电源、网线，并确认边缘盒与它接在同一个网络（同一台路由器）上。"
        "如果路由器给它换了 IP 地址，请在这里改成新地址，并在路由器或摄像头里固定下来。",
        en="The camera cannot be reached over the network. Check its power and cable, and that the edge box is in its network. "
        "If the router gave it another IP address, enter that one here, and fix it in the router or the camera.",
    ),
    StreamFault.REFUSED: Text(
        zh="设备拒绝了连接。请检查端口（通常是 554），并在摄像头设置里打开 RTSP 服务。",
        en="The device refused the connection. Check the port (usually 554) and switch on RTSP in the camera's settings.",
    ),
    StreamFault.NOT_RTSP: Text(
        zh="这个端口上不是视频流服务（可能是网页端口）。请改用 RTSP 端口，通常是 554。",
        en="What answers on this port is no RTSP server (perhaps the camera's web page). Use the RTSP port, usually 554.",
    ),
    StreamFault.NOT_FOUND: Text(
        zh="设备上没有这一路视频。请检查地址里的通道号和路径，各厂家写法不同。",
        en="The device has no stream of this name. Check the channel and path in the address; makers write them differently.",
    ),
    StreamFault.WRONG_PASSWORD: Text(
        zh="用户名或密码不对。请重新填写；连续输错可能会被摄像头暂时锁定。"
        "如确认无误，请在摄像头设置里把 RTSP 认证方式改为 digest，算法只选 MD5（不要选 SHA256 或 MD5/SHA256）。",
        en="User or password is wrong. Enter them again; after several wrong tries the camera may lock for a while. If you are "
        "sure of both, set the camera's RTSP authentication to Digest with MD5 only: SHA-256, even beside it, is not understood.",
    ),
    StreamFault.UNSUPPORTED_CODEC: Text(
        zh="摄像头的视频编码不受支持。请在摄像头设置里改用 H.264 或 H.265，并关闭“H.264+ / H.265+ / 智能编码”。",
        en="The camera's video codec is not supported. Set it to H.264 or H.265 and switch “smart codec” (H.264+ or H.265+) off.",
    ),
    StreamFault.NO_PICTURE: Text(
        zh="连上了，但没有收到能解开的画面，或者这一路只有声音。请检查通道号，重启摄像头；仍不行就改用子码流。",
        en="Connected, but no readable picture came, or this channel carries only sound. Check the channel and restart the "
        "camera; if that does not help, use its sub-stream.",
    ),
    StreamFault.TIMEOUT: Text(
        zh="摄像头没有按时应答。请检查网络是否拥堵，或者同时看这台摄像头的人是否太多。",
        en="The camera did not answer in time. Check whether the network is overloaded or too many viewers are on this camera.",
    ),
    StreamFault.DISCONNECTED: Text(
        zh="视频中断了，正在自动重连。如果反复中断，请检查网线、电源和无线信号。",
        en="The stream broke off and is being reconnected. If this repeats, check cable, power and wireless signal.",
    ),
    StreamFault.NOT_A_VIDEO: Text(
        zh="这个文件不是能播放的视频。请换一个 MP4、MKV 或 MOV 文件。",
        en="The file is not a video that can be read. Choose an MP4, MKV or MOV file.",
    ),
    StreamFault.CUT_OFF: Text(
        zh="这个视频文件不完整，后半部分缺失。请重新复制或导出这个文件；前面的部分已经看过。",
        en="The video file is cut off: its end is missing. Copy or export it again; the part that is there was looked at.",
    ),
    StreamFault.DEVICE_MISSING: Text(
        zh="找不到这个摄像头设备或文件。请插好 USB 摄像头，或检查文件路径。",
        en="There is no such webcam or file. Plug the webcam in, or check the path of the file.",
    ),
    StreamFault.ENDED: Text(
        zh="视频文件已经播放完毕。需要继续查看时请重新开始。",
        en="The video file has come to its end. Start it again to look further.",
    ),
    StreamFault.DETECTOR_FAILED: Text(
        zh="画面正常，但识别程序出错。请重启边缘盒；仍不行请联系接入运维，并提供边缘盒日志。",
        en="The picture is fine, but the detector failed. Restart the edge box; if it fails again, give its log to support.",
    ),
    StreamFault.CRASHES: Text(
        zh="这台摄像头的视频使解码程序崩溃，已单独暂停查看，不影响其他摄像头；稍后自动重试，间隔逐渐延长到一小时。"
        "请在摄像头设置里把编码改为 H.264、关闭“智能编码”或改用子码流，并更新摄像头固件；在本系统里修改该摄像头后会立即重试。",
        en="The stream of this camera crashes the decoder, so it is set aside and the others go on. It is tried again, in the "
        "end once an hour, and at once when its settings here are changed. In the camera's own settings choose H.264, switch "
        "“smart codec” off, or use its sub-stream, and update its firmware.",
    ),
    StreamFault.OTHER_DEVICE: Text(
        zh="这个地址上现在是另一台摄像头（路由器可能重新分配了地址），为避免证据记错摄像头，已暂停查看。"
        "请在这里填写本摄像头的新地址，并在路由器里固定各摄像头的地址。如果是有意对调，请删除本摄像头后重新添加。",
        en="At this address another one of your cameras answers now (the router may have given out addresses anew). It is not "
        "looked at, so that no evidence goes to the wrong camera. Enter the address that this camera has now, and fix the "
        "addresses of all cameras in the router. If you exchanged them on purpose, delete this camera and add it anew.",
    ),
    StreamFault.OTHER: Text(
        zh="无法查看画面，原因未能识别。请在边缘盒上运行 sunshine check-camera，查看详细说明。",
        en="The camera cannot be looked at, for a reason not recognised. Run sunshine check-camera on the edge box for details.",
    ),
}

LOOK_TEXTS: dict[Look, Text] = {
    "good": Text(zh="画面正常。", en="The picture is fine."),
    "black": Text(
        zh="画面全黑。请检查镜头是否被遮挡、现场有没有灯光。",
        en="The picture is black. Check that the lens is not covered and that there is light.",
    ),
    "plain": Text(
        zh="画面只有一种颜色。请检查镜头是否被遮挡，或该通道是否接有摄像头。",
        en="The picture is all of one colour. Check that the lens is not covered and that a camera is on this channel.",
    ),
    "frozen": Text(
        zh="画面完全不动。请重启摄像头，再检查一次。",
        en="The picture does not move at all. Restart the camera and check again.",
    ),
}

TROUBLE_TEXTS: dict[EdgeTrouble, Text] = {
    EdgeTrouble.DISK_FULL: Text(
        zh="边缘盒的磁盘已满，新证据存不下来。请清理边缘盒的磁盘；仍在持续的违规会在有空间后补存。",
        en="The disk of the edge box is full, so new evidence cannot be kept. Make room on it; what still lasts is kept then.",
    ),
    EdgeTrouble.DISK_FAILED: Text(
        zh="边缘盒无法读写它的数据文件夹。请检查磁盘和文件夹权限，再查看边缘盒日志。",
        en="The edge box cannot read or write its data folder. Check the disk and who may write there, and see its log.",
    ),
    EdgeTrouble.DISK_HANGS: Text(
        zh="边缘盒的磁盘没有响应。检查照常进行，但新证据暂时只能留在内存里（数量有限）。如一直没有恢复，请重启边缘盒；反复出现请更换磁盘或存储卡。",
        en="The disk of the edge box does not answer. Looking goes on, but new evidence waits in memory, where there is little "
        "room. If this lasts, start the box again; if it comes back, replace its disk or memory card.",
    ),
    EdgeTrouble.MEMORY_SHORT: Text(
        zh="边缘盒内存不足：最近一天内系统强行结束了正在查看摄像头的程序，程序已自动重启，期间有几秒到几分钟没有查看。请关闭这台机器上的其他程序、"
        "加装内存，或减少摄像头、工作进程（--workers）和片段缓存（--preroll）。",
        en="The edge box is short of memory: within the last day its system killed a program that looks at cameras. It was "
        "started again; seconds to minutes were not looked at. Close other programs on the box, give it more memory, or give "
        "it fewer cameras, workers (--workers) or less footage to keep (--preroll).",
    ),
    EdgeTrouble.EVIDENCE_LOST: Text(
        zh="边缘盒已保存、尚未上传的证据从它的磁盘上消失了，这份证据无法补传。请检查是否有人删除了文件；如果没有，"
        "磁盘或存储卡可能即将损坏，请更换。",
        en="Evidence that the edge box had kept and not yet sent is gone from its disk, and cannot be sent any more. Ask whether "
        "somebody deleted files; if nobody did, the disk or memory card is failing: replace it.",
    ),
    EdgeTrouble.REPORT_REFUSED: Text(
        zh="最近一天内，中心拒收了边缘盒的报告，或有报告、录像片段多次尝试仍传不上去。原因在边缘盒日志里"
        "（report_parked、report_passed_over）；证据仍在边缘盒上，排除原因后数日内会自动重发；要立即重发，请重启边缘盒。",
        en="Within the last day the centre refused a report of this edge box, or a report or a clip does not get through for "
        "days. The edge box's log says why (report_parked, report_passed_over); its evidence is kept. When the cause is "
        "removed, it is sent again within days; to have it sent at once, restart the edge box.",
    ),
}
