"""Adam as PyTorch fuses it, without what `torch.optim` does around it in every step.

torch.optim.Adam sorts its parameters by device and type, opens profiling regions and looks for hooks each time: in the
small networks of the reports as long as the arithmetic itself takes (measured: 0.2 ms of 0.4). The kernel is the same,
and so are its results, bit for bit, which a test holds against torch.optim.Adam.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor


class Adam:
    """Kingma and Ba: "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.

    Attributes:
        parameters: what it moves, in order.
        averages, squares: the running mean and mean square of each parameter's gradient, in its memory layout.
        steps: how often each was moved, float32 scalars; the kernel counts them up.
        learning_rate: of the next step, a scalar where the parameters are: a step that was recorded for a GPU
            (`recorded.RecordedStep`) reads it there.
        clip: a gradient is shortened to so many times its usual length, 0: never. One batch that is unlike those before
            it otherwise moves every weight by up to 1 / sqrt(1 - beta2) of these steps (10 with penman's), and both
            players may never come back. After Shazeer and Stern: "Adafactor", ICML 2018, section 5, with the length of
            the whole gradient in the place of each tensor's.
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, betas: tuple[float, float], *, clip: float = 0.0
    ) -> None:
        self.parameters = list(parameters)
        self.averages = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]
        device = self.parameters[0].device
        precision = torch.float64 if device.type == "cpu" else torch.float32  # as each kernel reads it
        self.learning_rate = torch.tensor(learning_rate, dtype=precision, device=device)
        self.betas = betas
        self.clip = clip

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient along it."""
        moved = [index for index, parameter in enumerate(self.parameters) if parameter.grad is not None]
        columns = (
            [self.parameters[index] for index in moved],
            [gradient for gradient in (parameter.grad for parameter in self.parameters) if gradient is not None],
            [self.averages[index] for index in moved],
            [self.squares[index] for index in moved],
        )
        steps = [self.steps[index] for index in moved]
        too_long = self._too_long(columns[1], columns[3], steps[0]) if self.clip else None
        torch._foreach_add_(steps, 1)
        torch._fused_adam_(
            *columns,
            [],
            steps,
            lr=self.learning_rate,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=0.0,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
            grad_scale=too_long,
        )

    def _too_long(self, gradients: list[Tensor], squares: list[Tensor], steps: Tensor) -> Tensor:
        """How many times as long as it may be the gradient is, at least 1; a scalar that nobody has to wait for.

        Its usual length follows from the running squares, so there is no more to remember than Adam does.
        """
        length = torch.stack(torch._foreach_norm(gradients)).norm()
        begun = 1 - self.betas[1] ** steps  # of the steps before this one; 0 at the first
        usual = (torch.stack(torch._foreach_norm(squares, 1)).sum() / begun).sqrt()
        return torch.where(begun > 0, length / (self.clip * usual), 1.0).clamp(min=1.0)

    def tensors(self, prefix: str) -> dict[str, Tensor]:
        """Moments and counts under flat names, for a checkpoint; the settings come from the run's own."""
        return {
            f"{prefix}.{index}.{name}": column[index]
            for name, column in self._columns().items()
            for index in range(len(self.parameters))
        }

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor], prefix: str) -> None:
        """The inverse of `tensors`, for the same parameters.

        Each moment keeps its parameter's memory layout: the fused kernel walks through parameter and moments side by
        side in memory, so a moment in another layout would silently belong to other weights.
        """
        for name, column in self._columns().items():
            for index, tensor in enumerate(column):
                tensor.copy_(tensors[f"{prefix}.{index}.{name}"])

    def _columns(self) -> dict[str, list[Tensor]]:
        return {"exp_avg": self.averages, "exp_avg_sq": self.squares, "step": self.steps}
