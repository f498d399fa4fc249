"""Write the event file that isocenter-io's TensorBoard writer is tested against.

    python tensorboard_events.py crates/isocenter-io/tests/fixtures/tensorboard/events.out.tfevents.golden

Needs tensorboard (written with 2.20); its own protocol buffers and record writer make the bytes.
"""

import sys

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

WALL_TIME_S = 1.7e9
STEP = 300


def main():
    values = [("loss", 0.25), ("cosine/rotation", -1.5)]
    summary = summary_pb2.Summary(
        value=[summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values]
    )
    start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    events = [
        event_pb2.Event(wall_time=WALL_TIME_S, file_version="brain.Event:2"),
        event_pb2.Event(wall_time=WALL_TIME_S, step=STEP, session_log=start),
        event_pb2.Event(wall_time=WALL_TIME_S + 0.5, step=STEP, summary=summary),
    ]
    with open(sys.argv[1], "wb") as out:
        writer = RecordWriter(out)
        for event in events:
            writer.write(event.SerializeToString(deterministic=True))
        writer.flush()


if __name__ == "__main__":
    main()
