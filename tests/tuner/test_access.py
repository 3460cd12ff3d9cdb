"""Nobody gets anything from the server but the page that was opened with its token."""

from __future__ import annotations

import socket
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus

from conftest import PATIENCE
from stackmend.tuner import app
from stackmend.tuner.access import Access
from tuner_client import Page, ask, live


@pytest.fixture
def access(server):
    return server.access


def host(access):
    return {"Host": access.hosts[0]}


PATHS = ["/", "/page/main.js", "/picture", "/nowhere"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "token", ["", "?token=", "?token=wrong", "?token={0}x", "?token={0}&token={0}", "?Token={0}"]
)
def test_without_the_token(access, path, token):
    answer = ask(access, path + token.format(access.token))
    assert answer.status == 403
    assert answer.body == (
        b"the token is missing or wrong; open the address that 'stackmend tune' printed\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "evil.example:{}",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:{}",
        "127.0.0.1:{}.evil.example",
        "localhost.:{}",
        "[::1]:{}",
        "0.0.0.0:{}",
        "",
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_under_another_name(access, path, name):
    """As where a name of somebody else has been made to lead to this machine."""
    answer = ask(access, f"{path}?token={access.token}", {"Host": name.format(access.port)})
    assert answer.status == 403
    assert b"this server answers at 127.0.0.1" in answer.body


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{}", "file:"])
def test_from_a_page_of_another_origin(access, path, origin):
    headers = {**host(access), "Origin": origin.format(access.port)}
    assert ask(access, f"{path}?token={access.token}", headers).status == 403


@pytest.mark.parametrize("said", ["cross-site", "same-site", "anything"])
def test_for_a_page_of_another_port(access, said):
    headers = {**host(access), "Sec-Fetch-Site": said}
    assert ask(access, f"/page/main.js?token={access.token}", headers).status == 403
    assert ask(access, f"/?token={access.token}", headers).status == 200  # a link that was followed


def test_our_own_page_gets_everything(access):
    for name in access.hosts:
        headers = {"Host": name, "Origin": f"http://{name}", "Sec-Fetch-Site": "same-origin"}
        assert ask(access, f"/?token={access.token}", headers).status == 200
        assert ask(access, "/", {**headers, "X-Token": access.token}).status == 200


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
def test_no_live_connection_for_others(access, headers):
    with pytest.raises(InvalidStatus) as caught:
        live(access, additional_headers=headers)
    assert caught.value.response.status_code in (400, 403)  # two hosts, or one that is not ours


def test_no_live_connection_without_the_token(access):
    stranger = Access(access.port)
    with pytest.raises(InvalidStatus) as caught:
        live(stranger)
    assert caught.value.response.status_code == 403


def test_the_cookie_is_for_the_files_of_the_page_alone(access):
    cookie = ask(access, f"/?token={access.token}").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    headers = {**host(access), "Cookie": cookie.partition(";")[0]}
    assert ask(access, "/page/main.js", headers).status in (200, 404)
    assert [ask(access, path, headers).status for path in ("/", "/picture")] == [403, 403]


def test_the_address_for_a_browser_is_good_for_one_visit(serve, file):
    access = serve(file).access
    path = access.address_once.partition(access.hosts[0])[2]
    assert ask(access, path, {"Host": "evil.example"}).status == 403
    first, second = ask(access, path), ask(access, path)
    assert (first.status, second.status) == (303, 403)
    assert first.headers["Location"] == f"/?token={access.token}"
    assert access.token not in access.address_once


OUTSIDE = ["../app.py", "../../errors.py", "..", ".", "", "index.html/..", "/etc/passwd", "a\\b.js"]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("spelled", [str, quote, lambda name: quote(quote(name, safe=""), safe="")])
def test_no_file_beside_the_page(access, name, spelled):
    answer = ask(access, f"/page/{spelled(name)}?token={access.token}".replace(" ", "%20"))
    assert answer.status in (400, 404)
    assert b"import" not in answer.body


def test_no_link_is_followed(access, tmp_path, monkeypatch):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "link.js").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "own.js").write_text("own")
    monkeypatch.setattr(app, "PAGE", tmp_path)
    answers = [ask(access, f"/page/{n}.js?token={access.token}") for n in ("link", "own")]
    assert [answer.status for answer in answers] == [404, 200]


def test_no_answer_is_kept_or_shown_elsewhere(access):
    headers = ask(access, f"/?token={access.token}").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_it_is_reached_from_this_machine_alone(server):
    assert server.address[0] == "127.0.0.1"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_is_taken_but_questions(access, method):
    with socket.create_connection(("127.0.0.1", access.port), PATIENCE) as client:
        request = f"{method} /?token={access.token} HTTP/1.1\r\nHost: {access.hosts[0]}\r\n\r\n"
        client.sendall(request.encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 405 ")


def test_nonsense_and_endless_headers_end_nothing(access):
    for sent in (b"\0\xff\r\n\r\n", b"GET / HTTP/1.1\r\nHost: " + b"a" * 10**6):
        with socket.create_connection(("127.0.0.1", access.port), PATIENCE) as client:
            try:
                client.sendall(sent)
                assert b" 400 " in client.recv(4096)
            except ConnectionError:  # hung up on
                pass
    page = Page(access)
    page.hello()
    page.close()
