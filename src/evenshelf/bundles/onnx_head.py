"""The scoring head as an ONNX graph, for runtimes that are not Python: vectors in, scores and probabilities out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles.head import ServingHead
from evenshelf.errors import InputError
from evenshelf.remedies.calibrated import FLOOR, TRACE, AffineMap, StepMap

Floats = NDArray[np.float32]
OPSET, IR_VERSION = 17, 9
TOLERANCE = 1e-5
"""Of probabilities, between the graph and the arrays."""


def head_graph(head: ServingHead) -> bytes:
    """Build the serialised ONNX model of a head.

    The input is ``vectors`` (float ``[n, d]``), the outputs are ``scores`` and ``probabilities`` (float ``[n, C]``).
    Probabilities and calibrations are computed in double precision, as :class:`ServingHead` does.
    """
    from onnx import TensorProto, helper  # noqa: PLC0415 - only who trains needs it

    from evenshelf.encoders.onnx_graph import GraphBuilder  # noqa: PLC0415

    graph = GraphBuilder()
    linear = graph.apply("Gemm", "vectors", graph.constant(head.weights), graph.constant(head.bias))
    last = graph.apply("Cast", linear, to=TensorProto.DOUBLE)
    if isinstance(head.calibration, AffineMap):
        logs = graph.apply("LogSoftmax", last, axis=1)
        scaled = graph.apply("Mul", logs, graph.constant(head.calibration.factor.astype(np.float64)))
        last = graph.apply("Add", scaled, graph.constant(head.calibration.offset.astype(np.float64)))
    elif isinstance(head.calibration, StepMap):
        last = _steps(graph, graph.apply("Softmax", last, axis=1), head.calibration)
    graph.nodes.append(helper.make_node("Cast", [last], ["scores"], to=TensorProto.FLOAT))
    again = graph.apply("Softmax", last, axis=1)
    graph.nodes.append(helper.make_node("Cast", [again], ["probabilities"], to=TensorProto.FLOAT))
    dimension, classes = head.weights.shape

    def tensor(name: str, width: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])

    made = helper.make_graph(
        graph.nodes,
        "head",
        [tensor("vectors", dimension)],
        [tensor("scores", classes), tensor("probabilities", classes)],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    content: bytes = model.SerializeToString()
    return content


def _steps(graph: Any, probabilities: str, steps: StepMap) -> str:
    """Piecewise linear maps as sums over their pieces of slope times how far the probability reaches into the piece."""
    pieces = max(len(x) for x, _ in steps.maps) - 1
    # pieces that a group lacks have no width
    low, high, slope = (np.zeros((len(steps.maps), max(pieces, 1))) for _ in range(3))
    for group, (x, y) in enumerate(steps.maps):
        n, x, y = len(x) - 1, x.astype(np.float64), y.astype(np.float64)  # noqa: PLW2901
        low[group, :n], high[group, :n] = x[:-1], x[1:]
        slope[group, :n] = np.diff(y) / np.maximum(np.diff(x), np.finfo(np.float64).tiny)
    first = np.array([y[0] for _, y in steps.maps], np.float64)
    last_axis = graph.constant(np.array([2], np.int64))
    wide = graph.apply("Unsqueeze", probabilities, last_axis)
    inside = graph.apply("Min", graph.apply("Max", wide, graph.constant(low)), graph.constant(high))
    reached = graph.apply("Mul", graph.apply("Sub", inside, graph.constant(low)), graph.constant(slope))
    mapped = graph.apply("Add", graph.apply("ReduceSum", reached, last_axis, keepdims=0), graph.constant(first))
    total = graph.apply("ReduceSum", mapped, graph.constant(np.array([1], np.int64)), keepdims=1)
    total = graph.apply("Max", total, graph.constant(np.float64(FLOOR)))
    shared = graph.apply("Mul", graph.apply("Div", mapped, total), graph.constant(np.float64(1.0 - TRACE)))
    mixed = graph.apply("Add", shared, graph.apply("Mul", probabilities, graph.constant(np.float64(TRACE))))
    floored = graph.apply("Max", mixed, graph.constant(np.float64(FLOOR * FLOOR)))
    logs: str = graph.apply("Log", floored)
    return logs


def difference(content: bytes, head: ServingHead, vectors: Floats) -> float:
    """The largest difference of a probability between the graph and the arrays.

    Raises
    ------
    InputError
        If ONNX Runtime cannot run the graph, or the difference is above :data:`TOLERANCE`.
    """
    import onnxruntime  # noqa: PLC0415

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = session.run(["probabilities"], {"vectors": vectors})[0]
    largest = float(np.abs(found - head.probabilities(vectors)).max(initial=0.0))
    if not largest <= TOLERANCE:
        raise InputError(
            f"The ONNX graph differs from the arrays by {largest:.2g} in a probability.",
            hint="Report this with the versions of onnx and onnxruntime; the bundle is not written.",
        )
    return largest
