"""What seals: the keys of cases, and the encryption of everything personal that leaves a process."""
