"""Every setting of a training run: one frozen dataclass, with what is laid over it (`presets.py` has where it begins).

A setting that no field knows is an error, never ignored; so is a value outside its range. Nothing heavy is
imported here: `digitsmith --help` reads this file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

from digitsmith.errors import ConfigError

Settings = TypeVar("Settings", "TrainSettings", "Augmentation")

DEFAULT_MODEL = "penman"  # none draws better digits, nor learns to in less time (README)
REPORT_MODELS = ("gan", "cgan", "acgan", "cgan-mlp")
MODELS = (*REPORT_MODELS, "penman", "sgan")
UNCONDITIONAL_MODELS = ("gan",)  # cannot be asked for a class
STYLED_MODELS = ("penman",)  # can be asked for a thickness, a slant, a width and a height, where the data have them
SEMI_SUPERVISED_MODELS = ("sgan",)  # learn from a few labels and many images without
STYLES = ("auto", "strokes", "none")
GENERATOR_LOSSES = ("minimax", "non-saturating")
PRECISIONS = ("auto", "float32", "bfloat16")
DEVICES = ("auto", "cpu", "cuda")
_STYLED_SETTINGS = (
    "penalty_gamma",
    "penalty_every",
    "class_weight",
    "style_weight",
    "style",
    "channels",
    "differentiable",
    "starts_at_mean",
)
_SEMI_SUPERVISED_SETTINGS = ("labelled", "adversarial_weight", "matching_weight", "consistency_weight", "sure_from")
_BEFORE_THEY_WERE_SETTINGS = {
    "style": "strokes",
    "channels": 24,
    "differentiable": 0.0,
    "starts_at_mean": False,
}  # what penman did
MAX_SEED = 2**63 - 1
IN_MEMORY = "in memory"  # what a run records as its data when images were handed over, not named
BY_LENGTH = -1.0  # `ema_half_life_images` that follows from how long the run is


@dataclass(frozen=True)
class Augmentation:
    """How the real images are moved before D sees them, each image by its own random amount.

    Second report, section 4.2. All zero: not at all. The defaults of `digit_safe` never turn one digit into
    another; flips do (a 2 into something else), and are off unless asked for.
    """

    shift_px: float = 0.0
    """Largest shift, in pixels, along each axis."""
    rotate_deg: float = 0.0
    """Largest rotation, in degrees, either way."""
    scale: float = 0.0
    """Largest relative change of size: 0.1 is 90 % to 110 %."""
    stretch: float = 0.0
    """Largest relative change of the width and of the height by itself: 0.2 is 80 % to 120 % of each."""
    shear_deg: float = 0.0
    """Largest lean of upright strokes, in degrees, either way."""
    elastic_px: float = 0.0
    """Standard deviation of a smooth displacement field, in pixels."""
    flip: bool = False
    """Mirror half of the images left to right. Only for data whose classes survive it."""

    def __post_init__(self) -> None:
        for name, largest in (
            ("shift_px", 28.0),
            ("rotate_deg", 180.0),
            ("scale", 0.9),
            ("stretch", 0.9),
            ("shear_deg", 60.0),
            ("elastic_px", 10.0),
        ):
            _require(f"augmentation.{name}", getattr(self, name), low=0.0, high=largest)

    @property
    def is_identity(self) -> bool:
        """Whether no image would be moved."""
        return self == Augmentation()


def digit_safe() -> Augmentation:
    """Shift, rotation, scale and elastic strength that leave every MNIST class readable; no flips."""
    return Augmentation(shift_px=2.0, rotate_deg=10.0, scale=0.1, elastic_px=0.6)


@dataclass(frozen=True)
class TrainSettings:
    """What makes a training run. Two runs of equal settings, data and thread count end in equal bits."""

    model: str = "cgan"
    """Architecture: gan, cgan, acgan, cgan-mlp, penman or sgan."""
    data: str = "mnist"
    """A name that `digitsmith datasets` lists (`mnist`, `cifar10`, ...), or the path of your own labelled images."""
    unlabelled: str = ""
    """sgan: a name or a path of more images, which are learned from without labels. Labels that they have must be whole
    all the same: a set that marks missing ones is refused."""
    preset: str = "report-2"
    """Where the settings below came from; recorded, not read."""
    epochs: float = 20.0
    """Passes over the training images."""
    batch_size: int = 128
    """Real images a step; as many are generated, for sgan half as many."""
    learning_rate: float = 1e-3
    """Adam's step size, for both networks."""
    warm_up_images: float = 0.0
    """Images over which the learning rate rises to its full value."""
    decay_from: float = 1.0
    """Share of the run after which the learning rate falls linearly towards zero; 1 keeps it constant."""
    adam_beta1: float = 0.5
    """Decay of Adam's running mean."""
    adam_beta2: float = 0.999
    """Decay of Adam's running square."""
    gradient_clip: float = 0.0
    """A network's gradient is shortened to so many times its usual length, its running root mean square; 0: never."""
    generator_loss: str = "non-saturating"
    """How G's loss is written: minimax (equation 1) or non-saturating. penman has a loss of its own."""
    ema_half_life_images: float = 10_000.0
    """Images after which a weight counts half in the average that draws; 0 draws with the last weights, and -1
    takes 5 % of the run's images, at most two epochs: the run records the number."""
    penalty_gamma: float = 0.2
    """penman: weight of the gradient penalties at real and at generated images (R1 and R2); 0 leaves them out."""
    penalty_every: int = 8
    """penman: the penalties are taken at every so many steps, and as many times as heavy."""
    class_weight: float = 1.0
    """penman: weight of the class that D reads, in both losses."""
    style_weight: float = 1.0
    """penman: weight of the style that D reads, in both losses."""
    style: str = "auto"
    """penman: what it is asked for beside the class: strokes (their thickness, slant, width and height), none, or
    auto: strokes where the images are drawn in strokes, and no photographs or clothes. The run records which."""
    channels: int = 32
    """penman: channels of both networks at half of the images' size; there are twice as many at a quarter. Processors
    take them in blocks of 16 or 32, so 24 are no faster."""
    differentiable: float = 0.0
    """penman: how strongly real and generated images alike are moved before D sees them; 1 for little data, 0: not at
    all (`training/differentiable.py`)."""
    starts_at_mean: bool = False
    """penman: its first images have the mean gray of the training images (the mean colour). Otherwise it begins with
    middle gray, finds that nearly all of an image is ground, and of little data may stay with a blank image."""
    labelled: int = 0
    """sgan: how many images of `data` have a label that is looked at, about as many of each class; the seed chooses
    which. 0 is all of them where there are `unlabelled` images besides, and for all other models."""
    adversarial_weight: float = 0.3
    """sgan: weight of telling real images from generated ones, in D's loss."""
    matching_weight: float = 1.0
    """sgan: weight of matching the features of real images, in G's loss."""
    consistency_weight: float = 1.0
    """sgan: weight of reading a moved image as the averaged D reads it unmoved."""
    sure_from: float = 0.95
    """sgan: the probability from which on the averaged D's reading of an image is taken for its label."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    """How the real images are moved (second report, section 4.2); for sgan the generated ones as well."""
    seed: int = 0
    """All randomness of the run follows from it."""
    precision: str = "auto"
    """Of the forward passes: float32, bfloat16, or auto: bfloat16 where the processor multiplies in it."""
    threads: int = 0
    """CPU threads; 0 takes as many as make it faster here and now. The same number gives the same bits."""
    device: str = "auto"
    """Where it trains: cpu, cuda, or auto: a GPU where there is one."""
    sample_epochs: tuple[int, ...] = (1, 10, 20)
    """Epochs at which the sample grids are kept (second report, Figures 6 to 8)."""
    checkpoint_every_images: int = 60_000
    """Real images between two checkpoints."""
    keep_checkpoints: int = 3
    """How many of the newest checkpoints stay on disk."""
    log_every_steps: int = 50
    """Steps between two rows of the log."""

    def __post_init__(self) -> None:
        require_one_of("model", self.model, MODELS)
        require_one_of("generator_loss", self.generator_loss, GENERATOR_LOSSES)
        require_one_of("precision", self.precision, PRECISIONS)
        require_one_of("device", self.device, DEVICES)
        _require("epochs", self.epochs, low=0.0, high=1e6, exclusive=True)
        _require("batch_size", self.batch_size, low=2, high=65_536)  # BatchNorm needs two
        _require("learning_rate", self.learning_rate, low=0.0, high=1.0, exclusive=True)
        _require("warm_up_images", self.warm_up_images, low=0.0, high=1e12)
        _require("decay_from", self.decay_from, low=0.0, high=1.0)
        _require("adam_beta1", self.adam_beta1, low=0.0, high=0.9999)
        _require("adam_beta2", self.adam_beta2, low=0.0, high=0.999999)
        _require("gradient_clip", self.gradient_clip, low=0.0, high=1e6)
        if self.ema_half_life_images != BY_LENGTH:
            _require("ema_half_life_images", self.ema_half_life_images, low=0.0, high=1e12)
        _require("penalty_gamma", self.penalty_gamma, low=0.0, high=1e6)
        _require("penalty_every", self.penalty_every, low=1, high=100)
        _require("class_weight", self.class_weight, low=0.0, high=1e6)
        _require("style_weight", self.style_weight, low=0.0, high=1e6)
        require_one_of("style", self.style, STYLES)
        _require("channels", self.channels, low=1, high=1024)
        _require("differentiable", self.differentiable, low=0.0, high=3.0)
        for weight in ("adversarial_weight", "matching_weight", "consistency_weight"):
            _require(weight, getattr(self, weight), low=0.0, high=1e6)
        _require("sure_from", self.sure_from, low=0.0, high=1.0)
        if self.model in SEMI_SUPERVISED_MODELS:
            _require("labelled", self.labelled, low=0 if self.unlabelled else 1, high=10**12)
        elif self.labelled or self.unlabelled:
            name, why = "labelled", "learns from every label"
            if self.unlabelled:
                name, why = "unlabelled", "learns nothing from images without labels"
            raise ConfigError(f"{self.model} {why}; leave out {name}, or train {SEMI_SUPERVISED_MODELS[0]}")
        _require("seed", self.seed, low=0, high=MAX_SEED)
        _require("threads", self.threads, low=0, high=1024)
        _require("checkpoint_every_images", self.checkpoint_every_images, low=1, high=10**12)
        _require("keep_checkpoints", self.keep_checkpoints, low=1, high=10_000)
        _require("log_every_steps", self.log_every_steps, low=1, high=10**9)
        for epoch in self.sample_epochs:
            _require("sample_epochs", epoch, low=1, high=10**6)
        moved = not dataclasses.replace(self.augmentation, shift_px=0.0).is_identity
        if self.model in STYLED_MODELS and self.style == "strokes" and moved:
            raise ConfigError(
                f"{self.model} is asked for the style of each image as it was measured before training, and turning, "
                "resizing, bending or mirroring the image would change it; leave them out (shift_px may stay), or do "
                "without style (--style none)"
            )

    @property
    def unread(self) -> tuple[str, ...]:
        """The settings that are other models' and that this one does not look at."""
        if self.model in SEMI_SUPERVISED_MODELS:
            return (*_STYLED_SETTINGS, "generator_loss")
        if self.model in STYLED_MODELS:
            return (*_SEMI_SUPERVISED_SETTINGS, "generator_loss")
        return (*_STYLED_SETTINGS, *_SEMI_SUPERVISED_SETTINGS)

    @property
    def without_effect(self) -> tuple[str, ...]:
        """The settings that change nothing here: what this model does not read, a warm-up of no images, a clip that
        never clips, and what penman did before it could be told."""
        unused = tuple(key for key in ("warm_up_images", "gradient_clip") if not getattr(self, key))
        if self.model in SEMI_SUPERVISED_MODELS:
            return (*unused, *_STYLED_SETTINGS, "generator_loss")
        if self.model not in STYLED_MODELS:
            return (*unused, *_STYLED_SETTINGS, *_SEMI_SUPERVISED_SETTINGS)
        unchanged = (key for key, was in _BEFORE_THEY_WERE_SETTINGS.items() if getattr(self, key) == was)
        return (*unused, *_SEMI_SUPERVISED_SETTINGS, *unchanged)


