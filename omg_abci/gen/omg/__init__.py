"""Generated from proto/omg by scripts/generate_proto.py; never edited."""
