"""What a browser says of itself (its User-Agent), in words: "WeChat on Android"."""

from api.console.i18n import N_
from api.console.speech import Speaker

# Each says the names of those below it too: WeChat that it is Chrome, Chrome that it is Safari.
_BROWSERS = (
    ("wxwork", N_("WeCom")), ("MicroMessenger", N_("WeChat")), ("DingTalk", N_("DingTalk")), ("Lark/", N_("Feishu")),
    ("HuaweiBrowser", N_("Huawei browser")), ("MiuiBrowser", N_("Xiaomi browser")), ("MQQBrowser", N_("QQ browser")),
    ("UCBrowser", N_("UC browser")), ("Edg", "Edge"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("Chrome", "Chrome"),
    ("CriOS", "Chrome"), ("Safari", "Safari"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"), ("OpenHarmony", "HarmonyOS"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
    ("Windows", "Windows"), ("Macintosh", "Mac"), ("Linux", "Linux"),
)
# Of what is not a browser, such as curl, its name and version come first.
_SHORT = 40


def device_words(agent: str | None, speaker: Speaker) -> str:
    if agent in (None, "unknown"):
        return speaker.say(N_("unknown"))
    browser = next((speaker.say(name) for mark, name in _BROWSERS if mark in agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in agent), None)
    if browser is None:
        return agent if len(agent) <= _SHORT else f"{agent[:_SHORT]}…"
    if system is None:
        return browser
    return speaker.say(N_("%(browser)s on %(system)s"), browser=browser, system=system)
