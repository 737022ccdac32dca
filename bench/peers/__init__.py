"""What people would use instead, each at its best settings; nothing here knows the product.

A module each, with its own reasons for its settings. They run in a virtual environment of their own
(bench/requirements-peers.txt); `bench.contenders` only runs their commands and ``python -m bench.peers MODULE …``.
"""
