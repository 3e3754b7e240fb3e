"""The words that edge and centre share: wire types, rule catalogue, evidence seal. Imports nothing of ours."""
