"""The command `predict`: what a trained model says of recordings, as a table."""

from abr_model.cli_predict.command import predict

__all__ = ["predict"]
