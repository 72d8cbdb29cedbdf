"""The commands that make a channel, and those that change one of its settings."""

from pathlib import Path
from typing import Final

from tallystick.node.cli.arguments import (
    CHANNEL_ID,
    MSP_DIRECTORY,
    NETWORK,
    SIGNERS,
    Argument,
    count,
    duration_s,
    endpoint,
    port,
)
from tallystick.node.cli.command import Command, Group

CREATE: Final = Command(
    "create",
    "Make a further channel on a network that runs",
    "tallystick.node.cli.channel_create:create",
    ("create bonds --members ATSMSP ClearingMSP",),
    (
        Argument(name="channel", metavar="ID", help="the channel's name"),
        Argument(
            name="--members", nargs="+", metavar="MSP_ID", help="who is on it; default: everybody"
        ),
        Argument(
            name="--endorsement",
            metavar="RULE",
            help="who endorses a chaincode without a rule; default: a majority of members with"
            " peers",
        ),
        Argument(
            name="--lifecycle-endorsement",
            metavar="RULE",
            help="who agrees to definitions; default: a majority of members with peers",
        ),
        Argument(
            name="--timeout-s",
            type=duration_s,
            default=0.1,
            metavar="SECONDS",
            help="a transaction waits at most so long (default: 0.1)",
        ),
        Argument(
            name="--max-messages",
            type=count,
            default=500,
            metavar="N",
            help="most in a block (default: 500)",
        ),
        NETWORK,
    ),
)
SETTINGS: Final = (
    Command(
        "remove-org",
        "Take an organisation off the channel",
        "tallystick.node.cli.channel_settings:remove_organization",
        ("remove-org CustodianMSP",),
        (
            Argument(name="msp_id", metavar="MSP_ID", help="the organisation"),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "set-policy",
        "Change a policy, or add one",
        "tallystick.node.cli.channel_settings:set_policy",
        ("set-policy /Channel/Application/Endorsement 'MAJORITY Endorsement'",),
        (
            Argument(name="path", metavar="PATH", help="such as /Channel/Application/Endorsement"),
            Argument(
                name="rule",
                metavar="RULE",
                help="ANY, ALL or MAJORITY and a name, or gates over principals",
            ),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "set-acl",
        "Change which policy guards a resource",
        "tallystick.node.cli.channel_settings:set_acl",
        ("set-acl event/Block /Channel/Application/Admins",),
        (
            Argument(name="resource", metavar="RESOURCE", help="such as event/Block"),
            Argument(
                name="path",
                nargs="?",
                metavar="PATH",
                help="a policy of the channel; without it, the default one",
            ),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "set-capability",
        "Ask every node for a feature level",
        "tallystick.node.cli.channel_settings:set_capability",
        ("set-capability channel V3_0",),
        (
            Argument(
                name="area", choices=("channel", "orderer", "application"), help="whom it concerns"
            ),
            Argument(name="level", metavar="LEVEL", help="such as V3_0"),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "set-anchors",
        "Change where others find the peers of an organisation",
        "tallystick.node.cli.channel_settings:set_anchors",
        ("set-anchors ATSMSP ats.example:7051",),
        (
            Argument(name="msp_id", metavar="MSP_ID", help="the organisation"),
            Argument(
                name="endpoints", nargs="+", type=endpoint, metavar="HOST:PORT", help="all of them"
            ),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "set-orderers",
        "Change where the orderers of an organisation are reached",
        "tallystick.node.cli.channel_settings:set_orderers",
        ("set-orderers OrdererMSP orderer.example:7050",),
        (
            Argument(name="msp_id", metavar="MSP_ID", help="the organisation"),
            Argument(
                name="endpoints", nargs="+", type=endpoint, metavar="HOST:PORT", help="all of them"
            ),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "add-orderer-org",
        "Let an organisation order the channel with those that do",
        "tallystick.node.cli.channel_settings:add_orderer_organization",
        ("add-orderer-org Orderer2MSP orderer2.example:7050 --msp ./Orderer2MSP/msp",),
        (
            Argument(name="msp_id", metavar="MSP_ID", help="name of its MSP"),
            Argument(
                name="endpoints",
                nargs="+",
                type=endpoint,
                metavar="HOST:PORT",
                help="all of its orderers, as they are reached",
            ),
            MSP_DIRECTORY,
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "remove-orderer-org",
        "Let an organisation order the channel no more",
        "tallystick.node.cli.channel_settings:remove_orderer_organization",
        ("remove-orderer-org Orderer2MSP",),
        (
            Argument(name="msp_id", metavar="MSP_ID", help="the organisation"),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "set-msp",
        "Change the authorities of an organisation, for signatures and TLS",
        "tallystick.node.cli.channel_settings:set_msp",
        ("set-msp BankMSP --msp ./bank/msp",),
        (
            Argument(name="msp_id", metavar="MSP_ID", help="the organisation"),
            Argument(
                name="--msp",
                type=Path,
                required=True,
                metavar="DIRECTORY",
                help="its new MSP directory",
            ),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
    Command(
        "set-maintenance",
        "Let the orderers refuse transactions, or take them again",
        "tallystick.node.cli.channel_settings:set_maintenance",
        ("set-maintenance on",),
        (
            Argument(name="state", choices=("on", "off"), help="on: transactions are refused"),
            SIGNERS,
            NETWORK,
            CHANNEL_ID,
        ),
    ),
)
ORGANIZATION_GROUP: Final = Group(
    "organization",
    "An organisation on its way onto a channel",
    (
        Command(
            "join",
            "Make an organisation with a peer, and take part in a channel that exists",
            "tallystick.node.cli.organization:join",
            (
                "join CustodianMSP --domain custodian.example --block market.block"
                " --peer custodian.example:10051 --network ./custodian",
            ),
            (
                Argument(name="msp_id", metavar="MSP_ID", help="name of its MSP"),
                Argument(
                    name="--domain", required=True, metavar="NAME", help="domain of its nodes"
                ),
                Argument(
                    name="--block",
                    type=Path,
                    required=True,
                    metavar="FILE",
                    help="the channel's first block, from any member",
                ),
                Argument(
                    name="--config",
                    type=Path,
                    metavar="FILE",
                    help="the configuration in force, as `tally channel fetch-config` writes it;"
                    " needed where orderers have moved since, or have new TLS authorities",
                ),
                Argument(
                    name="--peer",
                    type=endpoint,
                    required=True,
                    metavar="HOST:PORT",
                    help="where its peer listens and is reached",
                ),
                Argument(
                    name="--operations-port",
                    type=port,
                    metavar="PORT",
                    help="where its peer answers /healthz; default: the next port",
                ),
                Argument(
                    name="--package",
                    type=Path,
                    action="append",
                    metavar="FILE",
                    help="package of a chaincode to endorse, labelled NAME_VERSION; may be"
                    " repeated",
                ),
                Argument(
                    name="--timeout-s",
                    type=duration_s,
                    default=3600.0,
                    metavar="SECONDS",
                    help="how long the members may take to let it in (default: 3600)",
                ),
                NETWORK,
            ),
        ),
    ),
)
