"""Measurements, each as a ratio within one run: absolute figures of a shared machine mean little."""
