import pytest

from contract.camera_hosts import is_forbidden_address, is_forbidden_host, is_local_address


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "169.254.169.254", "169.254.1.1", "224.0.0.1", "255.255.255.255",
        "100.100.100.200", "168.63.129.16", "::1", "::", "fe80::1", "fe80::1%eth0", "ff02::1", "fd00:ec2::254",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    ],
)
def test_no_camera_has_this_address(address: str) -> None:
    assert is_forbidden_address(address)


@pytest.mark.parametrize(
    "address", ["192.168.1.64", "10.0.0.5", "172.16.3.4", "100.64.0.7", "8.8.8.8", "fd12:3456::7", "2001:db8::7"]
)
def test_a_camera_may_have_this_address(address: str) -> None:
    assert not is_forbidden_address(address)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "camera.localhost", "127.1", "2130706433", "0x7f000001", "017700000001", "127.0.0.1"]
)
def test_no_camera_is_called(host: str) -> None:
    assert is_forbidden_host(host)


@pytest.mark.parametrize("host", ["camera.shop.lan", "192.168.1.64", "nvr", "摄像头", "localhost.example", ""])
def test_a_camera_may_be_called(host: str) -> None:
    assert not is_forbidden_host(host)


@pytest.mark.parametrize("address", ["192.168.1.64", "10.0.0.5", "172.31.3.4", "127.0.0.1"])
def test_an_address_of_a_network_of_ones_own(address: str) -> None:
    assert is_local_address(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "172.32.0.1", "169.254.1.1", "100.64.0.7", "fd12:3456::7", "::ffff:192.168.1.64", "192.168.1.064", "x", ""],
)
def test_no_address_of_a_network_of_ones_own(address: str) -> None:
    assert not is_local_address(address)
