"""The words for models, settings, warnings and amounts, as a person would say them to a class."""

from __future__ import annotations

_CONTEST = "Two networks were trained against each other: a generator that draws {what} from noise, and {who}."
_ASKED = "the class it is asked for"
_OF_PAIRS = " Its scores are of such pairs: 0.50 means that it cannot tell."

# model -> its name on the page, and how it learns, for somebody who hears of it for the first time
MODELS = {
    "gan": (
        "GAN",
        _CONTEST.format(what="images", who="a discriminator that tries to tell them from real ones")
        + " Nobody can ask this generator for a class: it draws what it likes.",
    ),
    "cgan": (
        "Conditional GAN",
        _CONTEST.format(
            what=_ASKED,
            who="a discriminator that is told the class too and tries to tell the drawings from real images",
        ),
    ),
    "cgan-mlp": (
        "Fully connected conditional GAN",
        _CONTEST.format(
            what=_ASKED,
            who="a discriminator that is told the class too and tries to tell the drawings from real images",
        )
        + " Both see an image as one long row of pixels, without knowing which are neighbours.",
    ),
    "acgan": (
        "Auxiliary classifier GAN",
        _CONTEST.format(
            what=_ASKED,
            who="a discriminator that has to tell the drawings from real images, and to name their class",
        ),
    ),
    "penman": (
        "Penman",
        _CONTEST.format(
            what=f"{_ASKED} in the thickness, slant, width and height it is asked for",
            who="a discriminator that is shown a real image and a drawing of the same class and style, and has to say "
            "which of the two is the real one",
        )
        + _OF_PAIRS,
    ),
    "sgan": (
        "Semi-supervised GAN",
        _CONTEST.format(
            what=_ASKED,
            who="a discriminator that learns to read from a few labelled images, and from all others what is real and "
            "that a digit stays the same when it is moved",
        )
        + " The discriminator is what was wanted: averaged over the training, it is the recogniser.",
    ),
}
PENMAN_WITHOUT_STYLE = (
    _CONTEST.format(
        what=_ASKED,
        who="a discriminator that is shown a real image and a drawing of the same class, and has to say which of "
        "the two is the real one",
    )
    + _OF_PAIRS
)

# kind of a `warning` row -> heading, and what it means for somebody who trains a first GAN
WARNINGS = {
    "collapse": (
        "The generator drew too much of the same",
        "This is called mode collapse: the generator found an image or two that fool the discriminator and "
        "repeats them, instead of learning all the ways a thing can look. It often passes by itself. "
        "If it lasts to the end, try a lower learning rate or another seed; the variety curve above tells.",
    ),
    "discriminator-blind": (
        "The discriminator could no longer tell real from generated",
        "Equal scores are the goal of the game once the images look right. Before that they mean that the "
        "discriminator has stopped learning, and a generator learns only what the discriminator can see. "
        "Look at the images first; if they are poor, try a lower learning rate.",
    ),
    "discriminator-wins": (
        "The discriminator was always right",
        "When every drawing is recognised, no small change makes the generator's work better, and it stops "
        "improving. A short lead is normal; a lasting one calls for a lower learning rate.",
    ),
    "lost-checkpoints": (
        "The checkpoints were gone",
        "There was nothing to go on from, so the run began again at its first step, and drew the same random "
        "numbers again.",
    ),
    "another-machine": (
        "It went on with other software, or on another machine",
        "The images are as good, but may no longer be those of a run that was left alone, bit for bit: other versions "
        "and processors can round otherwise.",
    ),
    "damaged-checkpoint": (
        "A checkpoint could not be read",
        "The run went on from the one before it, and drew the same random numbers again: nothing but time is "
        "lost. If it happens twice, look after the disk.",
    ),
}

# family of figures -> what they mean, and what they do not
FAMILIES = {
    "Fidelity": "How far the generated images, taken together, lie from the training images, as a network sees "
    "them. Poor drawings and missing kinds of images both raise it; it does not say which of the two it was.",
    "Diversity": "Whether the generated images fall where real ones are, and reach everywhere that real ones are. "
    "What the network's features pass over, a broken line perhaps, these figures pass over too.",
    "Labels": "How often a reader of real images sees the class that was asked for. It says nothing of variety: one "
    "clear image of each class, drawn a thousand times, would have full marks.",
    "Usefulness": "How well a classifier that learns from generated images alone reads real ones. It does not say "
    "that generated images added to the real ones would help.",
    "Style": "Whether strokes are as thick, slanted, long and wide as in real handwriting, measured on the ink itself. "
    "Two sets can agree in every one of these and still not look alike.",
    "Novelty": "How near the generated images come to single training images. Nearer than other real images do is a "
    "sign of copying; as far or farther is no sign that they are good.",
}

# setting -> words, in the order of the page's table; a setting that is not here comes last, under its own name
SETTINGS = {
    "model": "Model",
    "data": "Data",
    "unlabelled": "Images without labels",
    "preset": "Preset",
    "epochs": "Epochs",
    "batch_size": "Real images per step",
    "learning_rate": "Learning rate",
    "warm_up_images": "Images over which the learning rate rises",
    "decay_from": "Share of the run before the learning rate falls",
    "adam_beta1": "Adam's beta 1",
    "adam_beta2": "Adam's beta 2",
    "gradient_clip": "Longest gradient, in usual lengths",
    "generator_loss": "Loss of the generator",
    "ema_half_life_images": "Half-life of the averaged weights, in images",
    "penalty_gamma": "Weight of the gradient penalties",
    "penalty_every": "Steps between two gradient penalties",
    "class_weight": "Weight of the class that is read",
    "style_weight": "Weight of the style that is read",
    "style": "Style that can be asked for",
    "channels": "Channels of the networks",
    "differentiable": "Moves of real and generated images alike",
    "starts_at_mean": "Begins at the images' mean gray",
    "labelled": "Images with a label",
    "adversarial_weight": "Weight of telling real from generated",
    "matching_weight": "Weight of matching features",
    "consistency_weight": "Weight of reading moved images alike",
    "sure_from": "Probability from which a reading counts",
    "augmentation": "Augmentation",
    "shift_px": "Largest shift in pixels",
    "rotate_deg": "Largest rotation in degrees",
    "scale": "Largest change of size",
    "stretch": "Largest change of width and of height",
    "shear_deg": "Largest shear in degrees",
    "elastic_px": "Wobble in pixels",
    "flip": "Mirrored",
    "seed": "Seed",
    "precision": "Precision",
    "threads": "CPU threads",
    "device": "Device",
    "sample_epochs": "Epochs whose samples are kept",
    "checkpoint_every_images": "Images between two checkpoints",
    "keep_checkpoints": "Checkpoints kept",
    "log_every_steps": "Steps between two rows of the log",
}
VERBATIM = {"seed"}  # a name made of digits, not an amount


def amount(value: float) -> str:
    """60000 -> "60,000"; 0.0002 -> "0.0002"."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def duration(seconds: float) -> str:
    """59.6 -> "1 min 0 s"; whole seconds, the two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def by_other_writers(source: str) -> bool:
    """Whether the test set of this data was written by other people than its training images: known of MNIST."""
    return source.startswith(("mnist (", "stacked-mnist ("))
