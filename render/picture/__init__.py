"""Pictures, drawn with zlib and baked letters alone. Pure; imported when a picture is first asked for."""
