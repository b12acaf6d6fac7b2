"""`voicebot bench`: conversations with a profile's real engines in real time, and what came of them."""
