"""Generated from proto/cometbft/types by scripts/generate_proto.py; never edited."""
