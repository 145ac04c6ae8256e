"""What a trainer says of itself and of a run: a model card, a page, its worst examples."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jkeras.core.errors import named_arguments
from jkeras.core.trees import Tree
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.preflight.data_arguments import Examples

if TYPE_CHECKING:
    from jkeras.callbacks import History
    from jkeras.display.classes import Labels
    from jkeras.display.worst_examples import TopLosses


class ReportsMixin:
    """What a trainer says of itself and of a run."""

    _trainer_parts: TrainerParts

    @named_arguments
    def card(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        description: str | None = None,
        intended_use: str | None = None,
        limitations: str | None = None,
        training_data: str | None = None,
        results: Mapping[str, Any] | None = None,
        labels: Labels | None = None,
        license: str | None = None,
        tags: Sequence[str] = (),
        history: History | None = None,
        model_file: str = "model.keras",
    ) -> str:
        """A model card in Markdown, with the front matter that the Hugging Face Hub reads.

        It says what is known of the model, and of the rest that it is not known; a model that was
        not trained has a card, too.

        Args:
          path: a file that ends with `.md`, written whole; no file when left out.
          description, intended_use, limitations, training_data: sentences in Markdown.
          results: what `evaluate(x, y, return_dict=True)` returned.
          labels: names of the classes, as a list or as a dict from id to name.
          license: such as "apache-2.0".
          tags: words under which the card is found.
          history: of the run; that of the last `fit` when left out.
          model_file: the file in which a reader finds the model; its size is told where it lies
            beside the card.

        Returns:
          The text.

        Raises:
          TypeError, ValueError: an argument is wrong; nothing is written then.

        Example:
          >>> from jkeras import Sequential, layers
          >>> text = Sequential([layers.Input((4,)), layers.Dense(2)], name="tiny").card()
          >>> text.splitlines()[:2], "| parameters | 10 |" in text
          (['---', 'library_name: jkeras'], True)
        """
        from jkeras.trainer.reports.card import CardOptions, card_text

        options = CardOptions(
            description=description,
            intended_use=intended_use,
            limitations=limitations,
            training_data=training_data,
            results=results,
            labels=labels,
            license=license,
            tags=tags,
            history=history,
            model_file=model_file,
        )
        trainer: Any = self
        return card_text(trainer, self._trainer_parts, path, options)

    @named_arguments
    def report(
        self,
        path: str | os.PathLike[str],
        x: Examples = None,
        y: Tree = None,
        sample_weight: Tree = None,
        batch_size: int | None = None,
        *,
        n: int = 9,
        labels: Labels | Mapping[str, Labels] | None = None,
        history: History | None = None,
        title: str | None = None,
        notes: str = "",
        decode: Callable[[Any], str] | None = None,
    ) -> Path:
        """Writes an HTML page about the model, its training and its results on some data.

        Results, learning curves, the confusion matrix and the scores of each class or the errors of
        numbers, the examples with the largest losses, the layers, the training data, time, machine
        and versions: one file without scripts, which needs no network. The data are looked at once.

        Args:
          path: a file that ends with `.html`, written whole.
          x, y, sample_weight, batch_size: data, as for `evaluate`; an iterable of batches is read
            to its end.
          n: number of examples with the largest losses.
          labels: names of the classes, as a list or as a dict from id to name; for several outputs
            a dict of these under the names of the outputs.
          history: of the run; that of the last `fit` when left out.
          title: of the page.
          notes: sentences below the title.
          decode: from one example of the inputs to its text, such as ids to words.

        Returns:
          The path.

        Raises:
          ImportError: matplotlib is not installed.
          TypeError, ValueError: an argument is wrong; nothing is written then.
        """
        from jkeras.trainer.reports.page import PageOptions, write_page

        options = PageOptions(n, labels, history, title, notes, decode)
        data = x, y, sample_weight, batch_size
        trainer: Any = self
        return write_page(trainer, self._trainer_parts, path, data, options)

    @named_arguments
    def top_losses(
        self, x: Examples, y: Tree = None, n: int = 9, batch_size: int | None = None
    ) -> TopLosses:
        """The examples with the largest losses: their places in the data, losses and predictions.

        A loss is that of the example alone, without sample weights and penalties; of several
        outputs the sum by `loss_weights`. `jkeras.display.plot_top_losses` shows them.

        Args:
          x, y, batch_size: data, as for `evaluate`.
          n: number of examples.

        Returns:
          `indices`, `losses` and `predictions`, the largest loss first.

        Raises:
          TypeError, ValueError: the model is not compiled with a loss that has a value for each
            example, or the data do not go with it.

        Source: fastai's `Interpretation.top_losses`.
        """
        from jkeras.trainer.reports.top_losses import top_losses

        return top_losses(self._trainer_parts, x, y, n, batch_size)
