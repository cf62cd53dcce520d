package app

// Hidden stands for a value of config that another tool set. It may be a secret in clear, so it is not read into a state:
// its name tells what an adoption changes.
const Hidden = "(not read: set by another tool)"
