"""What our own nodes say to each other where Fabric's nodes gossip."""
