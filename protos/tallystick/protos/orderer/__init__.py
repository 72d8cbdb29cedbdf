"""The ordering service's client interface and its part of the channel configuration."""
