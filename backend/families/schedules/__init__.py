"""The steps of a picture: when the denoiser is asked, and what becomes of its answer. One file per way of noising."""
