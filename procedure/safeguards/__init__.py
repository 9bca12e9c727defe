"""The safeguards, one file a family. Which is asked at which act stands in :mod:`procedure.gates`."""
