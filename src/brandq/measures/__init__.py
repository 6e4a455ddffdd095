"""Measures: counts over many answers become numbers, each with its interval and with what it speaks of.

What one answer says is read in ``analysis``; here nobody sees a text. Pure and deterministic.
"""
