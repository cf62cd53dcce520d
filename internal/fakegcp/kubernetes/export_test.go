package kubernetes

// ProgramsForTest is the directory with the programs.
func ProgramsForTest() (string, error) { return programs() }
