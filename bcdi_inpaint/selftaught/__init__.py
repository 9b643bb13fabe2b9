"""Methods that learn from the one scan they fill: the deep image prior, adversarial networks."""
