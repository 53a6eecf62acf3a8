"""Which API and which proxy, and what cannot work."""

from typing import Any

import pytest
from aiohttp import BasicAuth
from aiohttp.helpers import strip_auth_from_url
from hypothesis import given as generated
from hypothesis import strategies as st
from yarl import URL

from boooply.errors import ConfigurationError
from boooply.protocol.hosts import api_identity, ascii_host, base_url, is_bypassed, proxy_problem


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://api.boooply.com", "https://api.boooply.com"),
        ("https://api.boooply.com/", "https://api.boooply.com"),
        ("https://api.boooply.com:8443", "https://api.boooply.com:8443"),
        ("https://api.boooply.com:443", "https://api.boooply.com"),
        ("https://api.boooply.com.", "https://api.boooply.com."),
        ("https://api.boooply.com/v1", "https://api.boooply.com/v1"),
        ("https://gateway.example:8443/eu/boooply/", "https://gateway.example:8443/eu/boooply"),
        ("https://gateway.example/a%20b/ü", "https://gateway.example/a%20b/%C3%BC"),
        ("https://BÜCHER.example", "https://xn--bcher-kva.example"),
        ("https://my_service:1", "https://my_service:1"),
        ("https://192.168.1.1", "https://192.168.1.1"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        (f"https://{'a' * 63}.example", f"https://{'a' * 63}.example"),
        ("HTTPS://API.Boooply.com", "https://api.boooply.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://api.localhost", "http://api.localhost"),
    ],
)
def test_a_base_url_that_works(given: str, url: str) -> None:
    assert base_url(given, None, allow_insecure=False) == url


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://api.boooply.com.", "https://api.boooply.com"),
        ("https://api.boooply.com.:8443/v1", "https://api.boooply.com:8443/v1/"),
        ("HTTPS://API.boooply.com:443/", "https://api.boooply.com"),
        ("http://[::1]:80/a.", "http://[::1]/a."),
    ],
)
def test_two_spellings_of_one_api(one: str, other: str) -> None:
    assert api_identity(one) == api_identity(other)


@pytest.mark.parametrize(
    "other",
    ["https://api.boooply.co", "https://api.boooply.com:8443", "http://api.boooply.com", "https://api.boooply.com/V1"],
)
def test_two_apis(other: str) -> None:
    assert len({api_identity(one) for one in ("https://api.boooply.com", "https://api.boooply.com/v1", other)}) == 3


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("http://api.boooply.com", "base_url uses http"),
        ("http://192.168.1.1", "base_url uses http"),
        ("http://localhost.example.com", "base_url uses http"),
        ("https://api.boooply.com/?a=1", "base_url must end after the host"),
        ("https://api.boooply.com#a", "base_url must end after the host"),
        ("https://1.2.3", "base_url has an invalid host or port: pass https://HOST"),
        ("https://1.2.3.4.5", "base_url has an invalid host or port"),
        ("https://1.2.3.256", "base_url has an invalid host or port"),
        ("https://a..b", "base_url has an invalid host or port"),
        ("https://.a", "base_url has an invalid host or port"),
        ("https://-a.example", "base_url has an invalid host or port"),
        ("https://a%41.example", "base_url has an invalid host or port"),
        (f"https://{'a' * 64}.example", "base_url has an invalid host or port"),
        (f"https://{'ü' * 63}.example", "base_url has an invalid host or port"),
        (f"https://{'a.' * 127}example", "base_url has an invalid host or port"),
        ("https://a.example:0", "base_url has an invalid host or port"),
        ("https://a.example:99999", "base_url is not a URL"),
        ("https://h\\evil", "base_url contains white space or a character that no URL has"),
        ("https://h\n", "base_url contains white space"),
        (" https://h", "base_url contains white space"),
        ("https://h/a b", "base_url contains white space"),
        ('"https://h"', "base_url is in quotes: pass it without them"),
        ("${BOOOPLY_BASE_URL}", "base_url is a placeholder that was not filled in"),
        ("https://h/../x", "base_url has an invalid path: remove empty segments, . and .."),
        ("https://h/a/%2e%2E", "base_url has an invalid path: remove empty segments, . and .."),
        ("https://h//x", "base_url has an invalid path: remove empty segments"),
        ("https://h/%zz", "base_url has an invalid path"),
        (b"https://h", "base_url must be text, not bytes: pass https://HOST"),
        (7, "base_url must be text, not int"),
        ("https://user:pw12345@api.boooply.com", "base_url contains a user name or password"),
        ("https://user@api.boooply.com", "base_url contains a user name or password"),
        ("ftp://api.boooply.com", "base_url must be of the form https://HOST"),
        ("api.boooply.com", "base_url must be of the form https://HOST"),
        ("https://", "base_url must be of the form https://HOST"),
        ("https://api.boooply.com:http", "base_url is not a URL"),
        ("https://[::1", "base_url is not a URL"),
        ("", "base_url is missing: set BOOOPLY_BASE_URL, or pass base_url=…"),
        (None, "base_url is missing: set BOOOPLY_BASE_URL, or pass base_url=…"),
    ],
)
def test_a_base_url_that_cannot_work(given: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        base_url(given, None, allow_insecure=False)

    assert str(caught.value).startswith(problem)
    assert "pw12345" not in str(caught.value)


def test_http_can_be_allowed_for_a_test_network() -> None:
    assert base_url("http://api.test:80", None, allow_insecure=True) == "http://api.test"


def test_the_environment_is_the_second_choice() -> None:
    assert base_url(None, "https://env.example", allow_insecure=False) == "https://env.example"
    assert base_url("https://arg.example", "https://env.example", allow_insecure=False) == "https://arg.example"
    with pytest.raises(ConfigurationError, match=r"https://HOST \(BOOOPLY_BASE_URL\)$"):
        base_url(None, "ftp://h", allow_insecure=False)


@pytest.mark.parametrize(
    "value",
    [
        "http://127.0.0.1:1",
        "HTTP://proxy.example:3128/",
        "https://proxy.example",
        "proxy.example:3128",
        "user:pass@proxy.example:3128",
        "http://user:p%40ss%2F%23@proxy.example:3128",
        "http://user:p@ss!word@proxy.example",
        "http://user:pass:word@proxy.example",
        "http://user@[2001:db8::1]:1",
        "http://münchen.example:1",
        "http://us%C3%A9r:geh%C3%A9im@proxy.example:1",
    ],
)
def test_a_proxy_that_works(value: str) -> None:
    assert proxy_problem(value) is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("http://user:hush#hush@host:1", "percent-encode"),
        ("http://user:hush/hush@host:1", "percent-encode"),
        ("http://user:1/hush@host:1", "percent-encode / (%2F), ? (%3F) and # (%23)"),
        ("http://user:hush?hush@host:1", "percent-encode"),
        ("http://user:hush://hush@host:1", "percent-encode"),
        ("user:hush#hush@host:1", "percent-encode"),
        ("http://user:hushключhush@host:1", "has a character in its user name or password"),
        ("http://user:hush%D0%BA@host:1", "has a character in its user name or password"),
        ("http://user:hush%0Ahush@host:1", "has a character in its user name or password"),
        ("http://us%3Aer:hush@host:1", "has a character in its user name or password"),
        ("http://host:notaport", "must be of the form http://USER:PASSWORD@HOST:PORT"),
        ("http://user:hush@host:99999", "must be of the form"),
        ("http://host:0", "must be of the form"),
        ("//host:1", "must be of the form"),
        ("http://:3128", "must be of the form"),
        ("http://user:hush@", "must be of the form"),
        ("http://", "must be of the form"),
        ("http://a..b:1", "must be of the form"),
        ("http://1.2.3:1", "must be of the form"),
        ("http://ho st:1", "must be of the form"),
        ("http://h\\evil:1", "must be of the form"),
        ('"http://host:1"', "must be of the form"),
        ("ftp://user:hush@host:1", "must be of the form"),
        ("http://%:hush\u00b8@host:1", "percent-encode everything except letters and digits"),
        ("http://host:1/path", "must end after the port"),
        ("socks5h://user:hush@host:1", "names a socks5h proxy, which is not supported: use an HTTP or HTTPS proxy"),
    ],
)
def test_a_proxy_that_cannot_work(value: str, problem: str) -> None:
    found = proxy_problem(value)
    assert found is not None
    assert problem in found
    assert "hush" not in found


