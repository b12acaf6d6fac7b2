"""What the WebRTC transports share: RTP packets, Opus, and the two clocks between packets and audio (sans-I/O)."""
