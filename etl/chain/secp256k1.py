"""Full secp256k1 public keys from their x coordinate and the parity of y (SEC 2, BIP 340 lift_x)."""

from __future__ import annotations

from functools import lru_cache

_P = 2**256 - 2**32 - 977


@lru_cache(maxsize=65536)
def y_coordinate(x: bytes, odd: bool) -> bytes | None:
    """The 32-byte y with the wanted parity, None where no point of the curve has this x."""
    number = int.from_bytes(x, "big")
    square = (pow(number, 3, _P) + 7) % _P
    y = pow(square, (_P + 1) // 4, _P)
    if number >= _P or y * y % _P != square:
        return None
    if y & 1 != odd:
        y = _P - y
    return y.to_bytes(32, "big")
