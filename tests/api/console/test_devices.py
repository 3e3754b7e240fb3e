from datetime import UTC, datetime

import pytest

from api.console.devices import device_words
from api.console.i18n import Language
from api.console.speech import Speaker

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    ("agent", "chinese", "english"),
    [
        ("Mozilla/5.0 (Linux; Android 13; K) Chrome/116.0 Mobile Safari/537.36", "Chrome（Android）", "Chrome on Android"),
        ("Mozilla/5.0 (Linux; Android 13) Chrome/116.0 MicroMessenger/8.0.50", "微信（Android）", "WeChat on Android"),
        ("Mozilla/5.0 (iPhone) Safari/604.1 wxwork/4.1 MicroMessenger/7.0.1", "企业微信（iPhone）", "WeCom on iPhone"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1", "Safari（iPhone）", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36 Edg/120.0", "Edge（Windows）", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox（Mac）", "Firefox on Mac"),
        ("Mozilla/5.0 (OpenHarmony) Chrome/114 HuaweiBrowser/5", "华为浏览器（HarmonyOS）", "Huawei browser on HarmonyOS"),
        ("curl/8.5.0", "curl/8.5.0", "curl/8.5.0"),
        ("x" * 200, "x" * 40 + "…", "x" * 40 + "…"),
        ("unknown", "未知", "unknown"),
        (None, "未知", "unknown"),
    ],
)
def test_words(agent: str | None, chinese: str, english: str) -> None:
    assert device_words(agent, Speaker(Language.ZH, NOW)) == chinese
    assert device_words(agent, Speaker(Language.EN, NOW)) == english
