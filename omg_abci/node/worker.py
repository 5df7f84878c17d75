"""A signature worker: decodes, checks and recovers transactions, many a message.

Run as `python -m omg_abci.node.worker --fd N` by the executor. What is urgent goes first, whatever
came before it; answers are sent beside the work, so that it goes on while nobody reads them. It
holds nothing but the signing domain, and its verdict for given bytes is always the same. Anything
unexpected ends it, and with it the node: a node that cannot check signatures must not go on.
"""

import argparse
import sys
from collections import deque
from collections.abc import Sequence
from queue import SimpleQueue
from threading import Thread

from omg_abci.node.channel import BlockingChannel, ChannelError, Message, settle_child
from omg_abci.node.sampling import start_sampling
from omg_abci.node.verdicts import compute_verdict
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.tx import Verifier


def serve(channel: BlockingChannel) -> None:
    """Answer until the other end is gone; raise ValueError for a message that makes no sense."""
    verifier: Verifier | None = None
    urgent: deque[Message] = deque()
    others: deque[Message] = deque()
    answers: SimpleQueue[Message] = SimpleQueue()
    Thread(target=_send_all, args=(channel, answers), daemon=True).start()
    while True:
        messages = channel.poll() if urgent or others else channel.receive()
        for message in messages:
            match message:
                case ("domain", str(), int(), bytes()):
                    verifier = Verifier(Domain(*message[1:]))
                case ("verify", int(), list(), bool(is_urgent)) if verifier is not None:
                    (urgent if is_urgent else others).append(message)
                case _:
                    raise ValueError(f"unexpected message {message[:1]}")
        if verifier is not None and (urgent or others):
            answers.put(_answer(verifier, (urgent or others).popleft()))
        elif not messages:
            return


def _send_all(channel: BlockingChannel, answers: SimpleQueue[Message]) -> None:
    """Send answers until the other end is gone; it does not read while it executes a block.

    Whatever ends this ends the worker: nobody would hear of its work.
    """
    try:
        while True:
            channel.send(answers.get())
    except OSError:
        pass  # the executor is gone; nobody is left to hear of it
    except ChannelError as reason:
        sys.stderr.write(f"signature worker: {reason}\n")
    finally:
        channel.shut_down()


def _answer(verifier: Verifier, message: Message) -> Message:
    _, batch_id, raws, _ = message
    return ("verified", batch_id, [compute_verdict(verifier, raw) for raw in raws])


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the inherited socket."""
    parser = argparse.ArgumentParser(description="OMG signature worker, started by omgd")
    parser.add_argument("--fd", type=int, required=True, help="inherited socket")
    channel = BlockingChannel(parser.parse_args(arguments).fd)
    settle_child()
    start_sampling("worker")
    try:
        serve(channel)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the executor is gone; nobody is left to hear of it
    finally:
        channel.close()


if __name__ == "__main__":
    main()
