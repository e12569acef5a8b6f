"""The daemon of a node: policies and containers in, the kernel kept equal to them, and what differs out."""
