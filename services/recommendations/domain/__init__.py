"""The rules of introductions: standard library only, no I/O, no protobuf."""
