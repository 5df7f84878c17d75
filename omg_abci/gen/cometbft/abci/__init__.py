"""Generated from proto/cometbft/abci by scripts/generate_proto.py; never edited."""
