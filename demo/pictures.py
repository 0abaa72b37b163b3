"""Pictures as Telegram looks at them before it takes them: a whole PNG or JPEG of sane sides.

Every chunk of a PNG is held against its check sum and its pixels are unpacked, so that an
encoder's mistake is found here and not on a phone.
Source: PNG (Third Edition) §5, §11; ITU T.81 annex B; Bot API: sendPhoto.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

MAX_BYTES = 10 * 1024 * 1024
MAX_SIDES = 10_000  # width and height together
MAX_RATIO = 20
SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type


class NoPicture(ValueError):
    """Telegram refuses the bytes, with its words."""


class Picture(NamedTuple):
    """content_type: image/png or image/jpeg; the sides in pixels."""

    content: bytes
    content_type: str
    width: int
    height: int


def read_picture(content: bytes) -> Picture:
    """Looks a picture over. Raises NoPicture."""
    if not content:
        raise NoPicture("Bad Request: file must be non-empty")
    if len(content) > MAX_BYTES:
        words = f"file of size {len(content)} bytes is too big for a photo; the maximum size is {MAX_BYTES} bytes"
        raise NoPicture(f"Bad Request: {words}")
    try:
        if content.startswith(SIGNATURE):
            content_type, (width, height) = "image/png", _png_sides(content)
        else:
            content_type, (width, height) = "image/jpeg", _jpeg_sides(content)
    except (struct.error, zlib.error, IndexError, ValueError) as error:
        raise NoPicture("Bad Request: IMAGE_PROCESS_FAILED") from error
    if width + height > MAX_SIDES or max(width, height) > MAX_RATIO * min(width, height):
        raise NoPicture("Bad Request: PHOTO_INVALID_DIMENSIONS")
    return Picture(content, content_type, width, height)


def _png_sides(content: bytes) -> tuple[int, int]:
    """Width and height of a PNG that is whole. Raises ValueError, struct.error or zlib.error."""
    at, names, packed, head = len(SIGNATURE), [], bytearray(), b""
    while at < len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        data = content[at + 8 : at + 8 + length]
        (check_sum,) = struct.unpack_from(">I", content, at + 8 + length)
        if zlib.crc32(name + data) != check_sum:
            raise ValueError("a wrong check sum")
        names.append(name)
        head = data if name == b"IHDR" else head
        packed += data if name == b"IDAT" else b""
        at += 12 + length
    if names[0] != b"IHDR" or names[-1] != b"IEND" or names.count(b"IHDR") != 1:
        raise ValueError("chunks in a wrong order")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", head)
    if not (width and height) or colour not in CHANNELS or compression or filtering:
        raise ValueError("a head that is none")
    if colour == 3 and b"PLTE" not in names[: names.index(b"IDAT")]:
        raise ValueError("no palette before the pixels")
    if not interlace and width + height <= MAX_SIDES:
        _check_pixels(bytes(packed), (width * depth * CHANNELS[colour] + 7) // 8, height)
    return width, height


def _check_pixels(packed: bytes, row_bytes: int, n_rows: int) -> None:
    """Each row is a filter (0 to 4) and its bytes. Raises ValueError or zlib.error."""
    unpacker = zlib.decompressobj()
    rows = unpacker.decompress(packed, n_rows * (row_bytes + 1) + 1)
    if len(rows) != n_rows * (row_bytes + 1) or not unpacker.eof:
        raise ValueError("too many or too few pixels")
    if set(rows[:: row_bytes + 1]) > {0, 1, 2, 3, 4} or max(rows[:: row_bytes + 1]) > 4:
        raise ValueError("no such filter")


def _jpeg_sides(content: bytes) -> tuple[int, int]:
    """Width and height by the frame header. Raises ValueError, IndexError or struct.error."""
    if content[:2] != b"\xff\xd8" or content[-2:] != b"\xff\xd9":
        raise ValueError("neither PNG nor JPEG")
    at = 2
    while content[at] == 0xFF:
        mark, (length,) = content[at + 1], struct.unpack_from(">H", content, at + 2)
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, at + 5)
            if not (width and height):
                raise ValueError("no sides")
            return width, height
        at += 2 + length
    raise ValueError("no frame")
