"""Generated from proto/omg/tx by scripts/generate_proto.py; never edited."""
