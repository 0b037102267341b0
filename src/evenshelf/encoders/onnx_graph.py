"""BERT with mean pooling as an ONNX graph, shaped for many short texts on a CPU.

The graph takes token numbers ``[texts, length]`` of texts that all have the same length, so it has neither
padding nor a mask, and gives unit vectors ``[texts, hidden_size]``, or what a layer says of each token.
Everything except attention works on the flat ``[texts * length, hidden_size]``, which keeps matrix products
large.

References
----------
Devlin, Chang, Lee, Toutanova: BERT: Pre-training of Deep Bidirectional Transformers, NAACL 2019.
Reimers, Gurevych: Sentence-BERT, EMNLP 2019 (mean pooling).
Xiao, Lin, Seznec, Wu, Demouth, Han: SmoothQuant, ICML 2023 (8-bit integers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from evenshelf.encoders.weights import BertConfig

REVISION = 2
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


@dataclass(frozen=True)
class InputRange:
    """What goes into one dense layer, as far as 8-bit arithmetic has to know it.

    Attributes
    ----------
    smooth
        ``[inputs]``, > 0: what each input is divided by before it is rounded (and its weights multiplied by).
    low, high
        The range of the divided inputs; values beyond are clipped.
    """

    smooth: NDArray[np.float32]
    low: float
    high: float


def bert_graph(
    weights: Mapping[str, NDArray[np.float32]],
    config: BertConfig,
    *,
    ranges: Sequence[InputRange] | None = None,
    probe: bool = False,
    depth: int | None = None,
    pairs: bool = False,
) -> bytes:
    """Build the serialised ONNX model of a BERT checkpoint.

    Parameters
    ----------
    weights
        The tensors of the checkpoint by their usual names (``embeddings.word_embeddings.weight``, ...).
    config
        The numbers of the checkpoint.
    ranges
        One for each dense layer, in the order of the graph: computes these layers in 8-bit integers. None
        computes in float32.
    probe
        Adds the outputs ``input_0``, ``input_1``, ...: what goes into each dense layer.
    depth
        Stops after so many layers (0: after the embeddings) and gives, in the place of vectors, the output
        ``states``: float32 ``[texts, length, hidden_size]``. None: goes through all of them and gives vectors.
    pairs
        Adds the input ``types`` (int64 ``[texts, length]``): 0 for tokens of the first text of a pair, 1 for those of
        the second. Otherwise all are 0.

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

    probes: list[str] = []

    def dense(x: str, *names: str) -> str:
        # Layers that read the same input (query, key, value) are one product.
        weight = np.concatenate([weights[f"{name}.weight"].T for name in names], axis=1)
        bias = np.concatenate([weights[f"{name}.bias"] for name in names])
        number = len(probes)
        probes.append(x)
        if ranges is None:
            out: str = graph.apply("Gemm", x, graph.constant(weight), graph.constant(bias))
            return out
        return _dense_int8(graph, x, weight, bias, ranges[number])

    place, types = (weights[f"embeddings.{part}_embeddings.weight"] for part in ("position", "token_type"))
    length = graph.apply("Shape", "ids", start=1, end=2)
    x = graph.apply("Gather", graph.constant(weights["embeddings.word_embeddings.weight"]), "ids")
    # Where every token is of type 0, the type embedding belongs to the position.
    place = place if pairs else place + types[0]
    x = graph.apply("Add", x, graph.apply("Slice", graph.constant(place), zero, length, zero))
    if pairs:
        x = graph.apply("Add", x, graph.apply("Gather", graph.constant(types), "types"))
    shape = graph.apply("Shape", x)
    x = norm(graph.apply("Reshape", x, flat), "embeddings")
    for i in range(config.num_hidden_layers if depth is None else depth):
        layer = f"encoder.layer.{i}"
        joined = dense(x, *(f"{layer}.attention.self.{part}" for part in ("query", "key", "value")))
        heads = [graph.apply("Reshape", part, shape) for part in graph.apply("Split", joined, outputs=3, axis=-1)]
        mixed = graph.apply("MultiHeadAttention", *heads, domain=_CONTRIB, num_heads=config.num_attention_heads)
        mixed = dense(graph.apply("Reshape", mixed, flat), f"{layer}.attention.output.dense")
        x = norm(graph.apply("Add", mixed, x), f"{layer}.attention.output")
        inner = graph.apply("Gelu", dense(x, f"{layer}.intermediate.dense"), domain=_CONTRIB)
        x = norm(graph.apply("Add", dense(inner, f"{layer}.output.dense"), x), f"{layer}.output")
    x = graph.apply("Reshape", x, shape)
    if depth is None:
        # The sum is as good as the mean, as its length is set to one. As a product with a row of ones, and not as
        # a ReduceSum, it has the same bits for one text as for many.
        ones = graph.apply("ConstantOfShape", length, value=numpy_helper.from_array(np.ones(1, np.float32)))
        ones = graph.apply("Unsqueeze", ones, zero)
        x = graph.apply("Squeeze", graph.apply("MatMul", ones, x), graph.constant(np.array([1], np.int64)))
        graph.nodes.append(helper.make_node("LpNormalization", [x], ["vectors"], axis=-1, p=2))
        outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", hidden])]
    else:
        graph.nodes.append(helper.make_node("Identity", [x], ["states"]))
        outputs = [helper.make_tensor_value_info("states", TensorProto.FLOAT, ["texts", "length", hidden])]
    if probe:
        for number, name in enumerate(probes):
            graph.nodes.append(helper.make_node("Identity", [name], [f"input_{number}"]))
            outputs.append(helper.make_tensor_value_info(f"input_{number}", TensorProto.FLOAT, None))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "bert_mean_pooled",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "length"])
                for name in (("ids", "types") if pairs else ("ids",))
            ],
            outputs,
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(_CONTRIB, 1)],
        ir_version=8,
        producer_name="evenshelf",
    )
    serialised: bytes = model.SerializeToString()
    return serialised


def _dense_int8(
    graph: GraphBuilder, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32], given: InputRange
) -> str:
    """Add ``x @ weight + bias`` with inputs in unsigned and weights (per output) in signed 8-bit integers."""
    step = np.float32((given.high - given.low) / 255)
    zero = np.uint8(np.clip(np.rint(-given.low / step), 0, 255))
    scale, offset = graph.constant(step), graph.constant(zero)
    divided = graph.apply("Mul", x, graph.constant((1 / given.smooth).astype(np.float32)))
    rounded = graph.apply("QuantizeLinear", divided, scale, offset)
    smoothed = weight * given.smooth[:, None]
    steps = (np.abs(smoothed).max(axis=0) / 127).astype(np.float32)
    integers = np.clip(np.rint(smoothed / steps), -127, 127).astype(np.int8)
    rest = [graph.constant(integers), scale, graph.constant(steps), offset, "", graph.constant(bias)]
    out: str = graph.apply("MatMulIntegerToFloat", rounded, *rest, domain=_CONTRIB)
    return out
