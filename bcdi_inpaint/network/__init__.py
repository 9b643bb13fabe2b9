"""The network: its units, its input channels, the U-Net, its weights and calibration."""
