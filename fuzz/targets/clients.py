"""What a client reads: answers of a gateway that it need not trust, and its own files."""

from google.protobuf.message import DecodeError

from fuzz.target import Target
from fuzz.targets.files import in_file
from tallystick.client.checkpoint import CheckpointError, FileCheckpointer
from tallystick.client.grpc_transport import details_of
from tallystick.client.profile import Profile, ProfileError
from tallystick.wire.envelope import chaincode_action_of
from tallystick.wire.errors import WireError

TARGETS = (
    Target("failure_details", details_of, (DecodeError,)),
    Target("result", chaincode_action_of, (WireError,)),
    Target("profile", in_file("profile.json", Profile.load), (ProfileError,)),
    Target(
        "checkpoint",
        in_file("checkpoint.json", lambda path: FileCheckpointer(path).load()),
        (CheckpointError,),
    ),
)
