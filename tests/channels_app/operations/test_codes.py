"""The pages of codes."""

from django.test import Client

from channels_app.codes import CODES
from tests.channels_app.operations.test_conversations import plain, text_of


def test_all_codes_are_listed(admin_client: Client) -> None:
    page = text_of(admin_client.get("/ops/codes/"))
    assert all(f'href="/ops/codes/{code}/"' in page for code in CODES)


def test_each_code_has_a_page(admin_client: Client) -> None:
    for code in CODES:
        page = text_of(admin_client.get(f"/ops/codes/{code}/"))
        assert "What it means" in page and f"{code}: " in plain(page)
        assert "`" not in page.split('id="content"')[1] and "style=" not in page


def test_a_code_is_found_in_small_letters_and_none_that_is_not_there(admin_client: Client) -> None:
    assert admin_client.get("/ops/codes/cb-501/").status_code == 200
    assert admin_client.get("/ops/codes/CB-000/").status_code == 404