def with_overrides(
    settings: TrainSettings, model: str | None = None, overrides: Mapping[str, Any] | None = None
) -> TrainSettings:
    """`settings` with `overrides` and the model's name on top; `None` leaves a setting as it is."""
    asked = {key: value for key, value in (overrides or {}).items() if value is not None}
    return replaced(settings, asked | ({} if model is None else {"model": model}), where="")


def settings_to_dict(settings: TrainSettings) -> dict[str, Any]:
    """Plain values that JSON and TOML can hold; `settings_from_dict` is its inverse."""
    return dataclasses.asdict(settings) | {"sample_epochs": list(settings.sample_epochs)}


def settings_from_dict(values: Mapping[str, Any], *, where: str) -> TrainSettings:
    """Settings from saved values; `where` names the file in the message of a `ConfigError`."""
    return replaced(TrainSettings(), _BEFORE_THEY_WERE_SETTINGS | dict(values), where=f"{where}: ")


def replaced(settings: Settings, values: Mapping[str, Any], *, where: str) -> Settings:
    """`settings` with `values` in place of its fields, each checked against its field's type.

    Raises:
        ConfigError: an unknown key, or a value of another type or outside its range; it begins with `where`.
    """
    hints = get_type_hints(type(settings))
    checked: dict[str, Any] = {}
    for key, value in values.items():
        if key not in hints:
            raise ConfigError(f"{where}there is no setting {key!r}; there are {', '.join(hints)}")
        checked[key] = _converted(getattr(settings, key), value, hints[key], name=f"{where}{key}")
    return dataclasses.replace(settings, **checked)


