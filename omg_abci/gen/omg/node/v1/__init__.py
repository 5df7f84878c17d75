"""Generated from proto/omg/node/v1 by scripts/generate_proto.py; never edited."""
