"""Images of which it is known where concepts are seen: objects, parts, textures, colours, scenes."""
