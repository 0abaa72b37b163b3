"""The committed letters are those that the script makes."""

from __future__ import annotations

import base64
import importlib.util
import zlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
pytest.importorskip("fontpkg_inter", reason="needs the font: pip install -r tests/requirements.txt")


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bake_font", ROOT / "tools" / "bake_font.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unpacked(text: str) -> dict[str, object]:
    """The file's names; what is squeezed is unpacked, as another zlib squeezes otherwise."""
    names: dict[str, object] = {}
    exec(text, names)
    faces = {name: zlib.decompress(base64.b85decode(str(names[name]))) for name in ("SMALL", "MEDIUM", "LARGE")}
    return {name: faces.get(name, value) for name, value in names.items() if name.isupper()}


@pytest.mark.trial
def test_committed_letters_are_baked_ones() -> None:
    bake_font = script()
    committed = bake_font.DATA.read_text(encoding="utf-8")
    assert unpacked(bake_font.written(bake_font.font_file())) == unpacked(committed)


def test_letter_that_the_font_lacks_stops_the_script() -> None:
    bake_font = script()
    with pytest.raises(SystemExit, match="has no '币'"):
        bake_font.bake(bake_font.FACES[0]._replace(letters="币"), bake_font.font_file())


def test_licence_stands_beside_the_letters() -> None:
    assert "SIL OPEN FONT LICENSE Version 1.1" in (ROOT / "render" / "picture" / "OFL.txt").read_text(encoding="utf-8")
    assert "Inter" in (ROOT / "LICENSE").read_text(encoding="utf-8")
