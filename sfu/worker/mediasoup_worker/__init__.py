"""How `ensure.py` comes by a mediasoup-worker binary: the cache, mediasoup's prebuilt one, or a build from source."""
