"""Training: the losses, the adversarial step, the loop around it, and what it saves so that nothing is lost."""
