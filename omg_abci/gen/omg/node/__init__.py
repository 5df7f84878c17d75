"""Generated from proto/omg/node by scripts/generate_proto.py; never edited."""