FORM = (
    "must be of the form http://USER:PASSWORD@HOST:PORT, with a valid host and port. In the user name and password, "
    "percent-encode everything except letters and digits"
)
END = "must end after the port. In the user name and password, percent-encode / (%2F), ? (%3F) and # (%23)"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("ftp://host:1", FORM),
        ("http://host:1/path", END),
        (
            "http://us%3Aer@host:1",
            "has a character in its user name or password that HTTP cannot send: change them at the proxy",
        ),
        ("SOCKS5hush://host:1", "names a socks5h proxy, which is not supported: use an HTTP or HTTPS proxy"),
    ],
)
def test_the_whole_problem_of_a_proxy_with_its_remedy(value: str, problem: str) -> None:
    assert proxy_problem(value) == problem


@generated(st.text(min_size=1), st.text(), st.sampled_from(["host", "host:1", "[::1]:1"]))
def test_a_proxy_that_is_accepted_is_one_that_aiohttp_can_use(user: str, password: str, host: str) -> None:
    value = f"http://{user}:{password}@{host}"
    if proxy_problem(value) is None:
        url, credentials = strip_auth_from_url(URL(value))
        assert url.host in {"host", "::1"}
        assert isinstance(credentials, BasicAuth)
        credentials.encode()


@pytest.mark.parametrize(
    ("no_proxy", "host", "is_named"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "ten.example", False),
        ("10.1.2.3/8", "10.9.9.9", True),
        ("10.1.2.3/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("*.x.example", "a.x.example", True),
        ("*.x.example", "x.example", False),
        (".x.example", "a.x.example", True),
        ("x.example", "a.x.example", True),
        ("x.example", "ax.example", False),
        ("X.Example", "x.example", True),
        ("x.example.", "x.example", True),
        ("x.example", "x.example.", True),
        ("x.example:443", "x.example", True),
        ("x.example:8443", "x.example", False),
        ("[2001:db8::1]", "2001:db8::1", True),
        ("2001:db8::1", "2001:DB8:0::1", True),
        ("[2001:db8::1]:443", "2001:db8::1", True),
        ("[2001:db8::1]:444", "2001:db8::1", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("[2001:db8::]/32", "2001:db8::1", True),
        ("a.example, x.example", "x.example", True),
        ("a.example,x.example", "x.example", True),
        ("a.example,x.example", "a.example", True),
        ("a.example x.example", "x.example", True),
        ("*", "x.example", True),
        ("", "x.example", False),
        (".", "x.example", False),
        ("10.0.0.0/99,<local>,:", "x.example", False),
    ],
)
def test_the_hosts_that_no_proxy_names(no_proxy: str, host: str, is_named: bool) -> None:
    assert is_bypassed(no_proxy, host, 443) is is_named


@generated(st.text())
def test_any_text_is_a_host_or_is_none(text: str) -> None:
    host = ascii_host(text)
    assert host is None or host.isascii()
