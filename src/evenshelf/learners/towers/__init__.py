"""Small language models of which the last layers are tuned so that vectors of texts that go together come near."""