def _converted(current: Any, value: Any, hint: Any, *, name: str) -> Any:
    """`value` as the type `hint` of a setting, without guessing: 20 is a float, "20" and True are not."""
    if isinstance(current, Augmentation):
        if isinstance(value, Augmentation):
            return value
        if isinstance(value, Mapping):
            return replaced(current, value, where=f"{name}.")
        raise ConfigError(f"{name} must be a table of settings, not {value!r}")
    if hint == tuple[int, ...]:
        if isinstance(value, list | tuple) and all(type(item) is int for item in value):
            return tuple(value)
        raise ConfigError(f"{name} must be a list of whole numbers, not {value!r}")
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        kinds = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
        raise ConfigError(f"{name} must be {kinds[hint]}, not {value!r}")
    return value


def _require(name: str, value: float, *, low: float, high: float, exclusive: bool = False) -> None:
    inside = low <= value <= high and not (exclusive and value == low)  # NaN is never inside
    if not inside:
        bound = "above" if exclusive else "at least"
        raise ConfigError(f"{name} must be {bound} {low:g} and at most {high:g}, not {value}")


def require_one_of(name: str, value: str, allowed: tuple[str, ...], where: str = "") -> None:
    """ConfigError where `value` is none of those allowed; `where` names the file that it stands in."""
    if value not in allowed:
        raise ConfigError(f"{where}there is no {name.replace('_', ' ')} {value!r}; choose one of {', '.join(allowed)}")
