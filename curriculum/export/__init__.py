"""A trained model in the formats of other programs, each checked by loading it back. No torch here.

    from curriculum.export.exporting import export
    export(folder, loaded, kinds, observer, Path("out"), chosen(["onnx"], "abr-curriculum"))

`safetensors` holds the tensors of any model. `torch-export` and `onnx` hold programs: the parts
that a model offers in `Assembly.exports`, from plain tensors to predictions.
"""

from curriculum.export.formats import FORMATS, Format, chosen

__all__ = ["FORMATS", "Format", "chosen"]
