"""Between the port's types and etcd's messages. Pure."""

from collections.abc import Sequence

from tallystick.node.ordering.etcd.port import (
    Change,
    Condition,
    Deletion,
    KeyRange,
    Put,
    Record,
    Values,
)
from tallystick.protos.etcd.kv_pb2 import Event, KeyValue
from tallystick.protos.etcd.rpc_pb2 import (
    Compare,
    DeleteRangeRequest,
    PutRequest,
    RangeRequest,
    RequestOp,
    TxnRequest,
    WatchCreateRequest,
    WatchRequest,
    WatchResponse,
)


def range_request(
    keys: KeyRange, *, limit: int, newest_first: bool, values: Values
) -> RangeRequest:
    """Return the request for what is in a range, by key, upwards or downwards."""
    order = RangeRequest.DESCEND if newest_first else RangeRequest.ASCEND
    return RangeRequest(
        key=keys.start,
        range_end=keys.end,
        limit=limit,
        sort_order=order,
        sort_target=RangeRequest.KEY,
        keys_only=values is Values.NONE,
    )


def txn_request(conditions: Sequence[Condition], changes: Sequence[Put | Deletion]) -> TxnRequest:
    """Return the request that makes changes under conditions."""
    return TxnRequest(
        compare=[
            Compare(
                result=Compare.EQUAL,
                target=Compare.CREATE,
                key=condition.key,
                create_revision=condition.create_revision,
            )
            for condition in conditions
        ],
        success=[_operation(change) for change in changes],
    )


def watch_request(keys: KeyRange, revision: int) -> WatchRequest:
    """Return the request for all changes to a range from a revision on."""
    return WatchRequest(
        create_request=WatchCreateRequest(
            key=keys.start, range_end=keys.end, start_revision=revision
        )
    )


def record_of(found: KeyValue) -> Record:
    """Return a key that exists."""
    return Record(found.key, found.value, found.create_revision, found.lease)


def changes_of(response: WatchResponse) -> Sequence[Change]:
    """Return the changes that a response tells of; none if it only says that a watch began."""
    return [
        Change(event.kv.key, None if event.type == Event.DELETE else record_of(event.kv))
        for event in response.events
    ]


def last_revision(response: WatchResponse) -> int:
    """Return the revision of the last change that a response tells of; 0 if there is none."""
    return max((event.kv.mod_revision for event in response.events), default=0)


def _operation(change: Put | Deletion) -> RequestOp:
    if isinstance(change, Put):
        return RequestOp(
            request_put=PutRequest(key=change.key, value=change.value, lease=change.lease)
        )
    keys = change.keys
    return RequestOp(request_delete_range=DeleteRangeRequest(key=keys.start, range_end=keys.end))
