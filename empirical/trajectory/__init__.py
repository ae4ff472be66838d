"""What is measured along a training run besides the theorems: landscape, covariate shift, activations."""
