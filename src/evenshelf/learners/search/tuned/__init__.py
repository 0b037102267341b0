"""Small language models tuned to what a shop's visitors and judges say: torch trains them, ONNX Runtime serves them."""
