"""Which signatures count: wire.md §2."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import given
from hypothesis import strategies as st

from tallystick.wire import der
from tallystick.wire.hashing import sha256
from tallystick.wire.signing import (
    BadSignatureError,
    UnsupportedCurveError,
    is_low_s,
    sign,
    sign_digest,
    to_low_s,
    verify,
)

CURVES = [
    pytest.param(ec.SECP256R1(), id="P-256"),
    pytest.param(ec.SECP384R1(), id="P-384"),
]
KEY = ec.derive_private_key(0x7A11, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(0x571C, ec.SECP256R1())
MESSAGE = b"the two halves must match"


def high_s(signature: bytes, curve: ec.EllipticCurve) -> bytes:
    """Return the equivalent signature with the other s."""
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, curve.group_order - s)


def with_surplus_inside(signature: bytes, surplus: bytes) -> bytes:
    start, end = der.element_span(signature, 0, der.SEQUENCE)
    return der.element(der.SEQUENCE, signature[start:end] + surplus)


def fault(signature: bytes, message: bytes = MESSAGE) -> str:
    with pytest.raises(BadSignatureError) as caught:
        verify(KEY.public_key(), signature, message)
    return caught.value.reason


@pytest.mark.parametrize("curve", CURVES)
def test_a_signature_verifies_with_its_key(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    verify(key.public_key(), sign(key, MESSAGE), MESSAGE)
    assert is_low_s(sign(key, MESSAGE), curve)


@pytest.mark.parametrize("curve", CURVES)
def test_signing_a_digest_signs_its_message(curve: ec.EllipticCurve) -> None:
    """§2: P-384 keys, too, sign a SHA-256 digest."""
    key = ec.generate_private_key(curve)
    signature = sign_digest(key, sha256(MESSAGE))
    verify(key.public_key(), signature, MESSAGE)
    assert is_low_s(signature, curve)


@given(message=st.binary(max_size=64))
def test_signatures_always_have_a_low_s(message: bytes) -> None:
    """§2 and §19 item 1: the library yields a high s half of the time."""
    signature = sign(KEY, message)
    assert is_low_s(signature, KEY.curve)
    verify(KEY.public_key(), signature, message)


@given(message=st.binary(max_size=64))
def test_a_high_s_is_refused_although_the_mathematics_hold(message: bytes) -> None:
    signature = high_s(sign(KEY, message), KEY.curve)
    assert not is_low_s(signature, KEY.curve)
    assert fault(signature, message) == "high-s"


def test_lowering_s_gives_back_the_original_signature() -> None:
    signature = sign(KEY, MESSAGE)
    assert to_low_s(high_s(signature, KEY.curve), KEY.curve) == signature
    assert to_low_s(signature, KEY.curve) == signature


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        pytest.param(sign(KEY, MESSAGE), MESSAGE + b"!", id="another message"),
        pytest.param(sign(OTHER_KEY, MESSAGE), MESSAGE, id="another key"),
        pytest.param(encode_dss_signature(1, 1), MESSAGE, id="made up"),
        pytest.param(encode_dss_signature(0, 0), MESSAGE, id="zeros"),
    ],
)
def test_a_signature_over_something_else_is_a_mismatch(signature: bytes, message: bytes) -> None:
    assert fault(signature, message) == "mismatch"


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x30", id="a tag alone"),
        pytest.param(b"\x30\x00", id="an empty sequence"),
        pytest.param(bytes(64), id="raw r and s"),
        pytest.param(bytes.fromhex("3003020101"), id="r alone"),
        pytest.param(bytes.fromhex("30070201010201"), id="cut short"),
        pytest.param(bytes.fromhex("30060201010201ff"), id="negative s"),
        pytest.param(bytes.fromhex("3007020200010201010000"), id="r not minimal"),
        pytest.param(bytes.fromhex("308106020101020101"), id="length not minimal"),
        pytest.param(bytes.fromhex("3080020101020101"), id="length indefinite"),
        pytest.param(b"\x31" + sign(KEY, MESSAGE)[1:], id="a set"),
    ],
)
def test_anything_but_two_der_integers_is_malformed(signature: bytes) -> None:
    assert fault(signature) == "malformed"


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(sign(KEY, MESSAGE) + b"\x00", id="behind the sequence"),
        pytest.param(with_surplus_inside(sign(KEY, MESSAGE), b"\x05\x00"), id="in the sequence"),
        pytest.param(with_surplus_inside(sign(KEY, MESSAGE), bytes(200)), id="in a long sequence"),
    ],
)
def test_surplus_bytes_change_nothing_because_fabric_ignores_them(signature: bytes) -> None:
    verify(KEY.public_key(), signature, MESSAGE)
    assert fault(signature, b"another message") == "mismatch"


def test_surplus_bytes_do_not_hide_a_high_s() -> None:
    assert fault(high_s(sign(KEY, MESSAGE), KEY.curve) + b"\x00") == "high-s"


@given(signature=st.binary(max_size=80))
def test_random_bytes_never_verify_and_never_crash(signature: bytes) -> None:
    assert fault(signature) in {"malformed", "high-s", "mismatch"}


@pytest.mark.parametrize("check", [is_low_s, to_low_s])
def test_the_half_of_a_malformed_signature_cannot_be_told(check: object) -> None:
    assert callable(check)
    with pytest.raises(BadSignatureError, match="not a DER sequence"):
        check(b"nonsense", ec.SECP256R1())


def test_a_key_on_a_curve_that_fabric_does_not_know_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(UnsupportedCurveError) as caught:
        sign(key, MESSAGE)
    assert caught.value.curve == "secp256k1"
    with pytest.raises(UnsupportedCurveError):
        verify(key.public_key(), encode_dss_signature(1, 1), MESSAGE)
