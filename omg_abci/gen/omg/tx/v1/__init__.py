"""Generated from proto/omg/tx/v1 by scripts/generate_proto.py; never edited."""
