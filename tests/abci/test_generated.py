"""The generated messages: up to date, and no obstacle to other packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FOREIGN = """
from google.protobuf import descriptor_pb2, descriptor_pool
import omg_abci.gen.cometbft.abci.types_pb2 as ours
for file, package in (("tendermint/abci/types.proto", "tendermint.abci"),
                      ("cometbft/abci/types.proto", "cometbft.abci.v1")):
    foreign = descriptor_pb2.FileDescriptorProto(name=file, package=package, syntax="proto3")
    foreign.message_type.add(name="Request").field.add(
        name="other", number=1, label=1, type=3)
    descriptor_pool.Default().Add(foreign)
    assert descriptor_pool.Default().FindMessageTypeByName(package + ".Request")
assert "echo" in ours.Request.DESCRIPTOR.fields_by_name
"""


def test_generated_modules_are_up_to_date() -> None:
    """Generating again changes nothing."""
    result = subprocess.run(
        [sys.executable, "scripts/generate_proto.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_another_package_may_register_the_same_schemas() -> None:
    """A foreign `tendermint.abci` with other content lives beside ours."""
    subprocess.run([sys.executable, "-c", FOREIGN], cwd=ROOT, check=True)
