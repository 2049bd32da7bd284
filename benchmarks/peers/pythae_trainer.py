"""pythae's own trainer, one member: its loader, its callbacks and its step, an epoch at a time.

An epoch is over a set of as many examples as the steps that are asked for. The folders and models that `train` writes
once a run are written in the set-up, so that the steady state is that of a run without end.
"""

from benchmarks.protocol import Way, serve  # first: it starts the clock

# isort: split
import tempfile

import torch
from pythae.data.datasets import BaseDataset
from pythae.trainers import BaseTrainer, BaseTrainerConfig

from benchmarks.data import Bits
from benchmarks.peers.modules import device_of, finished, held_loss
from benchmarks.peers.pythae_model import model_of
from benchmarks.work import Work


def make(work: Work, bits: Bits) -> Way:
    """A trainer whose loader is over the examples of the epoch."""
    device = device_of(work)
    model = model_of(work)
    folder = tempfile.TemporaryDirectory()
    config = BaseTrainerConfig(folder.name, work.batch, num_epochs=1, learning_rate=1e-3)
    x = torch.from_numpy(bits.train).float()

    def examples(num: int) -> BaseDataset:
        rows = torch.arange(num * work.batch) % len(x)
        return BaseDataset(x[rows], torch.ones(len(rows)))

    trainer = BaseTrainer(model, examples(1), training_config=config)
    trainer.prepare_training()
    trainer.callback_handler.on_train_begin(training_config=config, model_config=model.model_config)
    trainer.save_model(model, f"{folder.name}/final_model")
    loaders = {}

    def run(num: int) -> None:
        if num not in loaders:
            loaders[num] = trainer.get_train_dataloader(examples(num))
        trainer.train_loader = loaders[num]
        where = {"training_config": config, "epoch": 1}
        trainer.callback_handler.on_epoch_begin(**where, train_loader=trainer.train_loader, eval_loader=None)
        trainer.train_step(1)
        trainer.callback_handler.on_epoch_end(training_config=config)
        finished(device)

    def loss() -> float:
        model.eval()
        return held_loss(model.encoder.inner, model.decoder.inner, bits, device)

    return Way(run, loss)


if __name__ == "__main__":
    serve(make)
