"""Nothing internal is reachable, whatever it calls itself."""

import socket
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.lib.http import addresses
from channels_app.lib.http.addresses import (
    AllowList,
    Target,
    is_public,
    network_of,
    public_url_problem,
    reachable_addresses,
)
from channels_app.protocol.errors import ConfigError

INTERNAL_V4 = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
]
INTERNAL_V6 = [
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]

internal_v4 = st.one_of([st.ip_addresses(network=network) for network in INTERNAL_V4])
internal_v6 = st.one_of([st.ip_addresses(network=network) for network in INTERNAL_V6])


def inside_ipv6(address: IPv4Address) -> list[IPv6Address]:
    """The ways in which an IPv6 address can lead to an IPv4 one."""
    number = int(address)
    mapped, nat64, sixtofour = 0xFFFF << 32, 0x64FF9B << 96, 0x2002 << 112
    return [IPv6Address(mapped + number), IPv6Address(nat64 + number), IPv6Address(sixtofour + (number << 80))]


@given(internal_v4)
def test_internal_ipv4_is_not_public_in_any_disguise(address):
    assert not is_public(address)
    assert not any(is_public(disguise) for disguise in inside_ipv6(address))


@given(internal_v6)
def test_internal_ipv6_is_not_public(address):
    assert not is_public(address)


@given(st.ip_addresses(v=6).filter(lambda address: int(address) >> 125 != 1))
def test_ipv6_outside_global_unicast_is_public_only_as_a_public_ipv4_address(address):
    inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    assert is_public(address) == (address in inside_ipv6(inner)[:2] and is_public(inner))


@pytest.mark.parametrize("text", ["8.8.8.8", "52.30.1.2", "2600:1f18::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(text):
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text", ["169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254"]
)
def test_metadata_services_of_clouds_are_not_public(text):
    assert not is_public(ip_address(text))


def stub_resolver(monkeypatch, *found):
    monkeypatch.setattr(addresses, "resolve", lambda host: list(found))


def test_of_several_addresses_only_the_public_ones_are_kept(monkeypatch):
    stub_resolver(monkeypatch, "10.0.0.1", "8.8.8.8", "::1", "2600:1f18::1")
    assert reachable_addresses("bot.example", AllowList(), 1) == ["8.8.8.8", "2600:1f18::1"]


def test_an_internal_host_is_refused_with_what_to_do(monkeypatch):
    stub_resolver(monkeypatch, "10.0.0.1", "fe80::1%eth0")
    with pytest.raises(ConfigError, match=r"bot\.internal .*ALLOWED_PRIVATE_HOSTS"):
        reachable_addresses("bot.internal", AllowList(), 1)


@pytest.mark.parametrize("entry", ["bot.internal", "BOT.internal ", "10.0.0.1", "10.0.0.0/8", "10.0.0.9/8"])
def test_the_allow_list_takes_names_addresses_and_networks(monkeypatch, entry):
    stub_resolver(monkeypatch, "10.0.0.1", "192.168.0.1")
    allowed = AllowList.parse([entry])
    expected = ["10.0.0.1", "192.168.0.1"] if "bot" in entry.lower() else ["10.0.0.1"]
    assert reachable_addresses("bot.internal", allowed, 1) == expected


def test_an_allowed_ipv6_address_may_stand_in_brackets():
    assert reachable_addresses("::1", AllowList.parse(["[::1]"]), 1) == ["::1"]


@pytest.mark.parametrize("entry", ["", "10.0.0.0/33", "http://bot", "bot:8000", "a b"])
def test_a_wrong_entry_of_the_allow_list_is_named(entry):
    with pytest.raises(ConfigError, match="ALLOWED_PRIVATE_HOSTS"):
        AllowList.parse([entry])


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost"])
def test_loopback_under_other_names_is_refused_by_its_address(host):
    with pytest.raises((ConfigError, socket.gaierror)):
        reachable_addresses(host, AllowList(), 5)


def test_a_resolver_that_hangs_is_left_behind(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(addresses, "resolve", lambda host: [str(release.wait(30))])
    with pytest.raises(TimeoutError):
        reachable_addresses("slow.example", AllowList(), 0.05)
    release.set()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://bot.example/", "must begin with https"),
        ("bot.example/path", "must begin with https"),
        ("//bot.example/", "must begin with https"),
        ("javascript:alert(1)", "must begin with https"),
        ("https://", "has no host"),
        ("https:///path", "has no host"),
        ("https://me:secret@bot.example/", "user name or a password"),
        ("https://8.8.8.8@bot.example/", "user name or a password"),
        ("https://bot.example:0/", "not valid"),
        ("https://bot.example:port/", "not valid"),
        ("https://bot.example:70000/", "not valid"),
        ("https://[::1/", "not valid"),
        ("https://[fe80::1%25eth0]/", "not valid"),
        ("https://bot%2eexample/", "not valid"),
        ("https://" + "a" * 300 + "/", "not valid"),
        ("https://bot.example/a b", "space"),
        ("https://bot.example\\@evil.example/", "backslash"),
        ("https://bot.example/\r\nHost: evil", "line break"),
        ("https://bot.example/\x00", "line break"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_in_a_sentence(url, problem):
    sentence = public_url_problem(url)
    assert sentence is not None
    assert problem in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize(
    "url",
    ["https://bot.example", "HTTP://Bot.Example:8080/x?y=1#z", "http://[2600::1]:80/", "https://bücher.example/"],
)
def test_a_good_url_has_no_problem(url):
    assert public_url_problem(url) is None


def test_a_url_is_taken_apart_as_it_will_be_sent():
    assert Target.parse("HTTPS://Bücher.example:8443/a b?".replace(" ", "ü") + "q=ü&r=%20#x") == Target(
        "https", "xn--bcher-kva.example", 8443, "/a%C3%BCb", "q=%C3%BC&r=%20"
    )


@given(st.text())
def test_any_text_is_a_url_or_has_a_problem(text):
    problem = public_url_problem("https://" + text)
    assert problem is None or problem.endswith(".")
    if problem is None:
        target = Target.parse("https://" + text)
        assert (target.host + target.path + target.query).isascii()
        assert not addresses.UNWANTED.search(target.host + target.path + target.query)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.57", "203.0.113.0/24"),
        (" 2001:db8:1:2::3 ", "2001:db8:1::/48"),
        ("::ffff:203.0.113.57", "203.0.113.0/24"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_a_network_tells_no_whole_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_url_is_read_once_but_a_long_one_takes_no_memory():
    usual, long = "https://bot.example/turns?kept=1", f"https://files.example/{'a' * addresses.MAX_KEPT_URL}"
    assert Target.parse(usual) is Target.parse(usual)
    assert Target.parse(long) == Target.parse(long)
    assert Target.parse(long) is not Target.parse(long)
