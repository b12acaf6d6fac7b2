"""What words say about a conversation, by language: endings, backchannels, and when two texts are the same."""
