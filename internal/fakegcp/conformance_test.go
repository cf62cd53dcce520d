package fakegcp_test

import "testing"

// fact holds the fake to one fact about the real services. Section is where the fact stands in the sheet of facts that the
// fake is built from (GCP-FACTS.md, sections 1.0 to 1.5), source is where the sheet has it from: "recorded", a proto's
// comment, an issue as repository#number. What the sheet has and the fake has not is in QUIRKS.md.
func fact(t *testing.T, section, statement, source string, holds func(t *testing.T)) {
	t.Helper()
	if section == "" || source == "" {
		t.Fatalf("fact %q: a fact has a section and a source", statement)
	}
	t.Run(section+" "+statement, holds)
}
