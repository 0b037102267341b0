"""BERT with mean pooling as an ONNX graph, shaped for many short texts on a CPU.

The graph takes token numbers ``[texts, length]`` of texts that all have the same length, so it has neither
padding nor a mask, and gives unit vectors ``[texts, hidden_size]``. Everything except attention works on the
flat ``[texts * length, hidden_size]``, which keeps matrix products large.

References
----------
Devlin, Chang, Lee, Toutanova: BERT: Pre-training of Deep Bidirectional Transformers, NAACL 2019.
Reimers, Gurevych: Sentence-BERT, EMNLP 2019 (mean pooling).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from evenshelf.encoders.weights import BertConfig

REVISION = 1
"""Raised whenever the graph changes in a way that changes vectors."""

_CONTRIB = "com.microsoft"


class GraphBuilder:
    """Collects the nodes and constants of a graph; every method returns the name of a tensor."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: NDArray[Any] | np.generic) -> str:
        """Add a constant."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(np.shape(array)), name))
        return name

    def apply(self, operator: str, *inputs: str, domain: str = "", outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; returns its output, or the list of them if there are several."""
        names = [f"{operator}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names


def bert_graph(weights: Mapping[str, NDArray[np.float32]], config: BertConfig) -> bytes:
    """Build the serialised ONNX model of a BERT checkpoint in float32.

    Parameters
    ----------
    weights
        The tensors of the checkpoint by their usual names (``embeddings.word_embeddings.weight``, ...).
    config
        The numbers of the checkpoint.

    Returns
    -------
    bytes
        A model with the input ``ids`` (int64 ``[texts, length]``, special tokens included, no padding) and
        the output ``vectors`` (float32 ``[texts, hidden_size]``, unit rows).
    """
    graph = GraphBuilder()
    hidden = config.hidden_size
    flat = graph.constant(np.array([-1, hidden], np.int64))
    zero = graph.constant(np.array([0], np.int64))

    def norm(x: str, prefix: str) -> str:
        # Add + LayerNormalization, not the fused SkipLayerNormalization: the latter is several times slower.
        scale, shift = (graph.constant(weights[f"{prefix}.LayerNorm.{part}"]) for part in ("weight", "bias"))
        out: str = graph.apply("LayerNormalization", x, scale, shift, axis=-1, epsilon=config.layer_norm_eps)
        return out

    def dense(x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        out: str = graph.apply("Gemm", x, graph.constant(weight.T), graph.constant(bias))
        return out

    # Every token is of type 0, so the type embedding belongs to the position.
    place = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    length = graph.apply("Shape", "ids", start=1, end=2)
    x = graph.apply("Gather", graph.constant(weights["embeddings.word_embeddings.weight"]), "ids")
    x = graph.apply("Add", x, graph.apply("Slice", graph.constant(place), zero, length, zero))
    shape = graph.apply("Shape", x)
    x = norm(graph.apply("Reshape", x, flat), "embeddings")
    for i in range(config.num_hidden_layers):
        layer = f"encoder.layer.{i}"

        def linear(x: str, name: str, layer: str = layer) -> str:
            return dense(x, weights[f"{layer}.{name}.weight"], weights[f"{layer}.{name}.bias"])

        heads = [
            graph.apply("Reshape", linear(x, f"attention.self.{part}"), shape) for part in ("query", "key", "value")
        ]
        mixed = graph.apply("MultiHeadAttention", *heads, domain=_CONTRIB, num_heads=config.num_attention_heads)
        mixed = linear(graph.apply("Reshape", mixed, flat), "attention.output.dense")
        x = norm(graph.apply("Add", mixed, x), f"{layer}.attention.output")
        inner = graph.apply("Gelu", linear(x, "intermediate.dense"), domain=_CONTRIB)
        x = norm(graph.apply("Add", linear(inner, "output.dense"), x), f"{layer}.output")
    x = graph.apply("Reshape", x, shape)
    # The sum is as good as the mean, as its length is set to one. As a product with a row of ones, and not as
    # a ReduceSum, it has the same bits for one text as for many.
    ones = graph.apply("ConstantOfShape", length, value=numpy_helper.from_array(np.ones(1, np.float32)))
    ones = graph.apply("Unsqueeze", ones, zero)
    x = graph.apply("Squeeze", graph.apply("MatMul", ones, x), graph.constant(np.array([1], np.int64)))
    graph.nodes.append(helper.make_node("LpNormalization", [x], ["vectors"], axis=-1, p=2))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "bert_mean_pooled",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "length"])],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", hidden])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(_CONTRIB, 1)],
        ir_version=8,
        producer_name="evenshelf",
    )
    serialised: bytes = model.SerializeToString()
    return serialised
