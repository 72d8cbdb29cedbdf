"""Fabric's protobuf messages and services, and the Python modules generated from them.

Each folder holds ``.proto`` files beside their generated ``*_pb2`` modules. Package, message and
field names are Hyperledger Fabric's, because they travel: package and service names in gRPC paths
and ``Any`` type URLs, field numbers in every byte. Only the file paths are ours, so the modules
import in place and never clash with another copy's top-level ``common`` or ``peer``.
"""
