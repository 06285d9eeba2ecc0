"""Parts of a model as programs: `torch.export`, and ONNX made from that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from curriculum.errors import CurriculumError
from curriculum.export.quiet import quiet
from curriculum.tasks import Exportable

BATCH = "batch"
Outputs = tuple[Tensor, ...]


def outputs_of(part: Exportable, inputs: Sequence[Tensor]) -> Outputs:
    """What the part itself says."""
    with torch.no_grad():
        return tuple(part.module(*inputs))


def write_torch_export(part: Exportable, inputs: Sequence[Tensor], path: Path, about: str) -> None:
    """Write the part as an `ExportedProgram`; `about` (JSON) lies in it as `about.json`.

    Raises:
        CurriculumError: the part cannot be traced.
    """
    program = traced(part, inputs)
    with quiet():
        torch.export.save(program, path, extra_files={"about.json": about})


def run_torch_export(path: Path, inputs: Sequence[Tensor]) -> Outputs:
    """What the program in a file says."""
    with quiet(), torch.no_grad():
        return tuple(torch.export.load(path).module()(*inputs))


def write_onnx(part: Exportable, inputs: Sequence[Tensor], path: Path, about: str) -> None:
    """Write the part as an ONNX model; `about` (JSON) lies in its metadata.

    Raises:
        CurriculumError: the part cannot be traced, or uses what ONNX has not.
    """
    import onnx

    program = traced(part, inputs)
    try:
        with quiet():
            made = torch.onnx.export(
                program,
                (),
                dynamo=True,
                verbose=False,
                input_names=list(part.inputs),
                output_names=list(part.outputs),
            )
    except Exception as error:  # the exporter raises its own, and whatever went wrong inside
        raise _untraceable(part, error, "ONNX") from error
    assert made is not None  # so it is with `dynamo=True`
    model: Any = made.model_proto
    _name_batch(model)
    _describe(model, part, about)
    onnx.checker.check_model(model)
    onnx.save_model(model, str(path))


def run_onnx(path: Path, inputs: Sequence[Tensor]) -> Outputs:
    """What the model in a file says, by onnxruntime on one thread."""
    import onnxruntime

    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    fed = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
    return tuple(torch.from_numpy(each) for each in session.run(None, fed))


def traced(part: Exportable, inputs: Sequence[Tensor]) -> torch.export.ExportedProgram:
    """The part as a program for any size of the first dimension.

    Raises:
        CurriculumError: it cannot be traced.
    """
    batch = torch.export.Dim(BATCH, min=1, max=1 << 20)
    part.module.eval()
    try:
        with quiet(), torch.no_grad():
            shapes = _every(inputs, {0: batch})
            found = torch.export.export(
                part.module, tuple(inputs), dynamic_shapes=shapes, strict=False
            )
    except Exception as error:  # tracing runs the model's own code, which may raise anything
        raise _untraceable(part, error, "torch.export") from error
    for node in found.graph.nodes:
        node.meta.pop("stack_trace", None)  # names files of this machine
    return found


def _every(inputs: Sequence[Tensor], dimensions: Mapping[int, Any]) -> Any:
    return tuple(dict(dimensions) for _ in inputs)


def _untraceable(part: Exportable, error: Exception, how: str) -> CurriculumError:
    return CurriculumError(
        f"`{part.name}` must be one that {how} can trace",
        found=f"{type(error).__name__}: {str(error).strip().splitlines()[0]}",
        hint="Nothing was written. Try another format",
    )


def _name_batch(model: Any) -> None:
    """Call the first dimension `batch` wherever its symbol occurs."""
    symbol = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    graph = model.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                dimension.dim_param = dimension.dim_param.replace(symbol, BATCH)


def _describe(model: Any, part: Exportable, about: str) -> None:
    for values, said in ((model.graph.input, part.inputs), (model.graph.output, part.outputs)):
        for value, text in zip(values, said.values(), strict=True):
            value.doc_string = text
    facts = cast("Mapping[str, Any]", json.loads(about))
    for name, fact in facts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = name, fact if isinstance(fact, str) else json.dumps(fact)
