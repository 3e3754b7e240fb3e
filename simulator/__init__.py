"""Renders small kitchens with known truth. A development extra: nothing that ships imports it.

The clips in the tree were made by ``clip --kit demo --seed 1 configs/demo/kitchen.mp4`` and
``clip --kit event --seed 1 tests/simulator/event.mp4``; each takes some minutes.
"""
