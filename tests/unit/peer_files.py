"""The files of a peer, for tests of what copies, restores and syncs them."""

KEYS = ("tls/cert.pem", "tls/key.pem", "tls/ca.pem", "msp/signcerts/cert.pem", "msp/keystore/sk")
SETTINGS = """
listen_address = "localhost:7051"
data_directory = "data"
[msp]
id = "OneMSP"
directory = "msp"
[tls]
certificate = "tls/cert.pem"
private_key = "tls/key.pem"
root_certificates = "tls/ca.pem"
"""
